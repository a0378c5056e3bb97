"""Necks: necklines, collars, lapels, high necks, cowls and hoods."""
