"""Drawing primitives: curves, cloth pieces, folds, wrinkles, seams and trims."""
