"""The flow from cartoon episodes to a labelled face-emotion dataset and a classifier; `stages` has a module a stage.

`from pipeline import load_model`: a trained classifier, whose `predict` says what emotions faces show.
"""

from typing import TYPE_CHECKING, Any

from pipeline.version import VERSION

if TYPE_CHECKING:
    from pipeline.classifier.model import load_model

__all__ = ["__version__", "load_model"]
__version__ = VERSION


def __getattr__(name: str) -> Any:
    # Only now: torch takes a second to import, which most commands need not wait for.
    if name == "load_model":
        from pipeline.classifier.model import load_model

        return load_model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
