"""What is claimed about speed and accuracy, each a command: `python -m benchmarks.NAME`."""
