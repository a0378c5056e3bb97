"""What holds a garment: a hanger, or a plain mannequin that wears it."""

from collections.abc import Callable
from dataclasses import replace

from wardrobe.drawing.geometry import Point, lerp
from wardrobe.drawing.pen import Pen
from wardrobe.fabric.materials import Cloth
from wardrobe.measurements import WAIST
from wardrobe.silhouette.arm_poses import arm_centre
from wardrobe.silhouette.context import Kit
from wardrobe.spec import HOOD, Plan
from wardrobe.supports.hanger import choose_hanger, draw_bar, draw_clips, draw_hanger
from wardrobe.supports.mannequin import NECK_TOP, Along, choose_figure, draw_figure, own_arm

HEADS = 0.35  # of all mannequins
HIGH_NECKS = (("neck_design", 1), HOOD)


def hold_top(kit: Kit, style: str = "shoulders") -> None:
    """Draws the support of an upper garment or dress; called when its inside is drawn and its front is not yet.

    `style`: how its trunk begins, as for make_body.
    """
    pen, body = kit.pen, kit.body
    with pen.support():
        if kit.plan.setting == "mannequin":
            figure = choose_figure(kit.cloth.seed, kit.cloth, HEADS)
            draw_figure(pen, figure, [(_arm(kit, side), side) for side in (1, -1)])
        elif kit.plan.setting == "hanger":
            neck, end = (body.neck, 0.0), (body.shoulder, body.slope)
            if style != "shoulders":
                neck, end = (8.0, -0.6), (min(body.chest, 18.0), 1.2)
            draw_hanger(pen, choose_hanger(kit.cloth.seed), neck, end, -11.5 if kit.plan.neck in HIGH_NECKS else -6.5)


def hold_bottom(
    pen: Pen,
    plan: Plan,
    waist: float,
    cloth: Cloth,
    leg: Callable[[float], float] | None = None,
) -> None:
    """The same for skirts and trousers, whose waistband has the half width `waist`.

    `leg`: x of the middle of the right leg, for trousers.
    """
    seed = _seed(waist)
    with pen.support():
        if plan.setting == "mannequin":
            figure = choose_figure(seed, cloth, HEADS)
            figure = replace(figure, waist=0.92 * waist, hip=max(figure.hip, 0.92 * waist + 2.5))
            legs_only = seed % 5 < 3
            arms = [] if legs_only else [(own_arm(side, -WAIST, 79.0), side) for side in (1, -1)]
            middle = leg and (lambda y: leg(y - WAIST))
            draw_figure(pen, figure, arms, -WAIST, middle, top=WAIST - 9.0 if legs_only else NECK_TOP)
        elif plan.setting == "hanger":
            draw_bar(pen, choose_hanger(seed, clips=True), waist)


def clip_bottom(pen: Pen, plan: Plan, waist: float) -> None:
    """What a hanger holds skirts and trousers with; called when all else is drawn."""
    if plan.setting == "hanger":
        with pen.support():
            draw_clips(pen, choose_hanger(_seed(waist), clips=True), waist)


def _seed(waist: float) -> int:
    """The same for both calls of one garment."""
    return int(waist * 1e6)


def _arm(kit: Kit, side: int) -> Along:
    """The arm within a sleeve, or beside the trunk."""
    body = kit.body
    if not body.sleeve:
        return own_arm(side, 0.0, 77.0)
    inside = arm_centre(body, next(arm for arm in body.arms if arm.side == side), 5.4)
    joint = (14.4 * side, 9.5)
    begin = max(12.0 - body.skip, 4.0)

    def along(t: float) -> Point:
        t -= body.skip
        return inside(t) if t >= begin else lerp(joint, inside(begin), max(t + body.skip, 0.0) / (begin + body.skip))

    return along
