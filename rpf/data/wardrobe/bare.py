"""Trunks without two shoulders: strapless, on straps, off the shoulders, and on one shoulder."""

import skia

from rpf.data.wardrobe.cloth import Cloth
from rpf.data.wardrobe.geometry import Point, between, mirrored, offset
from rpf.data.wardrobe.kit import Kit, frill, symmetric
from rpf.data.wardrobe.necklines import heart_edge


def draw_trunk(kit: Kit, style: str, neck: tuple[str, int]) -> skia.Path:
    """Draws back and front; gives the front's outline."""
    pen, body = kit.pen, kit.body
    if style == "one":
        return _one_shoulder(kit)
    if style == "off":
        body.slope, body.shoulder = body.top + 2.4, body.chest - 2.6
        body.armhole = body.top + 13.5
        body.arm -= 6.0
        body.angle = max(body.angle, 60.0)
    edge = top_edge(kit, style, neck)
    x, y = edge[-1]
    arm = [(x, y), (x + (body.chest - x) * 0.30, y + (body.armhole - y) * 0.62), (body.chest, body.armhole)]
    if style == "off" and body.sleeve:
        arm = [(x + 0.6, y), *body.armhole_run(0.9)[1:]]
    lower = [body.side_run(), body.hem_run(), mirrored(body.side_run())]
    behind_y = y - (3.4 if style == "off" else 0.8)
    behind = [(-x, y), (-x * 0.6, behind_y), (0.0, behind_y - 0.3), (x * 0.6, behind_y), (x, y)]
    if style == "straps":
        _straps(kit, x - 1.2, y, back=True)
    pen.piece(pen.path(behind, arm, *lower, mirrored(arm)), kit.lining, edge=0.5)
    front = pen.path(edge, arm, *lower, mirrored(arm))
    pen.piece(front, kit.cloth, shadow=0.4)
    if style == "straps":
        _straps(kit, x - 1.2, y, back=False)
    if neck == ("neckline_design", 8) or (kit.garment == "dress" and style == "strapless"):
        _cups(kit)
    return front


def top_edge(kit: Kit, style: str, neck: tuple[str, int]) -> list[Point]:
    """The upper edge of the front, from left to right."""
    body = kit.body
    x = body.chest - 4.6 if style != "off" else body.shoulder
    y = body.top
    if neck == ("neckline_design", 8):
        return symmetric(heart_edge(x, y, 5.2))
    if style == "off":  # from below the shoulders, a little higher over the breast
        return [
            (-x, y + 2.4),
            (-x * 0.72, y + 1.0),
            (-x * 0.3, y + 1.1),
            (x * 0.3, y + 1.1),
            (x * 0.72, y + 1.0),
            (x, y + 2.4),
        ]
    sag = 1.5
    return [(-x, y), (-x * 0.55, y + sag * 0.75), (0.0, y + sag), (x * 0.55, y + sag * 0.75), (x, y)]


def _straps(kit: Kit, x: float, y: float, back: bool) -> None:
    """Two thin straps over where the shoulders would be: their back halves lie behind the front ones."""
    width = 0.35 + (kit.cloth.seed % 5) * 0.16
    for way in (1, -1):
        top = (x * 0.86 * way, 0.0)
        foot = (x * way, y + 0.8) if not back else ((x - 2.2) * way, y + 2.0)
        run = between(top, foot, (-0.03 if not back else 0.05) * way)
        cloth: Cloth = kit.lining if back else kit.trim
        kit.pen.band(
            [(px - width * way, py) for px, py in run],
            [(px + width * way, py) for px, py in run],
            cloth,
            edge=0.15,
            shadow=0.0 if back else 0.3,
        )


def _cups(kit: Kit) -> None:
    """The seams of a bodice below the bust."""
    body, pen = kit.body, kit.pen
    y = body.top + 12.5
    for way in (1, -1):
        under = [(1.0 * way, y - 2), (body.chest * 0.4 * way, y + 1.2), (body.chest * 0.93 * way, body.armhole + 1.5)]
        pen.crease(under, kit.cloth, 0.8, 0.3)
        low = min(body.length - 2, 41.0)
        pen.crease([(body.chest * 0.46 * way, y + 1.2), (body.chest * 0.40 * way, low)], kit.cloth, 0.7, 0.25)


def _one_shoulder(kit: Kit) -> skia.Path:
    """The right shoulder is kept; the upper edge runs from its neck side to the left armpit."""
    pen, body = kit.pen, kit.body
    left = (-body.chest + 3.0, body.armhole - 6.0)
    edge = between(left, (body.neck - 1.0, 0.0), 0.09, 4)
    under = between((-body.chest, body.armhole + 1.0), left, 0.05)
    right = [
        [(body.neck - 1.0, 0.0), (body.shoulder, body.slope)],
        body.armhole_run(0.9 if body.sleeve else 0.0),
        body.side_run(),
    ]
    lower = [body.hem_run(), mirrored(body.side_run())]
    back = between((left[0], left[1] + 0.5), (body.neck - 1.0, 0.0), -0.02, 4)
    pen.piece(pen.path(back, *right, *lower, under), kit.lining, edge=0.5)
    front = pen.path(edge, *right, *lower, under)
    pen.piece(front, kit.cloth, shadow=0.4)
    if not body.sleeve:
        pen.crease(body.armhole_run(), kit.cloth, 0.8, 0.3)
    pen.folds(
        front,
        kit.cloth,
        [
            (between((body.neck + 3, 2.0), (x, y), b), 1.6, 0.8)
            for x, y, b in ((-12.0, 23.0, 0.1), (-4.0, 27.0, 0.08), (6.0, 26.0, 0.04))
        ],
    )
    return front


def finish_edge(kit: Kit, style: str, neck: tuple[str, int]) -> None:
    """The upper edge: a frill or an elastic along bare shoulders, a piping else."""
    pen, body, rng = kit.pen, kit.body, kit.rng
    if style == "one":
        left = (-body.chest + 3.0, body.armhole - 6.0)
        edge = between(left, (body.neck - 1.0, 0.0), 0.09, 4)
        if rng.random() < 0.35:
            frill(kit, edge, 7.0)
        else:
            pen.band(edge, offset(edge, 1.0), kit.trim, shadow=0.25, edge=0.2)
        return
    edge = top_edge(kit, style, neck)
    if style == "off":
        wide = body.shoulder + (2.4 if body.sleeve else 0.0)
        rim = [(-wide, body.top + 4.4), *edge, (wide, body.top + 4.4)]
        if rng.random() < 0.5:
            frill(kit, rim, float(rng.uniform(7, 11)))
        else:
            pen.band(rim, offset(rim, 1.8), kit.trim, ribs=0.9, shadow=0.3, edge=0.3)
        return
    if neck == ("neckline_design", 8):
        middle = len(edge) // 2
        for run in (edge[: middle + 1], edge[middle:]):
            pen.band(run, offset(run, 0.8), kit.trim, shadow=0.2, edge=0.2)
        return
    if rng.random() < 0.3 and style == "strapless":
        frill(kit, edge, float(rng.uniform(5, 9)))
    else:
        pen.band(edge, offset(edge, 1.2), kit.trim, ribs=0.0, shadow=0.25, edge=0.2)
