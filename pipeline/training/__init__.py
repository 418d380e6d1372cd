"""Training a network on labelled faces."""
