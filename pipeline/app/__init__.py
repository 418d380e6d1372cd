"""Watching live, in a browser or a terminal: frames come one by one, and each is answered at once."""
