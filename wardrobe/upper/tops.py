"""Assembly of upper garments and dresses: the order in which their parts are drawn."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import skia

from wardrobe.drawing.geometry import mirrored
from wardrobe.drawing.pen import Pen
from wardrobe.drawing.trims import draw_lace, draw_ribs
from wardrobe.fabric.colours import luminance, mix
from wardrobe.fabric.materials import Cloth, choose_cloth
from wardrobe.fronts.fastenings import draw_fastening
from wardrobe.fronts.pockets import draw_kangaroo_pocket, draw_pockets
from wardrobe.fronts.quilting import is_quilted, quilt_body
from wardrobe.fronts.seams import draw_colour_block, draw_seams
from wardrobe.fronts.waists import draw_peplum_seam, draw_waist
from wardrobe.necks.collars import COLLARS
from wardrobe.necks.high_necks import HIGH_NECKS
from wardrobe.necks.hoods import hood
from wardrobe.necks.lapels import LAPELS
from wardrobe.necks.necklines import NECKLINES
from wardrobe.silhouette.context import DrawingContext, Neck, lace_trimmed
from wardrobe.silhouette.fits import make_body
from wardrobe.spec import HOOD, Plan
from wardrobe.supports.display import draw_top_support
from wardrobe.upper.bare_shoulders import draw_bare_shoulder_body, draw_upper_edge
from wardrobe.upper.chest_prints import print_chest
from wardrobe.upper.folds import body_folds
from wardrobe.upper.sleeves import draw_sleeves


def draw_top(pen: Pen, plan: Plan, rng: np.random.Generator) -> None:
    """Draw the plan's upper garment or dress."""
    style = _choose_style(plan, rng)
    body = make_body(plan, _choose_neck_width(plan, rng), style, rng)
    cloth = choose_cloth(plan.garment, rng)
    ctx = DrawingContext(pen, rng, body, cloth, _choose_lining(plan, cloth, rng), _choose_trim(plan, cloth, rng), plan)
    if style != "shoulders":
        _draw_with_bare_shoulders(ctx, style)
    else:
        _draw_front(ctx)


def _draw_front(ctx: DrawingContext) -> None:
    """Draw a garment with shoulders from the front."""
    pen, body = ctx.pen, ctx.body
    neck = (NECKLINES | HIGH_NECKS | COLLARS | LAPELS | {HOOD: hood})[ctx.plan.neck](ctx)
    _choose_fastening(ctx, neck)
    whole = pen.path(*body.outline(neck.back_dip))
    pen.piece(whole, ctx.lining, edge=0.6)
    for step in neck.draw_under:
        step()
    draw_top_support(ctx)
    front = skia.Op(whole, pen.path(*neck.opening), skia.PathOp.kDifference_PathOp)
    pen.piece(front, ctx.cloth, shadow=1.8 if neck.closure == "open" else 0.7)
    print_chest(ctx, neck, front)
    _finish_body(ctx, front, neck.closure == "open")
    _draw_front_details(ctx, neck, front)
    _draw_waist(ctx, front)
    if ctx.garment == "hoodie" and "coat_length" not in ctx.plan.values:
        draw_kangaroo_pocket(ctx)
    deferred = _draw_arms(ctx)
    for step in [*neck.draw_over, *deferred]:
        step()
    if lace_trimmed(ctx) and ctx.plan.neck in (("neckline_design", 4), ("neckline_design", 5), ("neckline_design", 7)):
        for curve in neck.opening[:-1]:  # all but the curve that closes it above
            draw_lace(pen, list(curve)[::-1], 2.0, ctx.cloth)


def _draw_with_bare_shoulders(ctx: DrawingContext, style: str) -> None:
    """Draw a garment without two shoulders."""
    front = draw_bare_shoulder_body(ctx, style)
    _finish_body(ctx, front, False)
    _draw_front_details(ctx, Neck([]), front)
    _draw_waist(ctx, front)
    deferred = draw_sleeves(ctx, (1, -1) if style == "off" else (1,)) if ctx.body.sleeve_share else []
    for step in deferred:
        step()
    draw_upper_edge(ctx, style)


def _draw_arms(ctx: DrawingContext) -> list[Callable[[], None]]:
    """Draw sleeves or bare armholes; returns steps to draw last."""
    if ctx.body.sleeve_share:
        return draw_sleeves(ctx)
    for side in (1, -1):
        curve = ctx.body.bare_armhole() if side == 1 else mirrored(ctx.body.bare_armhole())
        ctx.pen.crease(curve, ctx.cloth, 0.8, 0.25)
        ctx.pen.stitches([(x - 1.3 * side, y) for x, y in curve], ctx.cloth)
    return []


def _choose_fastening(ctx: DrawingContext, neck: Neck) -> None:
    """Give outerwear a fastening where its neck does not define one."""
    if neck.closure != "closed" or "coat_length" not in ctx.plan.values:
        return
    neck.closure = "buttons" if ctx.garment == "vest" else "zip"
    neck.bottom = neck.bottom or max(y for curve in neck.opening for _, y in curve)


def _choose_style(plan: Plan, rng: np.random.Generator) -> str:
    family, value = plan.neck
    if family != "neckline_design":
        return "shoulders"
    bare_arms = plan.values["sleeve_length"] == 1
    if value == 3 and bare_arms:
        return "straps" if rng.random() < 0.7 or plan.garment == "top" else "shoulders"
    if value == 8 and bare_arms:
        return str(rng.choice(["straps", "strapless"]))
    return {1: "strapless", 6: "off", 9: "one"}.get(value, "shoulders")


def _choose_neck_width(plan: Plan, rng: np.random.Generator) -> float:
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
    if (family, value) == ("neckline_design", 7):  # crew neck or scoop neck
        return float(rng.uniform(7.6, 9.2) if rng.random() < 0.6 else rng.uniform(9.8, 11.5))
    return float(rng.uniform(*spans.get((family, value), (7.2, 8.2))))


def _choose_lining(plan: Plan, cloth: Cloth, rng: np.random.Generator) -> Cloth:
    """Choose what shows inside the neck: the cloth's dark inside, or a lining in coats, jackets and blazers."""
    if plan.garment in ("coat", "jacket", "blazer") and rng.random() < 0.5:
        colours = ((92, 74, 66), (70, 76, 92), (120, 100, 84), (110, 60, 62), (84, 88, 90))
        return Cloth(mix(colours[rng.integers(len(colours))], cloth.colour, 0.15), cloth.accent)
    return cloth.plain(0.48 if luminance(cloth.colour) > 0.25 else 0.35)


def _choose_trim(plan: Plan, cloth: Cloth, rng: np.random.Generator) -> Cloth:
    """Choose the cloth of collar, bands and cuffs."""
    chance = {"collar_design": 0.35, "neck_design": 0.12, "neckline_design": 0.25}.get(plan.neck[0], 0.1)
    if plan.neck == ("collar_design", 4):
        chance = 0.6
    if rng.random() < chance:
        return replace(cloth, colour=cloth.accent, accent=cloth.colour, pattern="plain")
    if plan.neck[0] in ("collar_design", "lapel_design") and plan.neck != ("collar_design", 4):
        return cloth
    return cloth.plain()


def _finish_body(ctx: DrawingContext, body_path: skia.Path, opened: bool) -> None:
    """Draw folds, light and the hem."""
    pen, body, cloth = ctx.pen, ctx.body, ctx.cloth
    pen.folds(body_path, cloth, body_folds(ctx))
    side = body.chest
    pen.tint(
        body_path,
        (-side, 0),
        (side, body.length * 0.4),
        [((255, 255, 255), 0.07), ((0, 0, 0), 0.0), (cloth.shade, 0.17)],
    )
    if body.hem_band:
        _draw_hem_band(ctx, body_path, opened)
    else:
        if lace_trimmed(ctx) and not body.tail and ctx.cloth.seed // 130 % 2:
            draw_lace(pen, body.hem_curve()[::-1], 2.8, cloth)
        back = 2.2 if body.flare == 0 else 1.4
        pen.stitches([(x * 0.99, y - back) for x, y in body.hem_curve()], cloth, alpha=0.5)


def _draw_waist(ctx: DrawingContext, body_path: skia.Path) -> None:
    """Draw the waist, over the buttons."""
    if ctx.garment == "dress":
        draw_waist(ctx, body_path)
    elif ctx.body.peplum:
        draw_peplum_seam(ctx, body_path)


def _draw_hem_band(ctx: DrawingContext, body_path: skia.Path, opened: bool) -> None:
    """Draw the knitted hem band, except where an open front has no cloth."""
    pen, body = ctx.pen, ctx.body
    hem = body.hem_curve()
    wider = 1 + 1.9 / body.hem  # the body overlaps it
    upper = [(x * wider, y - body.hem_band) for x, y in hem]
    cloth = ctx.trim if ctx.trim.pattern != "plain" else ctx.trim.plain(0.03)
    lower = [(x * 1.02, y + 0.6) for x, y in hem]
    wide_area = pen.path([(x * 1.15, y) for x, y in upper], [(x * 1.15, y + 2.0) for x, y in lower][::-1])
    path = skia.Op(body_path, wide_area, skia.PathOp.kIntersect_PathOp)  # clipped to the body's rippled sides
    pen.piece(path, cloth, edge=0.35)
    with pen.clip(path):
        draw_ribs(ctx.pen, upper, lower, cloth, 0.85)
    if not opened:
        pen.crease(upper, ctx.cloth, 0.9, 0.3)


def _draw_front_details(ctx: DrawingContext, neck: Neck, front: skia.Path) -> None:
    """Draw seams or quilting, pockets and the fastening."""
    if ctx.garment == "T-shirt" and ctx.cloth.pattern == "colour block":
        draw_colour_block(ctx, front)
    if is_quilted(ctx):
        quilt_body(ctx, front)
    else:
        draw_seams(ctx)
    with ctx.pen.clip(front):
        draw_pockets(ctx, neck.closure)
    with ctx.pen.clip(front):
        draw_fastening(ctx, neck)
