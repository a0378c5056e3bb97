"""Drawn garments with exact labels for the eight attributes of FashionAI.

A seed becomes an image in these steps: `spec` plans the garment and its attribute values, `silhouette` chooses its
measurements and outlines, `upper` and `lower` assemble its parts (`necks`, `fronts`, sleeves, skirts, trousers) on a
hanger or mannequin (`supports`), `drawing` records them in centimetres with the cloth of `fabric`, and `studio` frames
the recording and composes it with a backdrop and shadows. `generator` runs these steps.

`line_drawings` draws each attribute and value as a small SVG, with the same measurements.
"""

from wardrobe.generator import VERSION, Drawing, balanced, describe, draw, sample

__all__ = ["VERSION", "Drawing", "balanced", "describe", "draw", "sample"]
