"""Collections without images, whose ranking and closeness are known: item 1 is the query, the others follow by id."""

import numpy as np

from rpf.collection import CollectionSpec, NewItem, Writer
from rpf.inference.load import load_model
from rpf.settings import Settings

SLEEVE, SKIRT = "sleeve_length", "skirt_length"


def make_ranked_items(settings: Settings, name: str, count: int, close: set[int] | None = None) -> None:
    """Make a collection of `count` items, each less similar to item 1 than the one before, in every attribute.

    close: ranks, from 1, of the results that have item 1's value of each attribute; None for unknown values.
    """
    model = load_model(settings)
    spec = CollectionSpec(model.checkpoint_hash, model.attributes, model.dim, "images", f"{count} items")
    angles = np.linspace(0, np.pi / 2, count)
    vectors = np.zeros((count, len(model.attributes), model.dim), np.float32)
    vectors[:, :, 0], vectors[:, :, 1] = np.cos(angles)[:, None], np.sin(angles)[:, None]
    presence = np.ones((count, len(model.attributes)), np.float32)
    values = np.zeros((count, len(model.attributes), 9), np.float32)
    for rank in range(count):
        values[rank, :, 1 if rank == 0 or rank in (close or ()) else 2] = 1
    items = [NewItem(f"{number}.jpg", "", 0, 300, 400, {}) for number in range(count)]
    with Writer.open(settings.collections / name, spec) as writer:
        writer.append(items, vectors, None, presence, None if close is None else values)
