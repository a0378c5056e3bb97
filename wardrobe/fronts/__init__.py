"""Fronts of upper garments: fastenings, pockets, seams, quilting, waists."""
