"""Numbers with their nouns, as people write them."""

import re
from typing import Final

PLURAL: Final = re.compile(r"\b(?P<stem>\w*?(?:(?:[sxz]|ch|sh)(?=es\b)|[^s\W](?=s\b)))e?s\b")


BEHIND: Final = re.compile(r"\b(?:by|from|in|of|that|to|until|with|without)\b.*")
"""What follows the thing that is counted."""


def noun(number: int, nouns: str) -> str:
    """Words of things as they follow a number: for 1, "boxes of faces" becomes "box of faces"."""
    behind = BEHIND.search(nouns)
    end = behind.start() if behind else len(nouns)
    return PLURAL.sub(lambda found: found["stem"], nouns[:end], count=1) + nouns[end:] if number == 1 else nouns


def counted(number: int, nouns: str) -> str:
    """ "2 boxes", and "1 box" for the same words."""
    return f"{number:,} {noun(number, nouns)}"
