"""Fits of upper garments: measurements of each kind in several fits, lying flat, hanging or worn."""

from dataclasses import dataclass, replace

import numpy as np

from wardrobe.measurements import COAT_LENGTHS_CM, HIP, SKIRT_LENGTHS_CM, SLEEVE_LENGTH_SHARES, WAIST
from wardrobe.silhouette.arm_poses import choose_arms
from wardrobe.silhouette.garment_body import Body, make_ripple
from wardrobe.spec import Plan

Span = tuple[float, float]


@dataclass(frozen=True)
class Fit:
    """How a fit differs from the garment's base measurements: factors of width and length, and cm more or less."""

    width_factor: Span = (0.97, 1.03)
    waist: Span = (-1.8, -0.4)  # cm more than the chest
    hem: Span = (-0.6, 0.8)  # cm more than the chest
    length_factor: Span = (0.96, 1.04)
    seams: tuple[str, ...] = ("set-in", "set-in", "set-in", "raglan")
    flare: Span = (0.0, 0.0)


FITS: dict[str, Fit] = {
    "straight": Fit(),
    "fitted": Fit((0.87, 0.94), (-3.6, -2.2), (-1.6, 0.2), (0.95, 1.05), ("set-in",)),
    "boxy": Fit((1.02, 1.09), (-0.4, 0.3), (-0.6, 0.6), (0.82, 0.92), ("set-in", "dropped")),
    "oversized": Fit((1.10, 1.20), (-0.8, 0.8), (-2.0, 0.8), (1.0, 1.08), ("dropped", "dropped", "raglan")),
    "A-line": Fit((0.91, 0.98), (0.6, 2.0), (4.0, 7.5), (0.98, 1.08), ("set-in", "set-in", "raglan"), (0.3, 0.9)),
    "peplum": Fit((0.88, 0.94), (-3.8, -2.4), (1.5, 4.5), (0.92, 0.98), ("set-in",), (0.9, 1.5)),
    "cocoon": Fit((1.02, 1.10), (0.8, 2.2), (-3.4, -1.4), (0.96, 1.04), ("set-in", "dropped")),
    "dolman": Fit((1.0, 1.08), (-2.2, -0.6), (-3.8, -1.6), (0.94, 1.02), ("dolman",)),
}
# Half chest, length where no label gives it, and fits of each garment.
CUTS_BY_GARMENT: dict[str, tuple[Span, Span, tuple[str, ...]]] = {
    "T-shirt": ((24, 26), (63, 70), ("straight", "straight", "fitted", "boxy", "oversized", "A-line")),
    "shirt": ((24.5, 26.5), (70, 77), ("straight", "straight", "fitted", "oversized")),
    "blouse": ((23, 25), (57, 66), ("straight", "fitted", "A-line", "peplum", "boxy", "dolman")),
    "sweater": ((24.5, 27), (60, 68), ("straight", "straight", "cocoon", "boxy", "oversized", "dolman")),
    "cardigan": ((24.5, 26.5), (0, 0), ("straight", "straight", "cocoon", "fitted")),
    "jacket": ((24.5, 26.5), (0, 0), ("straight", "straight", "boxy", "cocoon")),
    "coat": ((25, 27.5), (0, 0), ("straight", "A-line", "fitted", "straight", "cocoon")),
    "blazer": ((23.5, 25.5), (0, 0), ("fitted", "straight", "fitted")),
    "hoodie": ((26, 28.5), (64, 71), ("straight", "straight", "cocoon", "oversized")),
    "vest": ((23.5, 25.5), (60, 68), ("straight", "fitted", "straight")),
    "top": ((20.5, 22.5), (53, 63), ("straight", "fitted", "A-line", "straight", "peplum")),
    "dress": ((22.5, 24.5), (0, 0), ("straight",)),
}
KNITTED_GARMENTS = ("sweater", "cardigan", "hoodie")
HEAVY_GARMENTS = ("sweater", "coat", "jacket", "cardigan", "hoodie")


def make_body(plan: Plan, neck: float, style: str, rng: np.random.Generator) -> Body:
    """Choose the measurements of the plan's garment around a neck opening of half width `neck`.

    `style`: top of the body: shoulders, straps, strapless, off (off-shoulder) or one (one-shoulder).
    """
    chest_span, length_span, fits = CUTS_BY_GARMENT[plan.garment]
    name = fits[rng.integers(len(fits))]
    if style != "shoulders" and name in ("boxy", "dolman", "oversized"):
        name = "fitted"
    if name == "dolman" and plan.setting != "flat":
        name = "straight"
    if plan.values["sleeve_length"] == 2 and name in ("boxy", "oversized", "dolman"):
        name = "straight"  # cap sleeves must extend beyond the body
    fit = FITS[name]
    chest = _uniform(rng, chest_span) * _uniform(rng, fit.width_factor)
    waist, hem = chest + _uniform(rng, fit.waist), chest + _uniform(rng, fit.hem)
    arms = choose_arms(plan.setting, plan.values["sleeve_length"], rng)
    slope = _uniform(rng, (4.2, 6.0) if plan.setting != "hanger" else (5.4, 7.0))
    shoulder, armhole = _shoulders(plan, neck, chest, slope, rng)
    length = _uniform(rng, length_span) * _uniform(rng, fit.length_factor)
    body = Body(
        neck, shoulder, slope, armhole, chest, waist, hem, hem, length, arms, plan.setting, _grading(plan, chest)
    )
    if plan.values["sleeve_length"] == 1 and neck + 3 <= shoulder < 15:
        body.shoulder_y *= max(shoulder - neck, 3.0) / 12
    if "coat_length" in plan.values:
        _coat(body, plan, name, rng)
    elif "skirt_length" in plan.values:
        _dress(body, plan, rng)
    else:
        body.hip = 0.5 * (waist + hem) if name in ("A-line", "cocoon") else hem
        body.flare = _uniform(rng, fit.flare)
        body.peplum = name == "peplum"
        if body.peplum:
            body.hip, body.hem = hem, hem + 1.5
    _finish_hem(body, plan, rng)
    if plan.values["sleeve_length"] > 1:
        _sleeves(body, plan, fit, rng)
        if name == "dolman":
            body.armpit_y = min(body.armpit_y + 5.0, body.length - 18.0)
    _fit_to_support(body, plan)
    if style != "shoulders":
        _bare_shoulders(body, style, rng)
    return body


def _uniform(rng: np.random.Generator, span: Span) -> float:
    return float(rng.uniform(*span))


def _grading(plan: Plan, chest: float) -> float:
    """Return the size of the wearer relative to ours that a wide flat garment is cut for."""
    return min(max(chest / 24.5, 1.0), 1.2) ** 0.7 if plan.setting == "flat" and plan.garment != "dress" else 1.0


def _shoulders(plan: Plan, neck: float, chest: float, slope: float, rng: np.random.Generator) -> tuple[float, float]:
    """Choose the x of the shoulder's end and the y of the armpit."""
    drop = _uniform(rng, (18.5, 21.0)) + (2.5 if plan.garment in HEAVY_GARMENTS else 0.0)
    shoulder = _uniform(rng, (18.3, 19.8)) + (1.0 if plan.garment in ("coat", "jacket", "blazer") else 0.0)
    shoulder *= _grading(plan, chest)
    if plan.values["sleeve_length"] != 1:
        return max(min(shoulder, chest - 2.5), neck + 4.0), slope + drop
    shoulder = neck + _uniform(rng, (2.6, 7.0)) if plan.garment == "top" else _uniform(rng, (15.0, 18.5))
    if plan.garment == "vest":
        drop += 2.0
    return max(min(shoulder, chest - 2.5), neck + 2.6), 4.8 + drop


def _coat(body: Body, plan: Plan, name: str, rng: np.random.Generator) -> None:
    value = plan.values["coat_length"]
    body.length = _uniform(rng, COAT_LENGTHS_CM[value]) * body.scale
    if value == 1:  # cropped ones are narrow
        body.chest, body.waist = body.chest * 0.92, body.waist * 0.92
    body.armpit_y = min(body.armpit_y, body.length - 17.0)
    if value >= 3 and name in ("straight", "fitted"):  # a shaped waist, so that the coat's length can be judged
        body.waist -= 1.0
    body.hip = max(body.chest - 0.5, body.waist + 1.5)
    growth = {"A-line": 0.16, "cocoon": -0.01, "fitted": 0.08}.get(name, 0.03)
    body.hem = body.hip + growth * max(body.length - body.hip_y, 0)
    if plan.garment in ("jacket", "hoodie") or body.length < body.hip_y:
        body.hem = body.chest + _uniform(rng, (-2.2, 0.3) if plan.garment != "blazer" else (-1.2, 0.6))
    body.flare = 0.5 if name == "A-line" and value >= 5 else 0.0


def _dress(body: Body, plan: Plan, rng: np.random.Generator) -> None:
    skirt = _uniform(rng, SKIRT_LENGTHS_CM[plan.values["skirt_length"]])
    body.length = WAIST + skirt
    cut = str(rng.choice(["sheath", "line", "full", "shift", "line"]))
    body.waist = body.chest - (_uniform(rng, (3.2, 5.2)) if cut != "shift" else _uniform(rng, (0.0, 1.5)))
    body.hip = body.waist + {"sheath": 4.6, "line": 6.5, "full": 10.5, "shift": 2.4}[cut]
    growth = {"sheath": 0.01, "line": 0.14, "full": 0.27, "shift": 0.09}[cut]
    body.hem = body.hip + growth * (skirt - 20) + (1.5 if cut in ("line", "full") else 0.0)
    body.flare = {"sheath": 0.0, "line": 0.8, "full": 1.8, "shift": 0.0}[cut]


def _finish_hem(body: Body, plan: Plan, rng: np.random.Generator) -> None:
    """Choose tails, bands, sag and ripples of the hem."""
    if plan.garment == "shirt":
        body.tail = _uniform(rng, (4, 7.5)) if rng.random() < 0.8 else 0.0
    elif plan.garment in ("blouse", "T-shirt") and not body.flare and rng.random() < 0.25:
        body.tail = _uniform(rng, (2.5, 5.5))
    collarless_rib = plan.neck == ("collar_design", 4) and plan.garment == "jacket"
    if (
        (plan.garment in KNITTED_GARMENTS or collarless_rib)
        and body.length < 75
        and (collarless_rib or rng.random() < 0.85)
    ):
        body.hem_band = _uniform(rng, (4.5, 6.5))
    if plan.garment == "vest" and plan.neck == ("neckline_design", 4):
        body.points = _uniform(rng, (4.0, 6.5))
    body.sag = {"flat": _uniform(rng, (-0.5, 1.4)), "hanger": _uniform(rng, (0.4, 1.8))}.get(plan.setting, 1.6)
    stiff = 0.45 if plan.garment in ("blazer", "vest") else 0.7 if plan.garment in ("coat", "jacket") else 1.0
    stiff *= {"flat": 1.0, "hanger": 0.7}.get(plan.setting, 0.4)
    body.ripples = make_ripple(rng, stiff), make_ripple(rng, stiff), make_ripple(rng, 0.8 * stiff)


def _sleeves(body: Body, plan: Plan, fit: Fit, rng: np.random.Generator) -> None:
    value = plan.values["sleeve_length"]
    body.sleeve_share = _uniform(rng, SLEEVE_LENGTH_SHARES[value])
    body.arm_length = _uniform(rng, (57, 60)) * body.scale
    heavy = plan.garment in HEAVY_GARMENTS
    body.bicep = _uniform(rng, (18.5, 20.5) if heavy else (16.5, 18.8)) * (body.chest / 25) ** 0.6
    body.cuff = _uniform(rng, (10.5, 12.5) if heavy else (9.5, 11.5))
    if value <= 4:  # too short to taper
        body.cuff = 0.82 * body.bicep
    elif value == 5:
        body.cuff = 0.45 * body.bicep + 0.55 * body.cuff
    seam = fit.seams[rng.integers(len(fit.seams))]
    drop = _uniform(rng, (4.0, 8.0))
    if plan.garment in ("blazer", "shirt", "dress") and seam == "raglan":
        seam = "set-in"
    if (plan.neck[0] == "collar_design" and seam == "raglan") or value == 2:
        seam = "set-in"
    if (seam == "raglan" and body.neck > 10) or (seam == "dropped" and value == 3 and plan.setting != "flat"):
        seam = "set-in"
    body.sleeve_seam, body.seam_drop = seam, min(drop, 0.22 * body.sleeve_length) if seam == "dropped" else 0.0


def _fit_to_support(body: Body, plan: Plan) -> None:
    """Narrow a garment that is not flat: sides fall in on a hanger, and follow the figure on a mannequin."""
    if plan.setting == "flat":
        return
    slim, least, most = (0.92, 17.0, 23.0) if plan.setting == "hanger" else (0.83, 17.6, 20.5)
    if plan.garment in ("coat", "jacket", "blazer"):
        most += 1.5
    slim = min(max(slim * body.chest, least), most) / body.chest
    for name in ("chest", "waist", "hip", "hem"):
        setattr(body, name, getattr(body, name) * slim)
    body.bicep *= 0.76 if plan.setting == "hanger" else 0.68
    body.cuff *= 0.92
    if plan.setting == "mannequin":
        body.shoulder = min(body.shoulder, 19.0)
        body.waist = max(body.waist, 15.0)
        body.hip = max(body.hip, 19.2)
        body.hem = max(body.hem, 19.2 if body.length > HIP - 8 else 16.0)
    if plan.values["sleeve_length"] > 1:
        body.shoulder = max(min(body.shoulder, body.chest - 0.2), 17.5)
    else:
        body.shoulder = min(body.shoulder, body.chest - 1.5)


def _bare_shoulders(body: Body, style: str, rng: np.random.Generator) -> None:
    """Adjust the measurements of a body without two shoulders."""
    if style in ("straps", "strapless"):
        body.top_y = _uniform(rng, (16.0, 18.5))
        body.armpit_y = body.top_y + _uniform(rng, (6.0, 8.0))
        body.sag = 1.0
        body.chest *= 0.94
        if style == "strapless":  # it must stay up by itself
            body.waist = min(body.waist, body.chest - 3.0)
    elif style == "off":
        body.top_y = _uniform(rng, (11.5, 13.5))
        body.bare_arm = 8.0
        if body.sleeve_share:  # a short sleeve must extend below the rim
            body.sleeve_share = max(body.sleeve_share, 0.40)
        body.sleeve_seam = "raglan"
        body.neck = body.chest - 6.0
        body.shoulder = max(body.chest + _uniform(rng, (3.0, 4.5)), 23.5)
        body.shoulder_y = body.top_y + _uniform(rng, (0.8, 2.0))
        body.armpit_y = body.top_y + _uniform(rng, (10.5, 12.5))
        right, left = (
            replace(arm, angle=max(arm.angle, 62.0 + 0.2 * arm.angle), shoulder_curve=7.0) for arm in body.arms
        )
        body.arms = right, left
