"""Compiled kernels that no longer fit the code.

numba keeps compiled functions in `__pycache__`, and asks only whether the file of the function has changed. Our kernels
take in functions of other files. After an upgrade of those, a kept kernel would go on doing what they once did.
"""

import hashlib
from pathlib import Path
from typing import Final

STAMP: Final = "kernels.sha256"


def forget_stale_kernels(folder: Path) -> None:
    """Delete the compiled functions in the package `folder` if a file of its code is not the one they were made from.

    Where the folder cannot be written, numba keeps nothing in it either.
    """
    sources = sorted((path.name, (stat := path.stat()).st_size, stat.st_mtime_ns) for path in folder.glob("*.py"))
    digest = hashlib.sha256(repr(sources).encode()).hexdigest()
    stamp = folder / "__pycache__" / STAMP
    try:
        if stamp.exists() and stamp.read_text() == digest:
            return
        for pattern in ("*.nbi", "*.nbc"):
            for path in stamp.parent.glob(pattern):
                path.unlink(missing_ok=True)
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(digest)
    except OSError:
        return
