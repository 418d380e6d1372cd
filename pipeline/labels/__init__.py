"""People's answers about faces, and how several answers become one label."""
