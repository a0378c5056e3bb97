"""Silhouettes of upper garments: fit, measurements, arm poses, outlines of body and sleeves."""
