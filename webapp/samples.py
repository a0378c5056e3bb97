"""Samples on the start page: a few different photos of a collection that are good to search with."""

from collections import Counter

import numpy as np

from rpf.engine import SURE, Collection, Item

SAMPLE_COUNT = 6
PLACE_ROWS = 64  # of which one becomes the sample
MIN_MATCHES = 3  # rows with the same value among those of all places


def choose_samples(collection: Collection) -> list[Item]:
    """Choose photos from evenly spread places, none of them twice.

    At each place the first row counts that surely shows a value which other rows have too, else the first that surely
    shows any, else the first.
    """
    count, total = min(SAMPLE_COUNT, len(collection)), len(collection)
    starts = [(2 * place + 1) * total // (2 * count) for place in range(count)]
    places = [range(start, min(start + PLACE_ROWS, (place + 1) * total // count)) for place, start in enumerate(starts)]
    rows = np.array([row for place in places for row in place], np.int64)
    values = collection.values_of(rows) * collection.presence_by_attribute[:, rows].T[..., None]  # (n, A, V)
    shown = {
        int(row): [(at, int(of_row[at].argmax())) for at in np.flatnonzero(of_row.max(axis=1, initial=0) >= SURE)]
        for row, of_row in zip(rows, values, strict=True)
    }
    matches = Counter(value for of_row in shown.values() for value in of_row)

    def rate(row: int) -> int:
        most = max((matches[value] for value in shown[row]), default=0)
        return (most > 0) + (most > MIN_MATCHES)

    samples = dict[int, int]()  # original -> row
    for place in places:
        free = [row for row in place if int(collection.originals[row]) not in samples]
        if free:
            row = max(free, key=rate)
            samples[int(collection.originals[row])] = row
    return collection.items([int(collection.ids[row]) for row in samples.values()])
