"""The words of people's answers, and the columns they are kept under: said here once, for pages, exports and labels."""

from typing import Final

PLACE: Final = ("episode_id", "frame", "character", "x", "y", "w", "h")
"""What an answer about a face is matched by."""

NO_EMOTION: Final = ("unclear", "not-a-face", "another-character")
"""Answers an annotator may give instead of an emotion."""

RIGHT_CHARACTER: Final = "right-character"
WRONG_CHARACTER: Final = "wrong-character"
WRONG_EMOTION: Final = "wrong-emotion"
SHEET_ANSWERS: Final = (RIGHT_CHARACTER, WRONG_CHARACTER, WRONG_EMOTION)
"""What else a contact sheet may say of a face: its claim of a character was not contested; was contested; its claim of
an emotion (`suggested`) was contested. A confirmed emotion is an ordinary answer."""

CONTESTED: Final = {"character": WRONG_CHARACTER, "emotion": WRONG_EMOTION}
"""The answer for a face marked on a sheet, by what the sheet claims."""

NO_VOTE: Final = (RIGHT_CHARACTER, WRONG_EMOTION)
"""Answers that leave open what the face shows."""

NOT_THEIRS: Final = ("not-a-face", "another-character", WRONG_CHARACTER)
"""Answers that say one thing: it is no face of the character."""

NOBODY: Final = "nobody"
"""The answer for a group of faces that are of no character, or no faces."""
MIXED: Final = "mixed"
"""The answer for a group of too many; its faces stay unnamed."""
UNNAMED: Final = "unnamed"
"""What is kept of a face that was looked at and not named: it was marked, or its group was mixed."""

PROVENANCE: Final = ("given_by", "suggested", "guess")
"""How an emotion came to be given; empty strings where a file does not say."""
