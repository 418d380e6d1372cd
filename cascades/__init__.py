"""Haar cascades: train, read, write and run them. Stands alone; knows nothing of the pipeline."""
