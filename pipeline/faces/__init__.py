"""Finding faces in episodes, following them through scenes and cutting them out."""
