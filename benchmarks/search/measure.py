"""Search methods side by side, on galleries of several sizes and embedding dimensions."""

import json
import shutil
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.common.machine import machine
from benchmarks.common.process import Unfinished, in_process
from benchmarks.common.report import Row, write_json
from benchmarks.search import trial
from benchmarks.search.baselines import BASELINES
from benchmarks.search.synthetic_gallery import SearchDataset, change_dimension, write_gallery
from rpf.utils.cores import usable_cores
from rpf.utils.progress import Progress

METHODS = (
    "exact", "pca", "faiss", "faiss:PCA64,IVF256,SQ8", "hnsw", "kdtree", "lsh", "published", "hnswlib", "usearch",
)  # fmt: skip
LIMIT_SECONDS = 600.0  # of building, and of searching


def measure(
    plan: dict[str, Any], dataset: SearchDataset, about: Row, work: Path, path: Path, progress: Progress
) -> dict[str, Any]:
    """Measure each method on each gallery, made in the folder `work`, and write the report to `path` after each.

    plan: methods, gallery_sizes, dimensions (of the embedding of one attribute), attribute_counts (of a query),
    threads (of each search; building takes all cores). A report of the same plan on the same machine is resumed.
    """
    about = json.loads(json.dumps({**about, "plan": plan, "machine": machine()}))  # as it will be read again
    report = json.loads(path.read_bytes()) if path.is_file() else {}
    if report.get("about") != about:
        report = {"about": about, "runs": []}
    runs, total = report["runs"], len(plan["methods"]) * len(plan["gallery_sizes"]) * len(plan["dimensions"])
    for dimension, size in product(plan["dimensions"], plan["gallery_sizes"]):
        finished = [run["method"] for run in runs if (run["gallery_size"], run["dimension"]) == (size, dimension)]
        methods = [name for name in plan["methods"] if name not in finished]
        if not methods:
            continue
        projected, retained = change_dimension(dataset, dimension)
        folder = work / f"{size}_{dimension}"
        write_gallery(folder, projected, size, progress)
        truths = trial.exact_scores(folder, projected.queries, plan["attribute_counts"])
        gallery = {"gallery_size": size, "dimension": dimension, "retained": round(retained, 4)}
        for name in methods:
            progress(f"{size:,} x {dimension}: {name}", len(runs), total)
            figures = _measure_trial(trial.Trial(name, folder, plan["threads"]), projected, truths)
            runs.append({"method": name, **gallery, **figures})
            write_json(path, report)
        shutil.rmtree(folder)
    progress("measured", total, total)
    return report


def _measure_trial(parameters: trial.Trial, dataset: SearchDataset, truths: dict[int, trial.Truth]) -> Row:
    """Return the figures of one method, or why there are none."""
    limit, threads = LIMIT_SECONDS, parameters.threads
    try:
        costs = in_process(limit, usable_cores(), trial.build, parameters)
        figures = in_process(limit, threads, trial.search, parameters, dataset.queries, truths)
        grows = parameters.method not in BASELINES
        additions = in_process(limit, threads, trial.add, parameters, dataset) if grows else {}
        return {**costs, **figures, **additions}
    except Unfinished as reason:
        return {"unfinished": str(reason)}
    finally:
        trial.clear(parameters)
