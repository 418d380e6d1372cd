"""What a watched video can be written as: names for the command line, which imports nothing heavier."""

from enum import StrEnum


class Format(StrEnum):
    """The formats that a watched video is exported in."""

    CSV = "csv"
    FEX = "fex"
    OPENFACE = "openface"
    EAF = "eaf"
    BIDS = "bids"
    DATAVYU = "datavyu"
    VTT = "vtt"
    SRT = "srt"


class Shown(StrEnum):
    """How an emotion is added to a subtitle."""

    WORD = "word"
    EMOJI = "emoji"
    COLOR = "color"
