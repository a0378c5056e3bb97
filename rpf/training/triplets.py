"""Which pictures are compared: triplets drawn anew each epoch from a seed (RPF, section 4.1)."""

import random
from collections.abc import Sequence
from typing import NamedTuple

from rpf.data.annotations import Labelled
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
        images: list[dict[int, list[int]]] = [{} for _ in attributes]  # of each attribute's values
        for number, item in enumerate(items):
            for attribute, key in enumerate(attributes):
                if key in item.labels:
                    images[attribute].setdefault(item.labels[key], []).append(number)
        self._images = [dict(sorted(own.items())) for own in images]
        self._usable = [
            attribute
            for attribute, own in enumerate(images)
            if len(own) >= 2 and any(len(numbers) >= 2 for numbers in own.values())
        ]
        self.left_out = [key for attribute, key in enumerate(attributes) if attribute not in self._usable]
        if not self._usable:
            raise DatasetError(
                "No attribute can be trained: each needs images of two values, and of one of these at least two images."
            )

    def draw(self, count: int, seed: int, epoch: int) -> list[Triplet]:
        """`count` triplets, the same for the same seed and epoch.

        The attribute is uniform, then a value with at least two images, then another with at least one.
        """
        rng = random.Random(f"{seed} {epoch}")
        positives = {a: [v for v, own in self._images[a].items() if len(own) >= 2] for a in self._usable}
        triplets = []
        for _ in range(count):
            attribute = rng.choice(self._usable)
            value = rng.choice(positives[attribute])
            other = rng.choice([v for v in self._images[attribute] if v != value])
            anchor, positive = rng.sample(self._images[attribute][value], 2)
            negative = rng.choice(self._images[attribute][other])
            flips = (rng.random() < 0.5, rng.random() < 0.5, rng.random() < 0.5)
            triplets.append(Triplet(attribute, value, other, (anchor, positive, negative), flips))
        return triplets
