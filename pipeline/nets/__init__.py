"""The emotion networks, one file per architecture."""
