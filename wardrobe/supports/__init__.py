"""What holds garments: hangers and mannequins."""
