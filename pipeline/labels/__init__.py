"""What people said of faces, and how several answers become one label."""
