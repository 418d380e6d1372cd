"""Watching an episode: who feels what, when. One table of faces, and everything that is made from it."""
