"""Specification of a garment: kind, attribute values and support, sampled so that all values are equally frequent."""

from dataclasses import dataclass

import numpy as np

ATTRIBUTES = (
    "skirt_length", "sleeve_length", "coat_length", "pant_length",
    "collar_design", "lapel_design", "neckline_design", "neck_design",
)  # fmt: skip
NECKS = {"collar": "collar_design", "lapel": "lapel_design", "neckline": "neckline_design", "neck": "neck_design"}
HOOD = ("hood", 1)  # in place of a neck; no attribute describes it
Target = tuple[str, int]


@dataclass(frozen=True)
class GarmentType:
    """Values that a kind of garment can have: of each length, and its necks as (attribute, value)."""

    necks: tuple[Target, ...] = ()
    sleeves: tuple[int, ...] = ()
    skirts: tuple[int, ...] = ()
    coats: tuple[int, ...] = ()
    pants: tuple[int, ...] = ()
    usual_sleeves: tuple[int, ...] = ()  # values where none is requested; empty: any
    usual_coats: tuple[int, ...] = ()
    weight: float = 1.0  # relative frequency among the garments that can have a value

    def values(self, attribute: str) -> tuple[int, ...]:
        """Return the values that it can have of an attribute."""
        lengths = {"skirt_length": self.skirts, "sleeve_length": self.sleeves,
                   "coat_length": self.coats, "pant_length": self.pants}  # fmt: skip
        return lengths[attribute] if attribute in lengths else tuple(v for a, v in self.necks if a == attribute)


def _neck_targets(hood: bool = False, **families: str) -> tuple[Target, ...]:
    necks = tuple((NECKS[family], int(value)) for family, values in families.items() for value in values)
    return (*necks, HOOD) if hood else necks


GARMENT_TYPES: dict[str, GarmentType] = {
    "T-shirt": GarmentType(_neck_targets(collar="1", neckline="2347", neck="3"), sleeves=(2, 3, 4, 5, 6, 7),
                           weight=2.5),
    "shirt": GarmentType(_neck_targets(collar="1", neck="3"), sleeves=(3, 4, 5, 6, 7), weight=3.0),
    "blouse": GarmentType(_neck_targets(collar="123", neckline="245689", neck="24"), sleeves=(1, 2, 3, 4, 5, 6, 7, 8)),
    "sweater": GarmentType(_neck_targets(neckline="3467", neck="134"), sleeves=(3, 4, 5, 6, 7, 8)),
    "hoodie": GarmentType((HOOD,), sleeves=(3, 7, 8), coats=(1, 2, 3),
                          usual_sleeves=(7, 7, 7, 7, 3), usual_coats=(2, 2, 2, 3), weight=2.5),
    "cardigan": GarmentType(_neck_targets(collar="4", lapel="23"), sleeves=(3, 4, 5, 6, 7, 8), coats=(1, 2, 3, 4, 5),
                            usual_sleeves=(7, 7, 5), usual_coats=(2, 2, 3, 4)),
    "jacket": GarmentType(_neck_targets(collar="14", lapel="12", neck="3", hood=True), sleeves=(5, 6, 7, 8),
                          coats=(1, 2, 3), usual_sleeves=(7,), usual_coats=(1, 2, 2, 2, 3)),
    "coat": GarmentType(_neck_targets(collar="123", lapel="1234", neck="3", hood=True), sleeves=(5, 6, 7, 8),
                        coats=(3, 4, 5, 6, 7), usual_sleeves=(7, 7, 7, 5), usual_coats=(3, 4, 4, 5, 5, 6, 7),
                        weight=0.6),
    "blazer": GarmentType(_neck_targets(lapel="134"), sleeves=(4, 5, 6, 7), coats=(1, 2, 3),
                          usual_sleeves=(7, 7, 5), usual_coats=(2, 2, 3)),
    "vest": GarmentType(_neck_targets(collar="1", lapel="2", neckline="4", neck="3"), sleeves=(1,), coats=(1, 2, 3, 4),
                        usual_coats=(2, 2, 2, 3)),
    "top": GarmentType(_neck_targets(neckline="12345789"), sleeves=(1,)),
    "dress": GarmentType(_neck_targets(collar="123", neckline="123456789", neck="1234"),
                         sleeves=(1, 2, 3, 4, 5, 6, 7), skirts=(1, 2, 3, 4, 5)),
    "skirt": GarmentType(skirts=(1, 2, 3, 4, 5)),
    "trousers": GarmentType(pants=(3, 4, 5)),
    "shorts": GarmentType(pants=(1, 2)),
}  # fmt: skip

# Bare shoulders hold no sleeve.
BARE_SHOULDERS = {("neckline_design", 1), ("neckline_design", 9)}
SWEETHEART, OFF_SHOULDER = ("neckline_design", 8), ("neckline_design", 6)
LONGEST_SLEEVE_OF_ANY_SKIRT = 4  # with a skirt of ANY length
# Every value that some garment can have.
TARGETS = sorted({(a, v) for p in GARMENT_TYPES.values() for a in ATTRIBUTES for v in p.values(a)})
ANY = 0  # in place of a value: any of an attribute's values but these, without sleeves or with bare shoulders
NOT_IN_ANY = {("sleeve_length", 1), *(("neckline_design", value) for value in (1, 3, 6, 8, 9))}
# Targets of each block of seeds. A change to it, or to what ANY includes, gives seeds other garments.
BLOCK = sorted([*TARGETS, *((attribute, ANY) for attribute in ATTRIBUTES)])
SETTINGS = ("flat", "flat", "flat", "flat", "flat", "hanger", "hanger", "mannequin", "mannequin")


@dataclass(frozen=True)
class Plan:
    """Plan of one garment: the values of its parts, and its support."""

    garment: str
    values: dict[str, int]
    hooded: bool = False
    setting: str = "flat"  # flat, hanger or mannequin

    @property
    def missing(self) -> frozenset[str]:
        """Attributes whose part the garment does not have; for a hood, the neck attributes stay undecided."""
        unknown = set(NECKS.values()) if self.hooded else set()
        return frozenset(ATTRIBUTES) - frozenset(self.values) - unknown

    @property
    def neck(self) -> Target:
        """(attribute, value) of the neck, HOOD, or ("", 0) for garments without one."""
        if self.hooded:
            return HOOD
        return next(((a, v) for a, v in self.values.items() if a in NECKS.values()), ("", 0))


def make_plan(seed: int, target: Target | None = None) -> Plan:
    """Make the plan of a seed for an (attribute, value) or, without one, for that of the seed's position in its block.

    Every block of len(BLOCK) seeds has each value at least once.
    """
    if target is None:
        block, position = divmod(seed, len(BLOCK))
        target = BLOCK[np.random.default_rng((block, 71)).permutation(len(BLOCK))[position]]
    attribute, value = target
    rng = np.random.default_rng((seed, 72, BLOCK.index(target)))
    kinds = [kind for kind, garment_type in GARMENT_TYPES.items() if _matching_values(garment_type, target)]
    weights = np.array([GARMENT_TYPES[kind].weight for kind in kinds])
    garment = kinds[rng.choice(len(kinds), p=weights / weights.sum())]
    garment_type = GARMENT_TYPES[garment]
    values: dict[str, int] = {}
    for other in ATTRIBUTES[:4]:
        usual = {"sleeve_length": garment_type.usual_sleeves, "coat_length": garment_type.usual_coats}.get(other)
        if pool := usual or garment_type.values(other):
            if target == (other, ANY):
                pool = tuple(v for v in pool if (other, v) not in NOT_IN_ANY)
            if target == ("skirt_length", ANY) and other == "sleeve_length":
                pool = tuple(v for v in pool if v <= LONGEST_SLEEVE_OF_ANY_SKIRT)
            values[other] = value if value != ANY and other == attribute else int(rng.choice(pool))
    neck = _choose_neck(garment_type, target, rng)
    if attribute != "sleeve_length":
        shown = tuple(
            v for v in garment_type.sleeves if v <= LONGEST_SLEEVE_OF_ANY_SKIRT or target != ("skirt_length", ANY)
        )
        _adapt_sleeves(values, neck, shown, bool(garment_type.usual_sleeves), rng)
    if neck != HOOD and neck[0]:
        values[neck[0]] = neck[1]
    if garment == "hoodie" and attribute != "coat_length" and rng.random() < 0.5:
        del values["coat_length"]  # a pullover, not a coat
    ordered = {a: values[a] for a in ATTRIBUTES if a in values}
    return Plan(garment, ordered, neck == HOOD, _choose_setting(ordered, neck, target, rng))


def _matching_values(garment_type: GarmentType, target: Target) -> list[int]:
    """Return the values of a kind of garment that fulfil the target."""
    attribute, value = target
    values = garment_type.values(attribute)
    return [v for v in values if v == value or (value == ANY and (attribute, v) not in NOT_IN_ANY)]


def _choose_neck(garment_type: GarmentType, target: Target, rng: np.random.Generator) -> Target:
    attribute, value = target
    if not garment_type.necks:
        return "", 0
    if attribute in NECKS.values():
        necks = [(attribute, v) for v in _matching_values(garment_type, target)]
    elif attribute == "sleeve_length" and value != 1:
        necks = [
            n for n in garment_type.necks if n not in BARE_SHOULDERS and (value not in (ANY, 4) or n != OFF_SHOULDER)
        ]
    else:
        necks = [n for n in garment_type.necks if target != ("sleeve_length", 1) or n != OFF_SHOULDER]
    return necks[rng.integers(len(necks))]


def _adapt_sleeves(
    values: dict[str, int], neck: Target, sleeves: tuple[int, ...], chosen: bool, rng: np.random.Generator
) -> None:
    """Change the sleeves to ones worn with this neck; if the neck allows any, only where not `chosen` yet."""
    if neck in BARE_SHOULDERS or (neck == SWEETHEART and rng.random() < 0.6):
        values["sleeve_length"] = 1
    elif neck == OFF_SHOULDER:
        values["sleeve_length"] = int(rng.choice([v for v in sleeves if v in (3, 5, 7)]))
    elif 7 in sleeves and not chosen and rng.random() < 0.35:
        values["sleeve_length"] = 7


def _choose_setting(values: dict[str, int], neck: Target, target: Target, rng: np.random.Generator) -> str:
    """Choose flat, hanger or mannequin; often a mannequin where only a figure shows the garment's length."""
    setting = str(rng.choice(SETTINGS))
    if target == ("sleeve_length", ANY):
        return "flat"
    if target == ("coat_length", ANY):
        return str(rng.choice(["hanger", "mannequin"]))
    if rng.random() < _mannequin_chance(values):
        return "mannequin"
    if setting == "hanger" and neck in BARE_SHOULDERS | {SWEETHEART, OFF_SHOULDER}:
        return "mannequin"  # a hanger needs two shoulders
    return setting


def _mannequin_chance(values: dict[str, int]) -> float:
    """Return how often a garment is shown on a mannequin, because its length is hard to judge lying flat."""
    skirt, coat, pant = (values.get(f"{part}_length", 0) for part in ("skirt", "coat", "pant"))
    return 0.85 if skirt >= 4 or coat >= 6 else 0.6 if coat >= 4 or pant >= 2 else 0.3 if skirt >= 2 else 0.0
