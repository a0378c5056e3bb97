"""Frames of the garments in the picture of a search, each a link to the search for that garment.

Such a search takes the details that are seen of the garment, and the part of the picture with all of the garments above
and below it: without the person around it, lengths cannot be told. On held-out photographs of people the likeliest
value is right in 80.7% of cases by the whole photograph, in 79.8% by that part, in 69.6% by the garment with a small
margin.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rpf.engine import Collection, Crop, Garment, Query, box_area, overlap, shared_area
from webapp.i18n import N_
from webapp.search_params import SearchParams

MARGIN = 0.3  # of the sides of what a person wears, around it
WHOLE_SHARE = 0.75  # of the picture, from which on a part of it is as good as the whole
SAME_PERSON_SHARE = 0.5  # of the narrower of two garments, below or above the other
MOST_OVERLAP = 0.6  # intersection over union of two frames
MOST_INSIDE = 0.6  # of the smaller of two frames of one kind, inside the other
LONE_SHARE = 0.5  # of the picture, from which on a single garment needs no frame
SIDE_DECIMALS = 3
Box = tuple[float, float, float, float]  # left, top, right, bottom as shares of the picture's sides
NAMES = {
    "upper": N_("top"), "coat": N_("coat"), "dress": N_("dress"), "trousers": N_("trousers"), "skirt": N_("skirt"),
}  # fmt: skip
NECKS = ("collar_design", "neck_design", "neckline_design")
DETAILS = {  # that a kind of garment may have
    "upper": ("sleeve_length", *NECKS),
    "coat": ("coat_length", "lapel_design", "sleeve_length", *NECKS),
    "dress": ("skirt_length", "sleeve_length", *NECKS),
    "trousers": ("pant_length",),
    "skirt": ("skirt_length",),
}


@dataclass(frozen=True)
class GarmentFrame:
    """A garment in the picture."""

    number: int
    name: str  # to be translated
    frame: Crop  # around the garment alone
    details: Sequence[str]  # that it may have, of the collection's
    chosen: bool  # the search is for it; of one frame at most
    args: Mapping[str, Any]  # of the search for it


def garment_frames(collection: Collection, params: SearchParams) -> list[GarmentFrame]:
    """Return the frames to offer; none where the picture shows one garment that fills it."""
    if params.picture is None:
        return []
    garments = _distinct(params.picture.garments(collection.name))
    if len(garments) == 1 and box_area(garments[0].box) >= LONE_SHARE:
        return []
    turn, searches = params.picture.crop.turn, dict[tuple[str, Crop], Garment]()
    for garment in sorted(garments, key=lambda one: one.box[1]):
        searches.setdefault((garment.kind, _crop(_person(garment, garments), turn)), garment)
    frames = []
    for number, ((kind, crop), garment) in enumerate(searches.items(), 1):
        chosen = (kind, crop) == (params.garment, params.picture.crop)
        details = [key for key in collection.vocabulary.keys if key in DETAILS[kind]]
        args = {**params.with_crop(crop, kind).args(), "choose": 1}
        frames.append(GarmentFrame(number, NAMES[kind], _as_crop(garment.box, turn), details, chosen, args))
    return frames


def choose_details(collection: Collection, params: SearchParams, query: Query) -> list[str]:
    """Choose the details to compare of the garment in a picture: those that are seen, of the chosen ones if any is."""
    possible = [key for key in collection.vocabulary.keys if key in DETAILS.get(params.garment, (key,))]
    present = [key for key in possible if not query.is_missing(key)] or possible
    return ([key for key in present if key in params.weights] if params.garment else []) or present


def _distinct(garments: Sequence[Garment]) -> list[Garment]:
    """Leave out garments, the likeliest first, that are likelier ones again."""
    distinct: list[Garment] = []
    for garment in garments:
        if not any(_is_same(garment, other) for other in distinct):
            distinct.append(garment)
    return distinct


def _is_same(garment: Garment, other: Garment) -> bool:
    smaller = min(box_area(garment.box), box_area(other.box))
    inside = garment.kind == other.kind and shared_area(garment.box, other.box) >= MOST_INSIDE * smaller
    return inside or overlap(garment.box, other.box) >= MOST_OVERLAP


def _person(garment: Garment, garments: Sequence[Garment]) -> Box:
    """Return the box around all that the person wears who wears a garment."""
    left, _, right, _ = garment.box
    boxes = [garment.box]
    for other in garments:
        shared = min(right, other.box[2]) - max(left, other.box[0])
        if shared >= SAME_PERSON_SHARE * min(right - left, other.box[2] - other.box[0]):
            boxes.append(other.box)
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _crop(person: Box, turn: int) -> Crop:
    """Return the part of the picture with a person; all of it where that is nearly as much."""
    left, top, right, bottom = person
    width, height = MARGIN * (right - left), MARGIN * (bottom - top)
    box = max(0.0, left - width), max(0.0, top - height), min(1.0, right + width), min(1.0, bottom + height)
    return Crop(turn=turn) if box_area(box) >= WHOLE_SHARE else _as_crop(box, turn)


def _as_crop(box: Box, turn: int) -> Crop:
    left, top, right, bottom = (round(side, SIDE_DECIMALS) for side in box)
    return Crop(left, top, round(right - left, SIDE_DECIMALS), round(bottom - top, SIDE_DECIMALS), turn)
