"""How long a video file should be by its own headers, to tell a whole file from one that was cut short.

The decoder does not report this: of an MKV that was cut in half FFmpeg decodes the first half without an error. The
three families of containers that cartoons come in state their sizes: MP4 and MOV (boxes, ISO/IEC 14496-12), Matroska
and WebM (EBML, RFC 8794 and 9559) and AVI (RIFF).
"""

import os
from pathlib import Path
from typing import BinaryIO, Final

BOXES: Final = frozenset(
    b"ftyp moov mdat free skip wide moof mfra uuid pdin sidx styp ssix meta emsg prft udta pnot".split()
)
EBML: Final = b"\x1a\x45\xdf\xa3"
SEGMENT: Final = b"\x18\x53\x80\x67"


def promised_bytes(path: Path) -> int | None:
    """Size in bytes that the headers promise at least, or None where the format makes no promise."""
    with path.open("rb") as file:
        head = file.read(8)
        if head[:4] == b"RIFF":
            return 8 + int.from_bytes(head[4:], "little")
        if head[:4] == EBML:
            return _segment_end(file)
        if head[4:] in BOXES:
            return _last_box_end(file)
    return None


def _last_box_end(file: BinaryIO) -> int:
    """Where the last top-level box ends: 4 bytes of size, 4 of type, a 64-bit size after them where the first is 1."""
    end, size_of_file = 0, os.fstat(file.fileno()).st_size
    while end < size_of_file:
        file.seek(end)
        head = file.read(16)
        size = int.from_bytes(head[:4], "big")
        if head[4:8] not in BOXES or size == 0:  # 0: to the end of the file
            break
        end += int.from_bytes(head[8:], "big") if size == 1 else size
        if size != 1 and size < 8:
            break
    return end


def _segment_end(file: BinaryIO) -> int | None:
    """Where the Segment of a Matroska file ends: it comes after the EBML header and holds all the rest."""
    file.seek(len(EBML))
    header = _size(file)
    if header is None:
        return None
    file.seek(header, os.SEEK_CUR)
    if file.read(len(SEGMENT)) != SEGMENT:
        return None
    size = _size(file)
    return None if size is None else file.tell() + size


def _size(file: BinaryIO) -> int | None:
    """An EBML size: leading zero bits of the first byte count the bytes that follow; all ones means unknown."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    more = 8 - first[0].bit_length()
    value = int.from_bytes(bytes([first[0] & ((1 << (7 - more)) - 1)]) + file.read(more), "big")
    return None if value == (1 << (7 * (more + 1))) - 1 else value
