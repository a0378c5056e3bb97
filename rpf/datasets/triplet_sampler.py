"""Triplet sampling: anchor, positive and negative images, drawn from a seed for each epoch (RPF, section 4.1)."""

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rpf.datasets.annotations import LabelledImage
from rpf.errors import DatasetError


class Triplet(NamedTuple):
    """Two different images with one value of an attribute, and an image with another value; all count from 0."""

    attribute: int
    value: int  # of anchor and positive
    other_value: int  # of the negative
    images: tuple[int, int, int]  # anchor, positive, negative
    flips: tuple[bool, bool, bool]  # whether each is mirrored, if mirroring is enabled


class TripletSampler:
    """Draws triplets from a train split's labels.

    An attribute needs images of two values, and of one of these at least two images; `left_out` names the others.
    Raises DatasetError if no attribute can be trained.
    """

    def __init__(self, images: Sequence[LabelledImage], attributes: Sequence[str]) -> None:
        indices = {key: attribute for attribute, key in enumerate(attributes)}
        rows_by_value: list[dict[int, list[int]]] = [{} for _ in attributes]
        for row, image in enumerate(images):
            for key, value in image.pairs():
                if key in indices:
                    rows_by_value[indices[key]].setdefault(value, []).append(row)
        self._rows = [dict(sorted(rows.items())) for rows in rows_by_value]
        self._sets = [{value: frozenset(rows) for value, rows in of_values.items()} for of_values in self._rows]
        self._negatives = [_negative_values(sets) for sets in self._sets]
        self._usable = [attribute for attribute, negatives in enumerate(self._negatives) if negatives]
        self.left_out = [key for attribute, key in enumerate(attributes) if attribute not in self._usable]
        if not self._usable:
            raise DatasetError(
                "No attribute can be trained: each needs images of two values, and of one of these at least two images."
            )

    def draw(self, count: int, seed: int, epoch: int) -> list[Triplet]:
        """Draw `count` triplets, the same for the same seed and epoch.

        Uniform are the attribute, then the value among those with at least two images, then the other value among
        those with an image without the first: where images have several values, the negative must not have the
        anchor's.
        """
        rng = random.Random(f"{seed} {epoch}")
        triplets = []
        for _ in range(count):
            attribute = rng.choice(self._usable)
            value = rng.choice(list(self._negatives[attribute]))
            other = rng.choice(self._negatives[attribute][value])
            anchor, positive = rng.sample(self._rows[attribute][value], 2)
            negative = anchor
            while negative in self._sets[attribute][value]:
                negative = rng.choice(self._rows[attribute][other])
            flips = (rng.random() < 0.5, rng.random() < 0.5, rng.random() < 0.5)
            triplets.append(Triplet(attribute, value, other, (anchor, positive, negative), flips))
        return triplets


def _negative_values(rows: Mapping[int, frozenset[int]]) -> dict[int, list[int]]:
    """Map each value with at least two images to the values that have an image without it."""
    negatives = {
        value: [other for other, other_rows in rows.items() if not other_rows <= value_rows]
        for value, value_rows in rows.items()
        if len(value_rows) >= 2
    }
    return {value: others for value, others in negatives.items() if others}
