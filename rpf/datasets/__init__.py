"""Datasets: annotation files, the earlier system's files, and the drawn wardrobe."""
