"""Garments with shoulders seen from behind: no opening, only seams and the back of the neck."""

from wardrobe.drawing.geometry import Point
from wardrobe.silhouette.kit import Kit
from wardrobe.spec import Plan


def draw_seams(kit: Kit, plan: Plan) -> None:
    """A yoke, a seam down the middle with its vent, or darts, as the garment has them."""
    pen, body, cloth, rng = kit.pen, kit.body, kit.cloth, kit.rng
    if plan.garment in ("shirt", "jacket") or (plan.garment == "blouse" and rng.random() < 0.4):
        _yoke(kit, plan)
    elif plan.garment in ("blazer", "coat"):
        middle: list[Point] = [(0.0, 2.0), (0.25, 0.5 * body.length), (0.0, body.length + 0.5)]
        pen.line(middle, cloth.shade, 0.9, 0.14)
        pen.line(middle, cloth.seam, 0.18, 0.6)
        if body.length > body.hip_y - 6:
            top = body.length - min(0.26 * body.length, 34.0)
            pen.crease([(0.0, top), (0.5, 0.5 * (top + body.length)), (1.1, body.length + 0.5)], cloth, 1.6, 0.5)
    elif plan.garment == "dress":
        pen.line([(0.0, 2.0), (0.1, body.waist_y), (0.0, body.waist_y + 18)], cloth.seam, 0.22, 0.6)


def _yoke(kit: Kit, plan: Plan) -> None:
    pen, body, cloth = kit.pen, kit.body, kit.cloth
    y = body.slope + 6.0
    x = body.shoulder - 0.3
    line = [(-x, y - 0.6), (-x * 0.5, y + 0.3), (0.0, y + 0.5), (x * 0.5, y + 0.3), (x, y - 0.6)]
    pen.line(line, cloth.shade, 0.9, 0.14)
    pen.line(line, cloth.seam, 0.18, 0.6)
    pen.stitches([(a, b + 0.7) for a, b in line], cloth)
    if plan.garment != "jacket":  # a box pleat beneath the yoke
        for side in (1, -1):
            pen.line([(1.6 * side, y + 0.5), (1.7 * side, y + 22)], cloth.shade, 0.35, 0.4)
