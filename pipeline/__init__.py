"""The flow from cartoon episodes to a labelled face-emotion dataset and a classifier; one module per stage in `stages/`."""
