"""The flow from cartoon episodes to a labelled face-emotion dataset and a classifier; `stages` has a module a stage.

`from pipeline import load_model`: a trained classifier, whose `predict` says what emotions faces show.
"""

from typing import TYPE_CHECKING, Any

from pipeline.errors import ToonsetError
from pipeline.quiet import keep_quiet as _keep_quiet
from pipeline.version import VERSION

if TYPE_CHECKING:
    from pipeline.classifier.model import Classifier, load_model

__all__ = ["Classifier", "ToonsetError", "__version__", "load_model"]
__version__ = VERSION
_keep_quiet()


def __getattr__(name: str) -> Any:
    # Only now: torch takes a second to import, which most commands need not wait for.
    if name in ("Classifier", "load_model"):
        from pipeline.classifier import model

        return getattr(model, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
