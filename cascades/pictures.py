"""Reading pictures that others made: the same way everywhere, upright, without transparency, and never without bounds.

Any file may claim to be a picture. What is no regular file is not opened (a pipe would hang, a device would never end);
the size is read from the header before memory is taken for the pixels; what stops in the middle is damaged, not gray.
"""

import contextlib
import io
import stat
import struct
import warnings
import zlib
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from cascades.errors import PictureError

Pixels = NDArray[np.uint8]

SUFFIXES: Final = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""What is taken for a picture in a folder; a file that is named itself may be called anything."""
FORMATS: Final = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
MOST_PIXELS: Final = 2**26
"""Pixels of a picture at most: 8192×8192, more than cameras take."""
MOST_BYTES: Final = 2**28
FAULTS: Final = (
    *(OSError, ValueError, SyntaxError, EOFError, MemoryError, ArithmeticError, LookupError, TypeError, AttributeError),
    *(struct.error, zlib.error),
)
"""What Pillow raises on damaged files: which depends on where its reading of one stops."""
ORIENTATION: Final = 0x0112
"""EXIF's tag of how a picture is turned."""
UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_picture(path: Path) -> Pixels:
    """A picture file as RGB uint8[H, W, 3]; as `decode_picture`. Raises PictureError saying why it cannot be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise PictureError(f"{path}: no file but a folder, a pipe or a device; expected a picture")
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise PictureError(f"{path}: cannot be read: {why}; expected a picture") from error
    try:
        return decode_picture(data)
    except PictureError as error:
        raise PictureError(f"{path}: {error}") from error.__cause__


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height in px, upright, from the header of a picture file. Raises PictureError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                raise PictureError(f"{path}: no file but a folder, a pipe or a device; expected a picture")
            with Image.open(path, formats=FORMATS) as image:
                width, height = image.size
                turned = image.getexif().get(ORIENTATION, 1) >= 5
        except (*FAULTS, Image.DecompressionBombError) as error:
            raise PictureError(f"{path}: its size cannot be read ({type(error).__name__})") from error
    return (height, width) if turned else (width, height)


def decode_picture(data: bytes) -> Pixels:
    """The first picture of a file's content as RGB uint8[H, W, 3], C-contiguous.

    Turned upright as its EXIF data says, in every format. What is transparent is laid on white. Of 16 bits the upper 8
    are kept; colors are taken as sRGB. Raises PictureError saying what was found.
    """
    if len(data) > MOST_BYTES:
        raise PictureError(f"more than {MOST_BYTES:,} bytes; expected a picture of at most that")
    if not data:
        raise PictureError("the file is empty (0 bytes); expected a picture")
    with warnings.catch_warnings():
        # Odd metadata is no matter; a header that promises too much is.
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                width, height = image.size
                if width * height > MOST_PIXELS:
                    raise PictureError(f"its header says {width}×{height} px; expected at most {MOST_PIXELS:,} pixels")
                return _pixels(image)
        except Image.DecompressionBombError as error:
            raise PictureError(f"its header says too many pixels; expected at most {MOST_PIXELS:,}") from error
        except UnidentifiedImageError as error:
            raise PictureError(f"no picture that can be decoded (it begins with {data[:8]!r})") from error
        except FAULTS as error:
            raise PictureError(f"a damaged picture, it does not decode to its end ({error}): get it again") from error


def _pixels(image: Image.Image) -> Pixels:
    image.load()
    orientation = 1
    with contextlib.suppress(*FAULTS):  # a damaged label is no damage to the picture
        orientation = image.getexif().get(ORIENTATION, 1)
    if image.mode.startswith("I;16"):
        wide = np.asarray(image).astype(np.uint16)
        opaque = Image.fromarray((wide >> 8).astype(np.uint8)).convert("RGB")
    elif image.mode in ("I", "F"):
        raise PictureError("its pixels are numbers of 32 bits, not colors; expected 8 or 16 bits per color")
    elif image.has_transparency_data:
        clear = image.convert("RGBA")
        opaque = Image.new("RGB", clear.size, "white")
        opaque.paste(clear, mask=clear.getchannel("A"))
    else:
        opaque = image.convert("RGB")
    if orientation in UPRIGHT:
        opaque = opaque.transpose(UPRIGHT[orientation])
    return np.array(opaque, dtype=np.uint8)
