"""What FFmpeg says of a file besides its frames: errors that it repairs by itself and does not raise.

A damaged packet is one of them: the frame comes all the same, with a part of it guessed.
"""

import contextlib
import logging
from collections.abc import Iterator
from threading import Lock
from typing import Final, TypeVar

import av.logging

LONGEST: Final = 120
"""Characters of a message that are shown."""

Item = TypeVar("Item")

logging.getLogger("libav").addHandler(logging.NullHandler())  # what other threads' decoders say is not for the console
_lock: Final = Lock()
_listening: Final[list[bool]] = []
"""An entry for each `with` statement that is open, in any thread."""


def heard(frames: Iterator[Item], said: list[str]) -> Iterator[Item]:
    """Yield the frames, and append to `said` the errors that FFmpeg reports while it makes them.

    Only for decoders with one thread: FFmpeg's own threads would wait for Python's lock while Python waits for them.
    """
    while True:
        with _complaints() as own:
            frame = next(frames, None)
        said += [words.strip() for _, _, words in own]
        if frame is None:
            return
        yield frame


@contextlib.contextmanager
def _complaints() -> Iterator[list[tuple[int, str, str]]]:
    """The errors that FFmpeg reports in this thread until the `with` statement ends: level, part of FFmpeg, words."""
    with _lock:
        if not _listening:
            av.logging.set_skip_repeated(False)
            av.logging.set_level(av.logging.ERROR)
        _listening.append(True)
    try:
        with av.logging.Capture(local=True) as own:
            yield own
    finally:
        with _lock:
            _listening.pop()
            if not _listening:
                av.logging.set_level(None)
