"""Forms of the ranking score, by the precision that a visitor gets: how presence should lower the similarity."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.common.report import table
from rpf.evaluation.catalogue import CatalogueLabels
from rpf.evaluation.protocol import Benchmark, embed_benchmark
from rpf.evaluation.recognition import FIRST
from rpf.models.base import TwoBranchModel
from rpf.models.output import TwoBranchOutput
from rpf.utils.progress import Progress

Floats = npt.NDArray[np.floating]
Score = Callable[[Floats, Floats], Floats]  # cosines, and presence of the items

LEAST = 1e-6  # presence, in a logarithm


def forms() -> dict[str, Score]:
    """Return the scores to compare."""
    return {
        "c (presence is not used)": lambda c, p: c,
        "c, all with p < 0.5 last": lambda c, p: c - 3 * (p < 0.5),
        "c * p (rises as p falls where c < 0)": lambda c, p: c * p,
        **{f"(1 + c) * p^{power:g} - 1": partial(_times, power) for power in (0.125, 0.25, 0.5, 1.0)},
        **{f"c - {factor:g} * (1 - p)": partial(_minus, factor) for factor in (0.5, 1.0, 1.5)},
        **{f"c + {factor:g} * log p": partial(_plus_log, factor) for factor in (0.1, 0.3, 0.5)},
    }


def _times(power: float, cosine: Floats, presence: Floats) -> Floats:
    return (1 + cosine) * presence**power - 1


def _minus(factor: float, cosine: Floats, presence: Floats) -> Floats:
    return cosine - factor * (1 - presence)


def _plus_log(factor: float, cosine: Floats, presence: Floats) -> Floats:
    return cosine + factor * np.log(np.maximum(presence, LEAST))


def measure(
    model: TwoBranchModel, benchmarks: Mapping[str, Benchmark], batch_size: int, progress: Progress
) -> dict[str, Any]:
    """Measure each form on the whole catalogue of each benchmark (rpf.evaluation.catalogue)."""
    figures: list[dict[str, Any]] = [{"form": form} for form in forms()]
    for name, benchmark in benchmarks.items():
        outputs: dict[int, TwoBranchOutput] = {}
        embed_benchmark(model, benchmark, batch_size=batch_size, progress=progress, observers=[outputs.__setitem__])
        embedding = np.concatenate([output.embedding for output in outputs.values()])
        presence = np.concatenate([output.presence for output in outputs.values() if output.presence is not None])
        for row, score in zip(figures, forms().values(), strict=True):
            row[name] = _means(model, benchmark, embedding, presence, score)
    return {"checkpoint": model.checkpoint_hash[:12], "datasets": list(benchmarks), "forms": figures}


def _means(
    model: TwoBranchModel, benchmark: Benchmark, embedding: Floats, presence: Floats, score: Score
) -> tuple[float, float]:
    """Return the means over the attributes of MAP and of the precision of the first 12, in percent."""
    attributes = []
    for task in benchmark.tasks:
        column, labels = model.attributes.index(task.attribute), CatalogueLabels.of(task, len(embedding))
        measured = []
        for image, value in zip(task.queries.images.tolist(), task.queries.values.tolist(), strict=True):
            cosines = (embedding[:, column] @ embedding[image, column]).clip(-1, 1)
            ranking = np.argsort(-score(cosines, presence[:, column]), kind="stable")
            measured.append(labels.measure(labels.known_others(ranking, image), value))
        known = [figures[:2] for figures in measured if figures]
        if known:
            attributes.append(np.mean(known, axis=0))
    means = 100 * np.mean(attributes, axis=0)
    return float(means[0]), float(means[1])


def as_markdown(report: Mapping[str, Any]) -> Sequence[str]:
    """Lay out the report."""
    columns = {"score": "{form}"}
    for name in report["datasets"]:
        columns |= {f"{name}: MAP, %": f"{{{name}[0]:.1f}}", f"{name}: first {FIRST}, %": f"{{{name}[1]:.1f}}"}
    return [
        "# Forms of the ranking score",
        "",
        "c: cosine of query and item in an attribute; p: probability that the item has the part. Each query against",
        f"the whole catalogue, as on the site; means over the attributes. Checkpoint {report['checkpoint']}.",
        "",
        *table(report["forms"], columns),
    ]
