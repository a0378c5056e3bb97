"""What lies on a front: fastenings, pockets, quilting, waists."""
