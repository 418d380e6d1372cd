"""Where videos come from and how they are decoded, frame by frame."""
