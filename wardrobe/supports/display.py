"""Display of a garment on its support: which hanger or mannequin, and where it goes."""

from collections.abc import Callable
from dataclasses import replace

from wardrobe.drawing.geometry import Point, lerp
from wardrobe.drawing.pen import Pen
from wardrobe.fabric.materials import Cloth
from wardrobe.measurements import WAIST
from wardrobe.silhouette.arm_poses import arm_centreline
from wardrobe.silhouette.context import DrawingContext
from wardrobe.spec import HOOD, Plan
from wardrobe.supports.hanger import choose_hanger, draw_clip_hanger, draw_hanger, draw_hanger_clips
from wardrobe.supports.mannequin import NECK_TOP, Centreline, choose_mannequin, draw_mannequin, hanging_arm

HEAD_CHANCE = 0.35  # share of mannequins with a head
TALL_NECKS = (("neck_design", 1), HOOD)


def draw_top_support(ctx: DrawingContext, style: str = "shoulders") -> None:
    """Draw the support of an upper garment or dress; call it between the garment's inside and its front.

    `style`: top of the body, as for make_body.
    """
    pen, body = ctx.pen, ctx.body
    with pen.support():
        if ctx.plan.setting == "mannequin":
            mannequin = choose_mannequin(ctx.cloth.seed, ctx.cloth, HEAD_CHANCE)
            draw_mannequin(pen, mannequin, [(_arm_centreline(ctx, side), side) for side in (1, -1)])
        elif ctx.plan.setting == "hanger":
            neck, end = (body.neck, 0.0), (body.shoulder, body.shoulder_y)
            if style != "shoulders":
                neck, end = (8.0, -0.6), (min(body.chest, 18.0), 1.2)
            draw_hanger(pen, choose_hanger(ctx.cloth.seed), neck, end, -11.5 if ctx.plan.neck in TALL_NECKS else -6.5)


def draw_bottom_support(
    pen: Pen,
    plan: Plan,
    waist: float,
    cloth: Cloth,
    leg: Callable[[float], float] | None = None,
) -> None:
    """Draw the support of a skirt or trousers whose waistband has the half width `waist`.

    `leg`: x of the right leg's centre by y, for trousers.
    """
    seed = _support_seed(waist)
    with pen.support():
        if plan.setting == "mannequin":
            mannequin = choose_mannequin(seed, cloth, HEAD_CHANCE)
            mannequin = replace(mannequin, waist=0.92 * waist, hip=max(mannequin.hip, 0.92 * waist + 2.5))
            legs_only = seed % 5 < 3
            arms = [] if legs_only else [(hanging_arm(side, -WAIST, 79.0), side) for side in (1, -1)]
            leg_centre = leg and (lambda y: leg(y - WAIST))
            draw_mannequin(pen, mannequin, arms, -WAIST, leg_centre, top=WAIST - 9.0 if legs_only else NECK_TOP)
        elif plan.setting == "hanger":
            draw_clip_hanger(pen, choose_hanger(seed, clips=True), waist)


def draw_bottom_clips(pen: Pen, plan: Plan, waist: float) -> None:
    """Draw the hanger's clips on a skirt or trousers; call it last."""
    if plan.setting == "hanger":
        with pen.support():
            draw_hanger_clips(pen, choose_hanger(_support_seed(waist), clips=True), waist)


def _support_seed(waist: float) -> int:
    """Derive a seed that is the same for the support and its clips."""
    return int(waist * 1e6)


def _arm_centreline(ctx: DrawingContext, side: int) -> Centreline:
    """Return the centre of the mannequin's arm, within the sleeve or beside the body."""
    body = ctx.body
    if not body.sleeve_share:
        return hanging_arm(side, 0.0, 77.0)
    inside = arm_centreline(body, next(arm for arm in body.arms if arm.side == side), 5.4)
    joint = (14.4 * side, 9.5)
    begin = max(12.0 - body.bare_arm, 4.0)

    def along(t: float) -> Point:
        t -= body.bare_arm
        return (
            inside(t)
            if t >= begin
            else lerp(joint, inside(begin), max(t + body.bare_arm, 0.0) / (begin + body.bare_arm))
        )

    return along
