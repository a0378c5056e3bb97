"""Search methods side by side, on galleries of several sizes and embedding dimensions."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path

from benchmarks.common.machine import machine
from benchmarks.common.process import Unfinished, in_process
from benchmarks.common.report import Row, write_json
from benchmarks.search import trial
from benchmarks.search.baselines import BASELINES
from benchmarks.search.synthetic_gallery import SearchDataset, change_dimension, write_gallery
from benchmarks.search.trial import Trial, TrialResult
from rpf.utils.cores import usable_cores
from rpf.utils.progress import Progress

METHODS = (
    "exact", "pca", "faiss", "faiss:PCA64,IVF256,SQ8", "hnsw", "kdtree", "lsh", "published", "hnswlib", "usearch",
)  # fmt: skip
LIMIT_SECONDS = 600.0  # of building, and of searching


@dataclass(frozen=True)
class SearchPlan:
    """Parameters of a measurement."""

    methods: Sequence[str]
    gallery_sizes: Sequence[int]
    dimensions: Sequence[int]  # of the embedding of one attribute
    attribute_counts: Sequence[int]  # of a query
    threads: int  # of each search; building takes all cores


def measure(plan: SearchPlan, dataset: SearchDataset, about: Row, work: Path, report: Path, progress: Progress) -> None:
    """Measure each method on each gallery, made in the folder `work`, and write the report after each.

    A report of the same plan on the same machine is resumed.
    """
    about = {**about, "plan": asdict(plan), "machine": machine()}
    about = json.loads(json.dumps(about))  # as it will be read again
    runs = _read_runs(report, about)
    total = len(plan.methods) * len(plan.gallery_sizes) * len(plan.dimensions)
    for dimension, size in product(plan.dimensions, plan.gallery_sizes):
        finished = [run["method"] for run in runs if (run["gallery_size"], run["dimension"]) == (size, dimension)]
        methods = [name for name in plan.methods if name not in finished]
        if not methods:
            continue
        projected, retained = change_dimension(dataset, dimension)
        folder = work / f"{size}_{dimension}"
        shutil.rmtree(folder, ignore_errors=True)
        write_gallery(folder, projected, size, progress)
        truths = trial.exact_scores(folder, projected.queries, plan.attribute_counts)
        for name in methods:
            progress(f"{size:,} x {dimension}: {name}", len(runs), total)
            result = _measure_trial(Trial(name, folder, plan.threads), projected, truths)
            gallery = {"gallery_size": size, "dimension": dimension, "retained": round(retained, 4)}
            runs.append({"method": name, **gallery, **result})
            write_json(report, {"about": about, "runs": runs})
        shutil.rmtree(folder)
    progress("measured", total, total)


def _measure_trial(parameters: Trial, dataset: SearchDataset, truths: dict[int, trial.Truth]) -> Row:
    """The figures of one method, or why there are none."""
    try:
        seconds, size = in_process(LIMIT_SECONDS, usable_cores(), trial.build, parameters)
        result: TrialResult = in_process(
            LIMIT_SECONDS, parameters.threads, trial.search, parameters, dataset.queries, truths
        )
        result.build_seconds, result.index_bytes = seconds if size else None, size
        if parameters.method not in BASELINES:
            result.add_seconds = in_process(LIMIT_SECONDS, parameters.threads, trial.add, parameters, dataset)
    except Unfinished as reason:
        return {"unfinished": str(reason)}
    finally:
        trial.clear(parameters)
    return asdict(result)


def _read_runs(report: Path, about: Row) -> list[Row]:
    if not report.is_file():
        return []
    data = json.loads(report.read_bytes())
    return data["runs"] if data["about"] == about else []
