"""Everything that can go wrong in a way the user can mend, as one tree.

    ToonsetError
    ├── ParamsError    params.yaml: an unknown key, a wrong value
    ├── InputError     a file somebody made or gave us cannot be read as what it should be
    ├── StageError     a stage cannot produce its output from the inputs it was given
    │   └── TaskLost   one item's work ended its process each time it was tried
    └── SetupError     something is missing or wrong on this machine

A message says what was found, what was expected and what to do. One bad item among many is not an error but a
row with `status` and `reason`; an error ends the stage. `cascades` and `labeling` stand alone and have bases of
their own (`cascades.errors.CascadeError`); the command line prints all of them the same way.
"""

import difflib
from collections.abc import Iterable


class ToonsetError(Exception):
    """Base of every error that the command line prints as a message, without a traceback."""


class ParamsError(ToonsetError):
    """A key or value of `params.yaml` that cannot be used; names the key, the value, what was expected."""


class InputError(ToonsetError):
    """A file that a person made or provided (annotations, sources) that cannot be read as expected."""


class StageError(ToonsetError):
    """A stage that cannot produce its output, such as training without one labelled face."""


class TaskLost(StageError):
    """The process that worked on one item died each time it was tried; the other items are done."""


class SetupError(ToonsetError):
    """Something is missing or wrong on this machine, such as a package or a program."""


def nearest(word: str, valid: Iterable[str]) -> str:
    """ " Did you mean 'x'?" for the valid name closest to `word`, or an empty string where none is close."""
    matches = difflib.get_close_matches(str(word), list(valid), n=1, cutoff=0.6)
    return f" Did you mean {matches[0]!r}?" if matches else ""
