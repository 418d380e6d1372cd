"""The dataset that people share: its splits, its card, and the check that nothing leaks between splits."""
