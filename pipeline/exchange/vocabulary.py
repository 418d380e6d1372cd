"""The words that others use for emotions and splits, and how they become those of params.yaml.

Nothing is guessed in silence: the stage prints for every word what it became and by which rule, and a word that no rule
settles makes its rows rejected ones, with the reason.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.errors import InputError, nearest
from pipeline.params import FacesFrom
from pipeline.schemas import Split

FER2013: Final = dict(enumerate(("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")))
"""The numbers of fer2013.csv (Goodfellow et al. 2013)."""
AFFECTNET: Final = dict(enumerate(("neutral", "happy", "sad", "surprise", "fear", "disgust", "anger", "contempt")))
"""The numbers of AffectNet (Mollahosseini et al. 2017) that are emotions; 8, 9 and 10 are not."""
NO_EMOTION: Final = {8: "none", 9: "uncertain", 10: "no-face"}
FAMILIES: Final = (
    {"angry", "anger"},
    {"happy", "happiness", "joy", "joyful"},
    {"sad", "sadness"},
    {"surprised", "surprise"},
    {"afraid", "fear", "fearful", "scared"},
    {"disgusted", "disgust"},
    {"contemptuous", "contempt"},
    {"neutral", "neutrality"},
)
"""Words for the same emotion."""
SPLIT_WORDS: Final[Mapping[str, Split]] = {
    **dict.fromkeys(("train", "training", "train_set"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "val_set", "dev", "publictest"), "validation"),
    **dict.fromkeys(("test", "testing", "test_set", "privatetest"), "test"),
}
MOST_LABELS: Final = 200
"""Different labels of one source; more are no emotions but something else, such as file names."""


@dataclass(frozen=True)
class Meaning:
    """What a label became."""

    emotion: str | None
    rule: str
    """How it became that, or why it became nothing."""


def split_named(word: str) -> Split | None:
    """The split that a word of others means; None where it means none."""
    return SPLIT_WORDS.get(word.strip().lower())


def plain(word: str) -> str:
    """A word as an id: lower case, accents kept out, other characters as hyphens; empty where nothing is left."""
    letters = unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[^a-z0-9_]+", "-", letters.lower()).strip("-_")[:64]


def character_of(word: str, entry: FacesFrom) -> str | None:
    """The id of the character that a source calls so; None where `map` leaves it out.

    Empty where no letter of an id is left. word: empty where the source does not say whose face it is.
    """
    named = entry.map.get(word, word) if word else entry.character or entry.id
    return None if named is None else plain(named)


def meanings(labels: Iterable[str], emotions: Sequence[str], given: Mapping[str, str | None]) -> dict[str, Meaning]:
    """What each label means among the project's emotions. given: `map` of the source.

    Raises InputError where there are more labels than a data set has emotions, or `map` leads to no emotion.
    """
    words = sorted(set(labels))
    if len(words) > MOST_LABELS:
        raise InputError(
            f"{len(words):,} different labels (such as {words[0][:40]!r} and {words[-1][:40]!r}); expected at most "
            f"{MOST_LABELS}: these are no emotions; check the format in `faces_from`"
        )
    return {word: _meaning(word, emotions, given) for word in words}


def _meaning(word: str, emotions: Sequence[str], given: Mapping[str, str | None]) -> Meaning:
    if word in given:
        to = given[word]
        if to is None:
            return Meaning(None, f"{word!r} is left out by `map`")
        if to not in emotions:
            raise InputError(
                f"`map` makes {word!r} {to!r}, which is not among the emotions in params.yaml "
                f"({', '.join(emotions)}).{nearest(to, emotions)}"
            )
        return Meaning(to, "by `map`")
    own = plain(word)
    if own in emotions:
        return Meaning(own, "the same word")
    family = next((words for words in FAMILIES if own in words), set())
    found = [emotion for emotion in emotions if emotion in family]
    if len(found) == 1:
        return Meaning(found[0], "another word for it")
    return Meaning(None, f"{word[:40]!r} is not among the emotions in params.yaml, and `map` does not say what it is")
