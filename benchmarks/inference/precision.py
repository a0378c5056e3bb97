"""Effect of the inference precision on the rankings of labelled images."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.common.report import Row, table
from rpf.config import Config
from rpf.evaluation.evaluate import evaluate, overall_map
from rpf.evaluation.protocol import Benchmark, read_benchmark
from rpf.images.decode import open_image
from rpf.inference.openvino import INT8, PRECISIONS, compile_branches
from rpf.models import checkpoint
from rpf.models.base import TwoBranchModel

BATCH = 16  # images

COLUMNS = {
    "precision": "{precision}",
    "MAP": "{map:.2f}",
    "median cosine": "{median_cosine:.6f}",
    "1st percentile": "{lowest_percent_cosine:.5f}",
    "equal crop boxes": "{equal_boxes:.1%}",
    "median overlap": "{median_overlap:.1%}",
}


def overlap(one: npt.NDArray[np.int32], other: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """(..., 4) boxes -> (...) intersection over union, 0 to 1."""
    sides = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    shared = sides.clip(0).prod(axis=-1)
    areas = [(box[..., 2:] - box[..., :2]).prod(axis=-1) for box in (one, other)]
    return np.asarray(shared / (areas[0] + areas[1] - shared))


def measure(config: Config, split: str, weights: Path) -> dict[str, Any]:
    """Measure MAP, cosines and crop boxes in each precision beside PyTorch's float32; return the report."""
    benchmark = read_benchmark(config.DATA, split)
    plain = checkpoint.load(weights)
    return {
        "checkpoint": weights.parent.name,
        "split": split,
        "images": len(benchmark.paths),
        "map": 100 * overall_map(evaluate(plain, benchmark)),
        "precisions": [_measure_precision(name, weights, plain, benchmark) for name in (*PRECISIONS, INT8)],
    }


def _measure_precision(precision: str, weights: Path, plain: TwoBranchModel, benchmark: Benchmark) -> Row:
    model = checkpoint.load(weights)
    compile_branches(model, precision, 0)
    cosines, overlaps = [], []
    for start in range(0, len(benchmark.paths), BATCH):
        images = [open_image(path) for path in benchmark.paths[start : start + BATCH]]
        reference, output = plain.embed(images), model.embed(images)
        cosines.append((reference.embedding * output.embedding).sum(axis=-1).ravel())
        overlaps.append(overlap(reference.box, output.box).ravel())
    cosine, shared = np.concatenate(cosines), np.concatenate(overlaps)
    return {
        "precision": precision,
        "map": 100 * overall_map(evaluate(model, benchmark)),
        "median_cosine": float(np.median(cosine)),
        "lowest_percent_cosine": float(np.quantile(cosine, 0.01)),
        "equal_boxes": float((shared == 1).mean()),
        "median_overlap": float(np.median(shared)),
    }


def as_markdown(report: dict[str, Any]) -> list[str]:
    """Format a report as lines of Markdown."""
    return [
        "# Precision", "",
        f"{report['checkpoint']}, {report['images']} images of the split {report['split']}, all attributes, beside "
        f"PyTorch in float32, whose MAP is {report['map']:.2f}. The cosines are of the embeddings; the overlap is the "
        "intersection over union of the crop boxes.", "",
        *table(report["precisions"], COLUMNS),
    ]  # fmt: skip
