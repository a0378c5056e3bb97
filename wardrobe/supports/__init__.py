"""Supports of garments: hangers and mannequins."""
