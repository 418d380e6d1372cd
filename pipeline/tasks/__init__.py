"""The tasks that people get in Label Studio, and fetching their answers."""
