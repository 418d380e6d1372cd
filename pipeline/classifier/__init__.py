"""A trained emotion classifier: its files, its answers, and how good and how reliable they are."""
