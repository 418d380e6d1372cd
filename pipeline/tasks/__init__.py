"""What people are asked in Label Studio, and how their answers come home."""
