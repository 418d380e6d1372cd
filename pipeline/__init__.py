"""The flow from cartoon episodes to a labelled face-emotion dataset and a classifier: a module per stage in `stages`."""

__version__ = "0.1.0"
