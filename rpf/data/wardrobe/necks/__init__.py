"""Necklines, collars, lapels, hoods."""
