"""Upper garments and dresses."""
