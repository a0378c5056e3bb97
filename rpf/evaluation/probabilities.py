"""Probabilities of the model's heads on a benchmark: which parts a garment has, and which value each attribute."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from rpf.config import Config
from rpf.evaluation.calibration import balanced_accuracy, expected_calibration_error, fit_presence
from rpf.evaluation.protocol import Benchmark
from rpf.models.base import TwoBranchModel
from rpf.models.output import TwoBranchOutput
from rpf.search.description import SURE

CONFIDENT = 0.8  # probability from which on a value is worth saying

Floats = npt.NDArray[np.float64]


class HeadOutputs:
    """The outputs of the heads for the images of a benchmark, collected batch by batch, beside the labels."""

    def __init__(self, benchmark: Benchmark, model: TwoBranchModel) -> None:
        self.benchmark = benchmark
        self.values, self.present = _label_arrays(benchmark)
        self._columns = [model.attributes.index(task.attribute) for task in benchmark.tasks]
        self._batches: dict[str, list[npt.NDArray[np.float32]]] = {}

    def append(self, first: int, output: TwoBranchOutput) -> None:
        """Add the output for the next images of the benchmark."""
        for name in ("presence_logits", "values"):
            if (batch := getattr(output, name)) is not None:
                self._batches.setdefault(name, []).append(batch[:, self._columns])

    def get(self, name: str) -> npt.NDArray[np.float32] | None:
        """Return a field of TwoBranchOutput for all images and the benchmark's attributes; None without that head."""
        return np.concatenate(self._batches[name]) if name in self._batches else None


def calibrate(model: TwoBranchModel, outputs: Sequence[HeadOutputs]) -> Config:
    """Fit the calibration of a model's presence on the labels of its outputs; return its config with it."""
    parts = [part.get("presence_logits") for part in outputs]
    logits = np.concatenate([part for part in parts if part is not None])
    present = torch.from_numpy(np.concatenate([part.present for part in outputs])).float()
    pairs = fit_presence(torch.from_numpy(logits), present)
    heads = model.config.MODEL.PRESENCE.model_copy(update={"CALIBRATION": pairs})
    return model.config.model_copy(update={"MODEL": model.config.MODEL.model_copy(update={"PRESENCE": heads})})


def value_report(outputs: HeadOutputs) -> dict[str, Any]:
    """Report EvaluationReport's `values`; empty without a value classifier."""
    probabilities = outputs.get("values")
    if probabilities is None:
        return {}
    figures: dict[str, Any] = {}
    confidences, rights = [], []
    for attribute, task in enumerate(outputs.benchmark.tasks):
        rows = np.flatnonzero(outputs.values[:, attribute] >= 0)
        truth, predicted = outputs.values[rows, attribute], probabilities[rows, attribute].argmax(axis=1)
        confidence = probabilities[rows, attribute].max(axis=1).astype(np.float64)
        figures[task.attribute] = _figures(truth, predicted, confidence) if len(truth) else None
        confidences.append(confidence)
        rights.append(truth == predicted)
    return {"values": {**figures, "overall": _reliability(np.concatenate(confidences), np.concatenate(rights))}}


def _figures(truth: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64], confidence: Floats) -> dict[str, Any]:
    names = sorted({*truth.tolist(), *predicted.tolist()})
    confusion = [[int(((truth == row) & (predicted == column)).sum()) for column in names] for row in names]
    return {
        **_reliability(confidence, truth == predicted),
        "balanced_accuracy": balanced_accuracy(truth, predicted),
        "confusion": {"values": names, "counts": confusion},  # a row for each true value
    }


def _reliability(confidence: Floats, right: npt.NDArray[np.bool_]) -> dict[str, Any]:
    levels = {"confident": confidence >= CONFIDENT, "sure": confidence >= SURE}
    return {
        "labels": len(right),
        "accuracy": float(right.mean()),
        "calibration_error": expected_calibration_error(confidence, right),
        **{f"{name}_accuracy": float(right[rows].mean()) if rows.any() else None for name, rows in levels.items()},
        **{f"{name}_share": float(rows.mean()) for name, rows in levels.items()},
    }


def _label_arrays(benchmark: Benchmark) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return the values (n, A) of the images, -1 where unknown, and presence (n, A), 1 or 0, NaN where unknown."""
    shape = len(benchmark.paths), len(benchmark.tasks)
    values, present = np.full(shape, -1), np.full(shape, np.nan)
    for attribute, task in enumerate(benchmark.tasks):
        for labelled in (task.candidates, task.queries):
            values[labelled.images, attribute] = labelled.values
        present[task.presence.images, attribute] = task.presence.values
    return values, present
