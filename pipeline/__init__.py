"""The flow from cartoon episodes to a labelled face-emotion dataset and a classifier; `stages` has a module a stage."""

__version__ = "0.1.0"
