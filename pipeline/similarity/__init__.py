"""Which pictures show the same drawing, and which differ most."""
