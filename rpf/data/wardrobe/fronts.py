"""What lies on a trunk: waist seams, plackets, zips, buttons, pockets."""

import skia

from rpf.data.wardrobe.measures import WAIST
from rpf.data.wardrobe.colours import Colour, luminance, mix
from rpf.data.wardrobe.geometry import Point, between, flipped, offset
from rpf.data.wardrobe.kit import Kit, Neck
from rpf.data.wardrobe.plan import Plan


def button_colour(kit: Kit) -> Colour:
    """The same for all buttons of a garment."""
    base = kit.cloth.colour
    options = ((236, 230, 218), mix(base, (20, 16, 20), 0.55), (92, 66, 48), (58, 56, 60))
    if luminance(base) < 0.3:
        options = (mix(base, (0, 0, 0), 0.5), mix(base, (255, 255, 255), 0.3), (120, 96, 70), (188, 164, 110))
    return options[kit.cloth.seed // 7 % len(options)]


def waist(kit: Kit, front: skia.Path) -> None:
    """A dress's waist: a seam with gathers, a tie, a belt, or none."""
    pen, body, rng, cloth = kit.pen, kit.body, kit.rng, kit.cloth
    kind = str(rng.choice(["seam", "belt", "none"] if body.flare < 0.6 else ["seam", "seam", "belt", "tie"]))
    if kind == "none":
        return
    x = body.width(WAIST)
    line = [(-x, WAIST), (-x * 0.5, WAIST + 0.9), (0.0, WAIST + 1.2), (x * 0.5, WAIST + 0.9), (x, WAIST)]
    if body.flare >= 0.6:
        folds = []
        n = int(rng.integers(9, 14))
        for i in range(n):
            t = -0.92 + 1.84 * i / (n - 1) + rng.normal(0, 0.02)
            deep = rng.uniform(8, 24)
            top = (x * t, WAIST + 1.2)
            folds.append(
                (
                    between(top, (body.width(WAIST + deep) * t * 1.02, WAIST + deep), 0.0),
                    rng.uniform(0.8, 1.5),
                    rng.uniform(0.5, 0.9),
                )
            )
        pen.folds(front, cloth, folds)
    pen.crease(line, cloth, 1.0, 0.45)
    if kind in ("belt", "tie"):
        wide = rng.uniform(2.4, 4.0) if kind == "belt" else 2.0
        upper, lower = [(a, b - wide / 2) for a, b in line], [(a, b + wide / 2) for a, b in line]
        strap = kit.trim if kind == "tie" or rng.random() < 0.5 else kit.trim.plain(0.5)
        pen.band(upper, lower, strap, shadow=0.5, edge=0.3)
        if kind == "tie":
            _bow(kit, (rng.uniform(-0.3, 0.3) * x, WAIST + 1.1))
        else:
            buckle = pen.path(
                [(-1.9, WAIST - wide / 2 - 0.1), (1.9, WAIST - wide / 2 - 0.1)],
                [(1.9, WAIST + 1.7 + wide / 2), (-1.9, WAIST + 1.7 + wide / 2)],
            )
            metal = skia.Paint(
                Color=skia.Color(198, 176, 122), Style=skia.Paint.kStroke_Style, StrokeWidth=0.7, AntiAlias=True
            )
            pen.canvas.drawPath(buckle, metal)


def _bow(kit: Kit, at: Point) -> None:
    pen, (x, y) = kit.pen, at
    for way in (1, -1):
        tail = [(x, y), (x + 2.4 * way, y + 7), (x + 2.0 * way, y + 13 + way)]
        pen.band(tail, offset(tail, -1.5 * way), kit.trim, shadow=0.5, edge=0.25)
    for way in (1, -1):
        loop = [(x, y), (x + 3.2 * way, y - 2.4), (x + 5.6 * way, y - 0.6), (x + 3.4 * way, y + 1.6), (x, y)]
        pen.piece(pen.path(loop), kit.trim, shadow=0.5, edge=0.3)
    pen.piece(
        pen.path([(x - 0.9, y - 1.1), (x + 0.9, y - 1.1)], [(x + 0.9, y + 1.1), (x - 0.9, y + 1.1)]),
        kit.trim,
        shadow=0.3,
        edge=0.3,
    )


def details(kit: Kit, plan: Plan, neck: Neck, front: skia.Path) -> None:
    """The fastening and the pockets of the plan's garment."""
    garment, rng = plan.garment, kit.rng
    if neck.front == "buttons":
        if garment in ("blazer", "coat", "cardigan") or plan.neck[0] == "lapel_design":
            _coat_front(kit, plan, neck.bottom)
        else:
            _placket(kit, plan, neck.bottom)
    elif neck.front == "zip":
        _zip(kit, neck.bottom)
    if garment == "shirt" and rng.random() < 0.6:
        _patch_pocket(kit, (8.5, kit.body.armhole - 4), 10.0, 11.0)
    elif garment in ("blazer", "coat") or (garment == "jacket" and kit.body.length > 45 and kit.cloth.kind != "denim"):
        _hip_pockets(kit, plan)
    elif garment == "jacket" and kit.cloth.kind == "denim":
        for way in (1, -1):
            _patch_pocket(kit, (10.5 * way, kit.body.armhole - 5), 10.0, 10.5, flap=True)
    elif garment == "cardigan" and kit.body.length > 60 and rng.random() < 0.7:
        for way in (1, -1):
            _patch_pocket(kit, (13.5 * way, min(kit.body.length - 21, 56)), 12.0, 13.0)
    elif garment == "T-shirt" and rng.random() < 0.25 and kit.cloth.kind == "plain":
        _patch_pocket(kit, (8.5, kit.body.armhole - 4), 9.0, 10.0)
    if garment == "T-shirt" and kit.cloth.kind == "colour block":
        _block(kit, front)
    if garment == "blazer" and rng.random() < 0.6:
        y = kit.body.armhole - 1.5
        kit.pen.band(
            [(-15.0, y - 0.6), (-7.0, y + 0.2)], [(-15.0, y + 1.0), (-7.0, y + 1.8)], kit.cloth, shadow=0.25, edge=0.25
        )


def _block(kit: Kit, front: skia.Path) -> None:
    """A broad stripe of the second colour across the chest."""
    body, pen = kit.body, kit.pen
    top, deep = body.armhole - kit.rng.uniform(-2, 4), kit.rng.uniform(7, 14)
    pen.canvas.save()
    pen.canvas.clipPath(front, skia.ClipOp.kIntersect, True)
    upper = [(-40.0, top), (0.0, top + 0.8), (40.0, top)]
    path = pen.path(upper, [(x, y + deep) for x, y in upper][::-1])
    pen.canvas.drawPath(path, skia.Paint(Color=skia.Color(*kit.cloth.accent, 235), AntiAlias=True))
    pen.canvas.restore()


def _placket(kit: Kit, plan: Plan, top: float) -> None:
    """The front strip of a shirt with its buttons; a short one on knitted and T-shirts."""
    pen, body, rng, cloth = kit.pen, kit.body, kit.rng, kit.cloth
    short = plan.garment == "T-shirt" or (plan.garment == "dress" and rng.random() < 0.5)
    bottom = (max(top + 9, 20.0) if plan.garment == "T-shirt" else WAIST - 1) if short else body.length + 0.9
    half = rng.uniform(1.4, 1.8)
    left, right = (
        [(-half, top), (-half, (top + bottom) / 2), (-half, bottom)],
        [(half, top), (half, (top + bottom) / 2), (half, bottom)],
    )
    pen.band(left, right, cloth if plan.garment != "T-shirt" else kit.cloth.plain(0.02), shadow=0.25, edge=0.25)
    pen.stitches([(x + 0.45, y) for x, y in left], cloth)
    pen.stitches([(x - 0.45, y) for x, y in right], cloth)
    if short:
        pen.line([left[-1], right[-1]], cloth.seam, 0.25)
    start = top + (2.2 if plan.garment != "T-shirt" else 1.5)
    step = 4.2 if plan.garment == "T-shirt" else rng.uniform(8, 10)
    y = start
    while y < bottom - 2.5:
        pen.button((0.0, y), button_colour(kit), 0.62)
        y += step


def _coat_front(kit: Kit, plan: Plan, top: float) -> None:
    """The overlap of a coat, blazer or cardigan, with one or two rows of buttons; a tie on some coats."""
    pen, body, rng, cloth = kit.pen, kit.body, kit.rng, kit.cloth
    double = plan.garment in ("coat", "blazer") and rng.random() < 0.35
    wrap = plan.neck in (("lapel_design", 3), ("lapel_design", 4)) and plan.garment == "coat" and rng.random() < 0.5
    x = 5.5 if double else 1.4
    round_front = plan.garment == "blazer" and not double
    bottom = body.length + 0.9
    edge: list[Point] = [(0.3, top), (x, top + 2.5), (x, (top + bottom) / 2), (x, bottom)]
    if round_front:
        edge = [(0.3, top), (x, top + 2.5), (x, bottom - 10), (x - 2.2, bottom - 2.5), (x - 7, bottom)]
    pen.crease(edge, cloth, 1.0, 0.5)
    pen.stitches(offset(edge, 0.8), cloth, alpha=0.3)
    if wrap:
        y = WAIST + 1.0
        w = body.width(y)
        belt = [(-w, y), (0.0, y + 1.0), (w, y)]
        pen.band([(a, b - 2.0) for a, b in belt], [(a, b + 2.0) for a, b in belt], cloth, shadow=0.6, edge=0.4)
        _bow(kit, (rng.uniform(-3, 3), y + 1))
        return
    reach = min(body.length - top - 6, 26 if plan.garment == "blazer" else 48 if plan.garment == "coat" else 60)
    count = max(int(reach // (9.5 if plan.garment != "coat" else 11.5)) + 1, 1)
    if plan.garment == "blazer":
        count = min(count, 2 + int(double))
    radius = {"coat": 1.25, "blazer": 0.95}.get(plan.garment, 0.75)
    for k in range(count):
        y = top + 2.5 + k * (reach / max(count - 1, 1) if count > 1 else 0) * 0.92
        for bx in (x - 1.9, -(x - 1.9)) if double else (0.0,):
            pen.button((bx, y), button_colour(kit), radius)


def _zip(kit: Kit, top: float) -> None:
    pen, length = kit.pen, kit.body.length
    run = [(0.0, top), (0.0, (top + length) / 2), (0.0, length + 0.9)]
    pen.crease(run, kit.cloth, 1.6, 0.5)
    metal = (186, 188, 192) if kit.cloth.seed % 2 else (190, 168, 116)
    pen.line(run, mix(kit.cloth.shade, (40, 40, 40), 0.5), 0.9, 0.9)
    pen.line(run, metal, 0.5, 0.95, dash=0.35)
    for x in (-1.5, 1.5):
        pen.stitches([(px + x, py) for px, py in run], kit.cloth)
    pen.line([(0.0, top + 0.6), (0.2, top + 3.2)], metal, 0.9, 1.0)


def _patch_pocket(kit: Kit, at: Point, width: float, height: float, flap: bool = False) -> None:
    """A sewn-on pocket whose top middle is at `at`."""
    pen, (x, y), w = kit.pen, at, width / 2
    sides = [[(x - w, y), (x + w, y)], [(x + w, y), (x + w * 0.97, y + height * 0.82)],
             [(x + w * 0.97, y + height * 0.82), (x, y + height), (x - w * 0.97, y + height * 0.82)],
             [(x - w * 0.97, y + height * 0.82), (x - w, y)]]  # fmt: skip
    pen.piece(pen.path(*sides), kit.cloth, shadow=0.3, edge=0.35)
    pen.line([(x - w, y + 1.6), (x + w, y + 1.6)], kit.cloth.seam, 0.2, 0.5)
    for side in sides[1:]:
        pen.stitches(offset(side, 0.6), kit.cloth)
    if flap:
        cover = [
            [(x - w - 0.3, y - 0.5), (x + w + 0.3, y - 0.5)],
            [(x + w + 0.3, y + 2.6), (x, y + 4.6), (x - w - 0.3, y + 2.6)],
        ]
        pen.piece(pen.path(*cover), kit.cloth, shadow=0.5, edge=0.35)
        pen.button((x, y + 3.0), (184, 160, 112), 0.6)


def _hip_pockets(kit: Kit, plan: Plan) -> None:
    """Flaps or welts on the hips, level or slanting."""
    pen, body, rng = kit.pen, kit.body, kit.rng
    y = min(WAIST + rng.uniform(7, 13), body.length - 13)
    if y < body.armhole + 6:
        return
    inner, outer = 8.0, min(body.width(y) - 3.5, 20.5)
    slant = rng.uniform(0, 1.2) if plan.garment == "blazer" else rng.choice([0.8, 7.0])
    deep = rng.uniform(4.5, 5.5) if slant < 2 else 2.6
    for way in (1, -1):
        run = [(inner, y), (outer, y + slant)]
        run = run if way == 1 else flipped(run)
        pen.band(run, [(a, b + deep) for a, b in run], kit.cloth, shadow=0.5, edge=0.4)
        pen.crease(run, kit.cloth, 0.6, 0.35)
