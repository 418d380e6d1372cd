"""A trained emotion classifier: its file, its answers, how good and how sure they are."""
