"""Cloth: materials, colours, woven and printed patterns."""
