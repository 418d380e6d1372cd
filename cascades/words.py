"""Numbers with their nouns, as people write them."""

import re
from typing import Final

PLURAL: Final = re.compile(r"\b(?P<stem>\w*?(?:(?:[sxz]|ch|sh)(?=es\b)|[^s\W](?=s\b)))e?s\b")


def counted(number: int, nouns: str) -> str:
    """ "2 boxes", and "1 box" for the same words: the first word that is a plural becomes a singular."""
    return f"{number:,} {PLURAL.sub(lambda found: found['stem'], nouns, count=1) if number == 1 else nouns}"
