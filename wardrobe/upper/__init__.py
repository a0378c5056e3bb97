"""Upper garments and dresses: assembly, bodies, sleeves, cuffs, folds, prints."""
