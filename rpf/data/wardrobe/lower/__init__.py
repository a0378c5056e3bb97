"""Skirts and trousers."""
