"""Files that are whole or not there: written under another name, flushed, renamed; read no further than allowed."""

import contextlib
import os
import zlib
from pathlib import Path

from cascades.errors import InvalidCascadeXml, InvalidParameter

MAX_FILE_BYTES = 64 * 2**20


def write_whole(path: Path, content: bytes) -> None:
    """Put the content into the place of `path`; a process that is killed leaves the old file or the new one."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def require_place(path: Path) -> None:
    """Raise InvalidParameter where no file can be written, before hours of work go into what it is to hold."""
    folder = path.parent
    if not folder.is_dir():
        raise InvalidParameter(f"{path} cannot be written: there is no folder {folder}; make it first")
    if path.is_dir():
        raise InvalidParameter(f"{path} is a folder; name the file to write")
    if not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise InvalidParameter(f"{path} cannot be written: no permission; choose another place")


def read_bounded(path: Path) -> bytes:
    """The file's bytes, unpacked where it is gzip, refusing what is too large to be a cascade or no plain file."""
    if path.exists() and not path.is_file():
        raise InvalidCascadeXml(f"{path}: not a file")
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise InvalidCascadeXml(f"{path}: {size:,} bytes, a cascade has at most {MAX_FILE_BYTES:,}")
    content = path.read_bytes()
    return _unpacked(content, path) if content.startswith(b"\x1f\x8b") else content


def _unpacked(content: bytes, path: Path) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(content, MAX_FILE_BYTES + 1)
    except zlib.error as error:
        raise InvalidCascadeXml(f"{path}: not a gzip file that can be unpacked ({error})") from error
    if len(plain) > MAX_FILE_BYTES:
        raise InvalidCascadeXml(f"{path}: unpacked more than {MAX_FILE_BYTES:,} bytes, which no cascade has")
    if not unpacker.eof:
        raise InvalidCascadeXml(f"{path}: the gzip file is cut off")
    return plain
