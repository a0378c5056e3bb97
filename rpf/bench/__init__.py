"""Measurements of speed, memory and recall side by side: `python -m rpf bench`."""
