"""Formats in and out: what other programs write and read, and the project's own tables."""
