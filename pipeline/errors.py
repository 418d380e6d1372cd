"""Everything that can go wrong in a way the user can mend, as one tree.

    ToonsetError
    ├── ParamsError    params.yaml: an unknown key, a wrong value
    ├── InputError     a file somebody made or gave us cannot be read as what it should be
    ├── StageError     a stage cannot produce its output from the inputs it was given
    │   └── TaskLost   one item's work ended its process each time it was tried
    └── SetupError     something is missing or wrong on this machine

A message says what was found, what was expected and what to do. One bad item among many is not an error but a
row with `status` and `reason`; an error ends the stage. `cascades` and `labeling` stand alone and have bases of
their own (`cascades.errors.CascadeError`); the command line prints all of them the same way.
"""

import difflib
import errno
import sys
from collections.abc import Iterable
from typing import Final

FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FORBIDDEN: Final = (errno.EACCES, errno.EPERM, errno.EROFS)


class ToonsetError(Exception):
    """Base of every error that the command line prints as a message, without a traceback."""


class ParamsError(ToonsetError):
    """A key or value of `params.yaml` that cannot be used; names the key, the value, what was expected."""


class InputError(ToonsetError):
    """A file that a person made or provided (annotations, sources) that cannot be read as expected."""


class StageError(ToonsetError):
    """A stage that cannot produce its output, such as training without one labelled face."""


class TaskLost(StageError):
    """The process that worked on one item died each time it was tried; the other items are done."""


class SetupError(ToonsetError):
    """Something is missing or wrong on this machine, such as a package or a program."""


def nearest(word: str, valid: Iterable[str]) -> str:
    """ " Did you mean 'x'?" for the valid name closest to `word`, or an empty string where none is close."""
    matches = difflib.get_close_matches(str(word), list(valid), n=1, cutoff=0.6)
    return f" Did you mean {matches[0]!r}?" if matches else ""


def machine_errors() -> tuple[type[Exception], ...]:
    """What Python and the libraries raise where the machine has no room, no right or no memory; others too."""
    cv2 = sys.modules.get("cv2")  # only what is imported can have raised
    return (OSError, MemoryError, RuntimeError, *([cv2.error] if cv2 else []))


def of_the_machine(error: Exception) -> str | None:
    """The error as one line that says what to do; None where it is not about the machine but a fault of ours."""
    text = " ".join(str(error).split())
    if isinstance(error, OSError) and error.errno is not None:
        where = f"{error.filename}: " if error.filename is not None else ""
        if error.errno in FULL:
            return f"{where}{error.strerror}: make room on the disk, then run this again; what was finished is kept"
        if error.errno in FORBIDDEN:
            return f"{where}{error.strerror}: mend the permissions of the file or its folder, then run this again"
        return f"{where}{error.strerror}"
    # torch raises RuntimeError, OpenCV its own error.
    if isinstance(error, MemoryError) or any(sign in text for sign in ("t allocate memory", "Insufficient memory")):
        return (
            f"there is not enough memory ({text[:200] or 'none is left'}): end other programs or lower "
            "compute.workers in params.yaml, then run this again; what was finished is kept"
        )
    return None
