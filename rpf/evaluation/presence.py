"""Accuracy of the presence head: whether a garment has a part at all (trousers have no sleeves)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from rpf.evaluation.calibration import expected_calibration_error
from rpf.evaluation.protocol import TaskEmbeddings


def presence_report(embeddings: Sequence[TaskEmbeddings]) -> dict[str, Any]:
    """Report the areas under the ROC curve; empty without a presence head, or if the split has no missing parts.

    "presence": {attribute: area or null, "mean": mean over the attributes that have one}, null where all garments
    have the part, or none; "presence_counts": {attribute: [garments with the part, garments without it]};
    "presence_calibration_error": of the probabilities of all attributes.
    """
    if any(e.presence is None for e in embeddings) or all(e.task.presence.values.all() for e in embeddings):
        return {}
    areas: dict[str, float | None] = {}
    counts: dict[str, list[int]] = {}
    for result in embeddings:
        key, truth = result.task.attribute, result.task.presence.values
        counts[key] = [int((truth == value).sum()) for value in (1, 0)]
        areas[key] = float(roc_auc_score(truth, result.presence)) if all(counts[key]) else None
    known = [area for area in areas.values() if area is not None]
    probability = np.concatenate([e.presence for e in embeddings if e.presence is not None]).astype(np.float64)
    truth = np.concatenate([e.task.presence.values for e in embeddings]) == 1
    return {
        "presence": {**areas, "mean": float(np.mean(known)) if known else None},
        "presence_counts": counts,
        "presence_calibration_error": expected_calibration_error(probability, truth),
    }
