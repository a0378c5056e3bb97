"""What to draw: one garment with its attribute values, sampled so that every value is as frequent as any other."""

from dataclasses import dataclass

import numpy as np

ATTRIBUTES = (
    "skirt_length", "sleeve_length", "coat_length", "pant_length",
    "collar_design", "lapel_design", "neckline_design", "neck_design",
)  # fmt: skip
NECKS = {"collar": "collar_design", "lapel": "lapel_design", "neckline": "neckline_design", "neck": "neck_design"}


@dataclass(frozen=True)
class Pattern:
    """What a kind of garment may have: the values of each length, and its necks as (attribute, value)."""

    necks: tuple[tuple[str, int], ...] = ()
    sleeves: tuple[int, ...] = ()
    skirts: tuple[int, ...] = ()
    coats: tuple[int, ...] = ()
    pants: tuple[int, ...] = ()
    usual_sleeves: tuple[int, ...] = ()  # what it has where no other is asked for; empty: any
    usual_coats: tuple[int, ...] = ()


def _necks(**families: str) -> tuple[tuple[str, int], ...]:
    return tuple((NECKS[family], int(value)) for family, values in families.items() for value in values)


PATTERNS: dict[str, Pattern] = {
    "T-shirt": Pattern(_necks(collar="1", neckline="2347", neck="3"), sleeves=(2, 3, 4, 5, 7)),
    "shirt": Pattern(_necks(collar="1", neck="3"), sleeves=(3, 4, 5, 7)),
    "blouse": Pattern(_necks(collar="123", neckline="245689", neck="24"), sleeves=(1, 2, 3, 4, 5, 7)),
    "sweater": Pattern(_necks(neckline="3467", neck="134"), sleeves=(3, 4, 5, 7)),
    "cardigan": Pattern(
        _necks(collar="4", lapel="23"),
        sleeves=(3, 4, 5, 7),
        coats=(2, 3, 4, 5),
        usual_sleeves=(7, 7, 5),
        usual_coats=(2, 2, 3, 4),
    ),
    "jacket": Pattern(
        _necks(collar="14", lapel="12", neck="3"),
        sleeves=(5, 7),
        coats=(1, 2, 3),
        usual_sleeves=(7,),
        usual_coats=(1, 2, 2, 2, 3),
    ),
    "coat": Pattern(
        _necks(collar="123", lapel="1234", neck="3"),
        sleeves=(5, 7),
        coats=(3, 4, 5, 6, 7),
        usual_sleeves=(7, 7, 7, 5),
        usual_coats=(3, 4, 4, 5, 5, 6, 7),
    ),
    "blazer": Pattern(
        _necks(lapel="134"), sleeves=(4, 5, 7), coats=(1, 2, 3), usual_sleeves=(7, 7, 5), usual_coats=(2, 2, 3)
    ),
    "vest top": Pattern(_necks(neckline="12345789"), sleeves=(1,)),
    "dress": Pattern(_necks(collar="123", neckline="123456789", neck="1234"), (1, 2, 3, 4, 5, 7), (1, 2, 3, 4, 5)),
    "skirt": Pattern(skirts=(1, 2, 3, 4, 5)),
    "trousers": Pattern(pants=(3, 4, 5)),
    "shorts": Pattern(pants=(1, 2)),
}

# Sleeveless garments only have these necks bare; a shoulder that is not there carries no sleeve.
BARE = {("neckline_design", 1), ("neckline_design", 8), ("neckline_design", 9)}


def _values(pattern: Pattern, attribute: str) -> tuple[int, ...]:
    lengths = {"skirt_length": pattern.skirts, "sleeve_length": pattern.sleeves,
               "coat_length": pattern.coats, "pant_length": pattern.pants}  # fmt: skip
    return lengths[attribute] if attribute in lengths else tuple(v for a, v in pattern.necks if a == attribute)


TARGETS = sorted({(a, v) for p in PATTERNS.values() for a in ATTRIBUTES for v in _values(p, a)})


@dataclass(frozen=True)
class Plan:
    """A garment, its labels, and the attributes that it has no part for."""

    garment: str
    labels: dict[str, int]

    @property
    def absent(self) -> frozenset[str]:
        return frozenset(ATTRIBUTES) - frozenset(self.labels)

    @property
    def neck(self) -> tuple[str, int]:
        """The (attribute, value) of the one neck; ("", 0) for garments without any."""
        return next(((a, v) for a, v in self.labels.items() if a in NECKS.values()), ("", 0))


def make_plan(seed: int) -> Plan:
    """The plan for a seed. Every run of len(TARGETS) seeds from a multiple of it has each value at least once."""
    block, place = divmod(seed, len(TARGETS))
    attribute, value = TARGETS[np.random.default_rng((block, 71)).permutation(len(TARGETS))[place]]
    rng = np.random.default_rng((seed, 72))
    kinds = [kind for kind, pattern in PATTERNS.items() if value in _values(pattern, attribute)]
    garment = kinds[rng.integers(len(kinds))]
    pattern = PATTERNS[garment]
    labels: dict[str, int] = {}
    for other in ATTRIBUTES[:4]:
        values = _values(pattern, other)
        if values:
            usual = {"sleeve_length": pattern.usual_sleeves, "coat_length": pattern.usual_coats}.get(other) or values
            labels[other] = value if other == attribute else int(rng.choice(usual))
    if pattern.necks:
        necks = [n for n in pattern.necks if n == (attribute, value)] or list(pattern.necks)
        if attribute == "sleeve_length" and value > 1:
            necks = [n for n in necks if n not in BARE]
        neck = necks[rng.integers(len(necks))]
        labels[neck[0]] = neck[1]
        _make_wearable(labels, neck, attribute, pattern, rng)
    return Plan(garment, {a: labels[a] for a in ATTRIBUTES if a in labels})


def _make_wearable(
    labels: dict[str, int], neck: tuple[str, int], target: str, pattern: Pattern, rng: np.random.Generator
) -> None:
    """Changes the lengths that were not asked for to what people wear with this neck."""
    if target == "sleeve_length":
        return
    if neck in BARE and 1 in pattern.sleeves:
        labels["sleeve_length"] = 1
    elif neck == ("neckline_design", 6):
        labels["sleeve_length"] = int(rng.choice([v for v in pattern.sleeves if v >= 3]))
    elif not pattern.usual_sleeves and rng.random() < 0.35 and 7 in pattern.sleeves:
        labels["sleeve_length"] = 7
