"""One value out of an `.npy` file of others, as AffectNet has one for each picture. Nothing in it is ever unpickled."""

import io
from pathlib import Path
from typing import Final

import numpy as np

MOST_BYTES: Final = 4096
KINDS: Final = "iufUS"
"""Whole numbers, real numbers, texts (`numpy.dtype.kind`)."""


def read_value(path: Path) -> tuple[str, str]:
    """The only value of an array as text, a whole number without a point; and why there is none, if there is none."""
    if path.is_symlink() or not path.is_file():
        return "", f"there is no annotations/{path.name}"
    try:
        with path.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            return "", f"{path.name} has more than {MOST_BYTES} bytes; expected one number"
        file = io.BytesIO(content)
        forms = np.lib.format
        version: tuple[int, int] = forms.read_magic(file)  # type: ignore[no-untyped-call]
        read_header = forms.read_array_header_1_0 if version == (1, 0) else forms.read_array_header_2_0
        shape, _, kind = read_header(file)  # type: ignore[no-untyped-call]
        if kind.kind not in KINDS or any(length != 1 for length in shape):
            return "", f"{path.name} holds an array of {shape} {kind}; expected one number"
        value = np.frombuffer(file.read(), kind, 1)[0]
    except OSError as error:
        return "", f"{path.name} cannot be read: {error.strerror}"
    except (ValueError, TypeError, RecursionError, MemoryError):
        return "", f"{path.name} is no .npy file with one number"
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    whole = isinstance(value, np.floating) and value.is_integer()
    return str(int(value) if whole else value).strip(), ""
