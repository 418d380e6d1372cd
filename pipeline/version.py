"""The version of toonset: what the installed package says of itself, and nothing else does."""

from importlib import metadata
from typing import Final

VERSION: Final = metadata.version("toonset")
