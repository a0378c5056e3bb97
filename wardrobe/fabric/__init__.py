"""What garments are made of: colours, patterns, textures."""
