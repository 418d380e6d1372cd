"""Work kept between runs, unknown to DVC and git: interrupted downloads, scene boundaries of known episodes.

Everything here can be deleted at any time; it is then made again.
"""

from pathlib import Path

from pipeline import paths


def cache_folder(name: str, root: Path = paths.CACHE) -> Path:
    """The folder `name` in the cache, made if need be, ignored by git."""
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    ignore = root / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    return folder
