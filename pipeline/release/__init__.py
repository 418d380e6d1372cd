"""What is shared: a folder that explains itself and checks itself."""
