"""Which pictures are compared: triplets drawn anew each epoch from a seed (RPF, section 4.1)."""

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rpf.datasets.annotations import Labelled
from rpf.errors import DatasetError


class Triplet(NamedTuple):
    """Two different images of one value of an attribute and one image of another value; all are numbers from 0."""

    attribute: int
    value: int  # of anchor and positive
    other_value: int  # of the negative
    images: tuple[int, int, int]  # anchor, positive, negative
    flips: tuple[bool, bool, bool]  # whether each is mirrored, where mirroring is wanted


class Triplets:
    """A train split's labels, ready to draw from.

    Raises DatasetError when no attribute can be trained: each needs two values with images, and one of these two
    images. `left_out` names the attributes that cannot, and are never drawn.
    """

    def __init__(self, items: Sequence[Labelled], attributes: Sequence[str]) -> None:
        place = {key: attribute for attribute, key in enumerate(attributes)}
        images: list[dict[int, list[int]]] = [{} for _ in attributes]  # of each attribute's values
        for number, item in enumerate(items):
            for key, value in item.pairs():
                if key in place:
                    images[place[key]].setdefault(value, []).append(number)
        self._images = [dict(sorted(own.items())) for own in images]
        self._sets = [{value: frozenset(numbers) for value, numbers in own.items()} for own in self._images]
        self._others = [_others(own) for own in self._sets]
        self._usable = [attribute for attribute, own in enumerate(self._others) if own]
        self.left_out = [key for attribute, key in enumerate(attributes) if attribute not in self._usable]
        if not self._usable:
            raise DatasetError(
                "No attribute can be trained: each needs images of two values, and of one of these at least two images."
            )

    def draw(self, count: int, seed: int, epoch: int) -> list[Triplet]:
        """`count` triplets, the same for the same seed and epoch.

        The attribute is uniform, then a value with at least two images, then another that has an image without the
        first: where images have several values of an attribute, the negative has not the anchor's.
        """
        rng = random.Random(f"{seed} {epoch}")
        triplets = []
        for _ in range(count):
            attribute = rng.choice(self._usable)
            value = rng.choice(list(self._others[attribute]))
            other = rng.choice(self._others[attribute][value])
            anchor, positive = rng.sample(self._images[attribute][value], 2)
            negative = anchor
            while negative in self._sets[attribute][value]:
                negative = rng.choice(self._images[attribute][other])
            flips = (rng.random() < 0.5, rng.random() < 0.5, rng.random() < 0.5)
            triplets.append(Triplet(attribute, value, other, (anchor, positive, negative), flips))
        return triplets


def _others(images: Mapping[int, frozenset[int]]) -> dict[int, list[int]]:
    """Each value with at least two images, and the values that have an image without it."""
    found = {
        value: [other for other, numbers in images.items() if not numbers <= own]
        for value, own in images.items()
        if len(own) >= 2
    }
    return {value: others for value, others in found.items() if others}
