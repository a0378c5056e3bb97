"""Drawing cloth with curves, folds and light."""
