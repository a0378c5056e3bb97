"""Lower garments: skirts, trousers and shorts."""
