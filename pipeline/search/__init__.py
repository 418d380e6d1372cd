"""Looking for faces of the project with a like expression."""
