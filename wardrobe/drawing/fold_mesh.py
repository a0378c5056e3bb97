"""Triangle mesh of one fold: a sharp ridge whose light and shadow fade to both sides and ends."""

import math
from itertools import pairwise

import skia

from wardrobe.drawing.geometry import Curve, resample
from wardrobe.fabric.colours import argb
from wardrobe.fabric.materials import Cloth

Fold = tuple[Curve, float, float]  # curve along its ridge, width in cm, strength 0..1
_STRENGTH_ALONG = (0.0, 0.55, 0.95, 1.0, 0.8, 0.4, 0.0)  # opacity of a fold from its start to its end
_OFFSETS_ACROSS = (
    -1.0,
    -0.35,
    -0.04,
    0.22,
    0.55,
    1.25,
)  # shares of the width from the ridge, lit side first
_LIGHT_ACROSS = (0.0, 0.45, 1.0, 0.0, 0.0, 0.0)
_SHADE_ACROSS = (0.0, 0.0, 0.0, 1.0, 0.5, 0.0)


def _triangle_indices(rows: int, columns: int) -> list[int]:
    corners = []
    for row in range(rows - 1):
        for a in range(row * columns, row * columns + columns - 1):
            corners += [a, a + 1, a + columns, a + 1, a + columns + 1, a + columns]
    return corners


_TRIANGLE_INDICES = _triangle_indices(len(_OFFSETS_ACROSS), len(_STRENGTH_ALONG))


def fold_mesh(curve: Curve, width: float, strength: float, cloth: Cloth) -> skia.Vertices:
    """Build the vertex-coloured mesh of a fold along a curve, `width` cm wide, lit from the upper left."""
    points = resample(curve, len(_STRENGTH_ALONG))
    length = sum(math.dist(a, b) for a, b in pairwise(curve))
    width = min(width, 0.22 * length)
    (x0, y0), (x1, y1) = points[0], points[-1]
    facing = ((y1 - y0) * -0.55 - (x1 - x0) * -0.83) / max(math.dist(points[0], points[-1]), 1e-6)
    side = -1.0 if facing > 0 else 1.0  # 1.0: the shadow lies to the right of the curve
    strength *= 0.6 + 0.4 * abs(facing)
    lit, dim = 0.40 * strength * cloth.highlight_strength, 0.46 * strength * cloth.shadow_strength
    normals = [_normal(points, i) for i in range(len(points))]
    reaches = [side * width * (0.35 + 0.65 * part) for part in _STRENGTH_ALONG]
    places: list[skia.Point] = []
    colours: list[int] = []
    shade = cloth.shade
    for shift, bright, dark in zip(_OFFSETS_ACROSS, _LIGHT_ACROSS, _SHADE_ACROSS, strict=True):
        for (x, y), (nx, ny), reach in zip(points, normals, reaches, strict=True):
            places.append(skia.Point(x + nx * reach * shift, y + ny * reach * shift))
        colour, alpha = ((255, 255, 255), bright * lit) if bright else (shade, dark * dim)
        colours += [argb(colour, alpha * part) for part in _STRENGTH_ALONG]
    return skia.Vertices(skia.Vertices.kTriangles_VertexMode, places, None, colours, _TRIANGLE_INDICES)


def _normal(points: Curve, i: int) -> tuple[float, float]:
    """Compute the unit normal to the right of the curve's direction at point i."""
    (ax, ay), (bx, by) = points[max(i - 1, 0)], points[min(i + 1, len(points) - 1)]
    length = math.dist((ax, ay), (bx, by)) or 1.0
    return (ay - by) / length, (bx - ax) / length
