"""How well a model tells which parts a garment has at all: trousers have no sleeves."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from rpf.evaluation.protocol import Vectors


def applicability(found: Sequence[Vectors]) -> dict[str, Any]:
    """What report.json says of it; nothing where the model has no such head, or the split no garments without a part.

    "applicability": {attribute: area under the ROC curve, "mean": mean over the attributes that have one}, null where
    all garments have the part, or none has; "parts": {attribute: [garments that have it, garments that lack it]}.
    """
    if any(own.presence is None for own in found) or all(own.task.parts.values.all() for own in found):
        return {}
    areas: dict[str, float | None] = {}
    counts: dict[str, list[int]] = {}
    for own in found:
        key, has = own.task.attribute, own.task.parts.values
        counts[key] = [int((has == kind).sum()) for kind in (1, 0)]
        areas[key] = float(roc_auc_score(has, own.presence)) if all(counts[key]) else None
    known = [area for area in areas.values() if area is not None]
    return {"applicability": {**areas, "mean": float(np.mean(known)) if known else None}, "parts": counts}
