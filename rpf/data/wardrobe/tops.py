"""Everything with a trunk: from the vest top to the coat and the dress."""

import math
from dataclasses import replace

import numpy as np
import skia

from rpf.data.wardrobe import bare, fronts, supports
from rpf.data.wardrobe.body import make_body
from rpf.data.wardrobe.cloth import Cloth, choose_cloth
from rpf.data.wardrobe.collars import COLLARS
from rpf.data.wardrobe.colours import luminance, mix
from rpf.data.wardrobe.geometry import Point, between, flipped, lerp
from rpf.data.wardrobe.hoods import hood
from rpf.data.wardrobe.kit import Kit, Neck
from rpf.data.wardrobe.lapels import LAPELS
from rpf.data.wardrobe.measures import WAIST
from rpf.data.wardrobe.necklines import NECKLINES
from rpf.data.wardrobe.necks import NECKS
from rpf.data.wardrobe.pen import Pen
from rpf.data.wardrobe.plan import HOOD, Plan
from rpf.data.wardrobe.sleeves import Sleeve, make_sleeve

RIBBED = ("sweater", "cardigan")


def draw_top(pen: Pen, plan: Plan, rng: np.random.Generator) -> None:
    """Draws the plan's upper garment or dress with the pen."""
    style = _style(plan, rng)
    body = make_body(plan, _neck_width(plan, rng), style, rng)
    cloth = choose_cloth(plan.garment, rng)
    kit = Kit(pen, rng, body, cloth, _lining(plan, cloth, rng), _trim(plan, cloth, rng), plan.garment)
    if style != "shoulders":
        sleeve_first = bare.draw_trunk(kit, style, plan.neck)
        _finish_trunk(kit, plan, Neck([]), sleeve_first)
        if body.sleeve:
            for side in (1, -1) if style == "off" else (1,):
                _sleeve(kit, plan, side)
        bare.finish_edge(kit, style, plan.neck)
        return
    neck = (NECKLINES | NECKS | COLLARS | LAPELS | {HOOD: hood})[plan.neck](kit)
    whole = pen.path(*body.outline(neck.back))
    pen.piece(whole, kit.lining, edge=0.6)
    supports.hold_top(kit, plan)
    front = skia.Op(whole, pen.path(*neck.opening), skia.PathOp.kDifference_PathOp)
    pen.piece(front, cloth, shadow=1.8 if neck.front == "open" else 0.7)
    _finish_trunk(kit, plan, neck, front)
    if body.sleeve:
        for side in (1, -1):
            _sleeve(kit, plan, side)
    else:
        for side in (1, -1):
            run = body.armhole_run() if side == 1 else flipped(body.armhole_run())
            pen.crease(run, cloth, 0.8, 0.25)
            pen.stitches([(x - 1.3 * side, y) for x, y in run], cloth)
    for step in neck.over:
        step()


def _style(plan: Plan, rng: np.random.Generator) -> str:
    family, value = plan.neck
    if family != "neckline_design":
        return "shoulders"
    bare_arms = plan.values["sleeve_length"] == 1
    if value == 3 and bare_arms:
        return "straps" if rng.random() < 0.7 or plan.garment == "top" else "shoulders"
    if value == 8 and bare_arms:
        return str(rng.choice(["straps", "strapless"]))
    return {1: "strapless", 6: "off", 9: "one"}.get(value, "shoulders")


def _neck_width(plan: Plan, rng: np.random.Generator) -> float:
    family, value = plan.neck
    spans = {
        ("neckline_design", 2): (7.5, 9.5),
        ("neckline_design", 3): (13.5, 15.0),
        ("neckline_design", 4): (7.5, 9.5),
        ("neckline_design", 5): (9.5, 11.5),
        ("neckline_design", 8): (10.5, 12.0),
        ("neck_design", 1): (6.8, 7.8),
        ("neck_design", 2): (6.6, 7.6),
        ("neck_design", 3): (6.8, 7.8),
        ("neck_design", 4): (9.5, 12.0),
        ("collar_design", 1): (6.6, 7.6),
        ("lapel_design", 2): (7.2, 8.4),
    }
    if (family, value) == ("neckline_design", 7):  # crew or scoop
        return float(rng.uniform(7.6, 9.2) if rng.random() < 0.6 else rng.uniform(9.8, 11.5))
    return float(rng.uniform(*spans.get((family, value), (7.2, 8.2))))


def _lining(plan: Plan, cloth: Cloth, rng: np.random.Generator) -> Cloth:
    """What shows inside the neck: the cloth's own dark inside, or a lining in coats, jackets and blazers."""
    if plan.garment in ("coat", "jacket", "blazer") and rng.random() < 0.5:
        colours = ((92, 74, 66), (70, 76, 92), (120, 100, 84), (110, 60, 62), (84, 88, 90))
        return Cloth(mix(colours[rng.integers(len(colours))], cloth.colour, 0.15), cloth.accent)
    return cloth.plain(0.48 if luminance(cloth.colour) > 0.25 else 0.35)


def _trim(plan: Plan, cloth: Cloth, rng: np.random.Generator) -> Cloth:
    """The cloth of collar, bands and cuffs."""
    chance = {"collar_design": 0.35, "neck_design": 0.12, "neckline_design": 0.25}.get(plan.neck[0], 0.1)
    if plan.neck == ("collar_design", 4):
        chance = 0.6
    if rng.random() < chance:
        return replace(cloth, colour=cloth.accent, accent=cloth.colour, kind="plain")
    if plan.neck[0] in ("collar_design", "lapel_design") and plan.neck != ("collar_design", 4):
        return replace(cloth, seed=cloth.seed)
    return cloth.plain()


def _finish_trunk(kit: Kit, plan: Plan, neck: Neck, front: skia.Path) -> None:
    """Folds, seams, hem, pockets and the fastening."""
    pen, body, cloth = kit.pen, kit.body, kit.cloth
    pen.folds(front, cloth, _trunk_folds(kit))
    side = body.chest
    pen.tint(
        front, (-side, 0), (side, body.length * 0.4), [((255, 255, 255), 0.07), ((0, 0, 0), 0.0), (cloth.shade, 0.17)]
    )
    hem = body.hem_run()
    ribbed = plan.garment in RIBBED or (plan.garment == "jacket" and (plan.neck == ("collar_design", 4)))
    if ribbed and body.length < 75:
        _rib_hem(kit, neck, front)
    else:
        back = 2.2 if body.flare == 0 else 1.4
        pen.stitches([(x * 0.995, y - back) for x, y in hem], cloth, alpha=0.5)
    if plan.garment == "dress":
        fronts.waist(kit, front)
    fronts.details(kit, plan, neck, front)


def _trunk_folds(kit: Kit) -> list[tuple[list[Point], float, float]]:
    """Where cloth hangs from: the armpits, the waist, and down a wide hem."""
    body, rng = kit.body, kit.rng
    folds: list[tuple[list[Point], float, float]] = []
    for way in (1, -1):
        x, y = body.chest * way, body.armhole
        for _ in range(int(rng.integers(1, 4))):
            reach = rng.uniform(0.35, 0.8)
            end = (x * (1 - reach) + rng.normal(0, 1), y + rng.uniform(3, 16))
            folds.append(
                (
                    between((x * 0.97, y + rng.uniform(-2, 3)), end, 0.12 * way),
                    rng.uniform(1.2, 2.4),
                    rng.uniform(0.4, 1),
                )
            )
        if body.length > 48:
            y = WAIST + rng.uniform(-4, 5)
            x = body.width(y) * way
            for _ in range(int(rng.integers(1, 3))):
                end = (x * rng.uniform(0.35, 0.7), y + rng.uniform(-7, 6))
                folds.append(
                    (between((x, y + rng.uniform(-2, 2)), end, 0.1 * way), rng.uniform(1.1, 2.2), rng.uniform(0.4, 0.9))
                )
    start = max(body.armhole + 6, WAIST - 6 if body.length < 75 else WAIST + 3)
    count = int(rng.integers(2, 4)) + int(body.flare * 3.5)
    for i in range(count):
        t = (i + 0.5) / count * 2 - 1 + rng.normal(0, 0.06)
        top = start + rng.uniform(0, 0.35) * (body.length - start)
        end_y = body.length - (rng.uniform(0, 4) if body.flare else rng.uniform(2, 10))
        if end_y - top < 6:
            continue
        run = [
            (body.width(top) * t * 0.85, top),
            (body.width((top + end_y) / 2) * t * 0.94, (top + end_y) / 2),
            (body.width(end_y) * t, end_y),
        ]
        folds.append((run, rng.uniform(1.4, 3.2), rng.uniform(0.4, 0.9) + 0.1 * body.flare))
    return folds


def _rib_hem(kit: Kit, neck: Neck, front: skia.Path) -> None:
    """The knitted band at the bottom; left out where an open front has no cloth."""
    pen, body = kit.pen, kit.body
    depth = kit.rng.uniform(4.5, 6.5)
    hem = body.hem_run()
    upper = [(x * 1.01, y - depth) for x, y in hem]
    with pen.clip(front):
        pen.band(
            upper,
            [(x * 1.02, y + 0.6) for x, y in hem],
            kit.trim if kit.trim.kind != "plain" else kit.trim.plain(0.03),
            ribs=0.85,
        )
    pen.crease(upper, kit.cloth, 0.9, 0.35) if neck.front != "open" else None


def _sleeve(kit: Kit, plan: Plan, side: int) -> None:
    """One sleeve, laid over the trunk along the armhole."""
    pen, body, rng, cloth = kit.pen, kit.body, kit.rng, kit.cloth
    sleeve = make_sleeve(body, _sleeve_shape(kit, plan), rng)
    outer, inner, armhole = (r if side == 1 else flipped(r) for r in (sleeve.outer, sleeve.inner, sleeve.armhole))
    lean = (sleeve.angle - 90) * side
    end = between(outer[-1], inner[-1], -0.05 * side)
    path = pen.path(outer, end, inner[::-1], armhole[::-1])
    pen.piece(path, cloth, angle=lean, shadow=0.9 if body.sleeve > 0.5 else 0.4, edge=0.9)
    folds = []
    length = body.sleeve * body.arm
    a, b = outer[0], inner[0]
    if length > 12:
        for k in range(int(rng.integers(1, 3))):
            start = lerp(b, a, 0.12 + 0.2 * k)
            goal = lerp(outer[-1], inner[-1], rng.uniform(0.3, 0.8))
            folds.append(
                (
                    between(
                        start,
                        lerp(start, goal, min(rng.uniform(9, 16) / max(math.dist(start, goal), 1), 0.7)),
                        0.08 * side,
                    ),
                    rng.uniform(1.1, 2.0),
                    rng.uniform(0.4, 0.8),
                )
            )
    if sleeve.elbow:
        p, q = flipped(sleeve.elbow) if side == -1 else list(sleeve.elbow)
        for _ in range(int(rng.integers(2, 4))):
            shift = rng.uniform(-5, 5)
            start = (q[0], q[1] + shift)
            folds.append(
                (
                    between(
                        start,
                        lerp(start, (p[0], p[1] + shift * 0.3 + rng.uniform(-4, 4)), rng.uniform(0.45, 0.85)),
                        0.1 * side,
                    ),
                    rng.uniform(1.0, 2.0),
                    rng.uniform(0.5, 1.0),
                )
            )
        folds.append((between(lerp(p, q, 0.5), lerp(outer[-1], inner[-1], 0.4), 0.02), rng.uniform(1.5, 2.5), 0.4))
    pen.folds(path, cloth, folds)
    pen.crease(armhole, cloth, 0.8, 0.28)
    _cuff(kit, plan, sleeve, side)


def _sleeve_shape(kit: Kit, plan: Plan) -> str:
    value = plan.values["sleeve_length"]
    if plan.garment in ("blouse", "dress"):
        shapes = {
            3: ["straight", "puff", "wide"],
            4: ["straight", "puff", "bell"],
            5: ["straight", "bell"],
            7: ["straight", "balloon", "straight"],
        }.get(value, ["straight"])
        # The same for both arms: drawn from the cloth's seed, not from the stream that both sides share.
        return shapes[kit.cloth.seed % len(shapes)]
    return "wide" if plan.garment in ("T-shirt", "shirt") and value <= 4 and kit.cloth.seed % 3 == 0 else "straight"


def _cuff(kit: Kit, plan: Plan, sleeve: Sleeve, side: int) -> None:
    pen, cloth, value = kit.pen, kit.cloth, plan.values["sleeve_length"]

    def across(back: float, out: float = 0.0) -> list[Point]:
        a, b = sleeve.across(back)
        a, b = lerp(a, b, -out), lerp(b, a, -out)
        run = between(a, b, -0.05)
        return run if side == 1 else flipped(run)

    bomber = plan.garment == "jacket" and plan.neck == ("collar_design", 4)
    if (plan.garment in RIBBED or bomber) and value >= 3:
        depth = 5.5 if value > 4 else 2.6
        pen.band(
            across(depth, 0.0),
            across(0.0, 0.01),
            kit.trim if kit.trim.kind != "plain" else kit.trim.plain(0.03),
            ribs=0.8,
            shadow=0.2,
        )
        pen.crease(across(depth), cloth, 0.8, 0.35)
    elif (
        plan.garment in ("shirt",)
        or (plan.garment == "jacket" and cloth.kind == "denim")
        or (plan.garment == "blouse" and value >= 5 and kit.cloth.seed % 2)
    ):
        depth = 5.5 if value >= 5 else 3.0
        pen.band(across(depth, 0.015), across(0.0, 0.015), cloth if value < 5 else kit.trim, shadow=0.35, edge=0.4)
        pen.stitches(across(depth - 0.7), cloth)
        if value >= 5:
            a, b = across(depth / 2)[0], across(depth / 2)[-1]
            pen.button(lerp(a, b, 0.72), fronts.button_colour(kit), 0.55)
    elif plan.garment in ("blazer", "coat") and value == 7:
        for k in range(3):
            a, b = across(2.5 + 1.9 * k)[0], across(2.5 + 1.9 * k)[-1]
            pen.button(lerp(a, b, 0.16), fronts.button_colour(kit), 0.55)
        pen.line(across(0.6), cloth.seam, 0.2, 0.35)
    elif value == 2:
        pen.stitches(across(1.0), cloth)
    else:
        pen.stitches(across(1.8), cloth)
        pen.line(across(2.2), cloth.shade, 0.3, 0.2)
