"""Cascade files that are already on this machine: those of an installed OpenCV, or of Debian's package opencv-data.

`find("haarcascade_eye.xml")` is the path of one. `data.haarcascades + "haarcascade_eye.xml"` works as with `cv2.data`.
"""

import os
import sys
from pathlib import Path

import cv2

from cascades.errors import CascadeFileNotFound

KINDS = ("haarcascades", "lbpcascades")
SHARED = ("share/opencv4", "share/opencv", "share/OpenCV", "Library/etc")
"""Where an OpenCV that is installed under a prefix keeps its cascades; the last is Conda's on Windows."""
INSTALL = (
    "On Debian, Ubuntu or Raspberry Pi OS: `apt install opencv-data`. Elsewhere, OpenCV 4's package has them: "
    "`pip install --no-deps --target opencv4 'opencv-python-headless<5'` puts them into opencv4/cv2/data. "
    "Copy that folder to where you need it"
)


def prefixes() -> list[Path]:
    """Where programs are installed on this machine: this environment first, then the system."""
    found = [Path(sys.prefix), Path(sys.base_prefix), Path("/usr/local"), Path("/usr"), Path("/opt/homebrew")]
    return list(dict.fromkeys(found))


def folders() -> list[Path]:
    """Folders on this machine that have cascade files, those of the imported cv2 first."""
    wanted = [Path(str(cv2.__file__)).parent / "data"]
    wanted += [prefix / part / kind for prefix in prefixes() for part in SHARED for kind in KINDS]
    return [folder for folder in wanted if folder.is_dir() and any(folder.glob("*cascade*.xml"))]


def available() -> dict[str, Path]:
    """Name → path of every cascade file on this machine, sorted by name. Of two with one name, `folders`' first."""
    found: dict[str, Path] = {}
    for folder in folders():
        for path in folder.glob("*cascade*.xml"):
            found.setdefault(path.name, path)
    return dict(sorted(found.items()))


def find(name: str) -> Path:
    """The cascade file of that name, with or without `.xml`. Raises CascadeFileNotFound saying what to install."""
    files = available()
    wanted = name if name.endswith(".xml") else f"{name}.xml"
    if wanted in files:
        return files[wanted]
    if not files:
        raise CascadeFileNotFound(f"no cascade files on this machine, so no {wanted}. {INSTALL}")
    raise CascadeFileNotFound(f"no {wanted} on this machine; there are {', '.join(files)}")


def __getattr__(name: str) -> str:
    """`haarcascades` and `lbpcascades`: a folder's path that ends in a slash, as in `cv2.data`."""
    if name not in KINDS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    kind = name.removesuffix("cascades")
    for folder in folders():
        if any(folder.glob(f"{kind}cascade*.xml")):
            return f"{folder}{os.sep}"
    raise CascadeFileNotFound(f"no {name} on this machine. {INSTALL}")
