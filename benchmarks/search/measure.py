"""`python -m rpf bench search`: every search method on collections of several sizes, side by side."""

import json
import platform
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from benchmarks.common.process import Unfinished, in_process
from benchmarks.search import trial
from benchmarks.search.baselines import RIVALS
from benchmarks.search.synthetic_gallery import Source, turned, write_gallery
from benchmarks.search.trial import Measured, Trial
from rpf.utils.cores import usable_cores
from rpf.utils.files import write_atomic
from rpf.utils.progress import Progress

METHODS = ("exact", "pca", "faiss", "faiss:PCA64,IVF256,SQ8", "hnsw", "kdtree", "lsh", "earlier", "hnswlib", "usearch")
LIMIT = 600.0  # seconds of building, and of searching
PACKAGES = ("numpy", "torch", "openvino", "faiss-cpu", "scikit-learn", "hnswlib", "usearch")
Run = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What is measured."""

    methods: Sequence[str]
    sizes: Sequence[int]  # items
    numbers: Sequence[int]  # per attribute
    chosen: Sequence[int]  # how many attributes a query names
    threads: int  # of each search; building takes all cores


def measure_all(plan: Plan, source: Source, about: dict[str, Any], work: Path, report: Path, tell: Progress) -> None:
    """Measure each method on each collection, made in the folder `work`, and write the report after each.

    A report that is there already, of the same plan on the same machine, is gone on with.
    """
    about = about | {"plan": asdict(plan), "machine": machine()}
    about = json.loads(json.dumps(about))  # as it will be read again
    runs = _earlier_runs(report, about)
    total = len(plan.methods) * len(plan.sizes) * len(plan.numbers)
    for numbers in plan.numbers:
        own, kept = turned(source, numbers)
        for size in plan.sizes:
            missing = [name for name in plan.methods if not _has(runs, name, size, numbers)]
            if not missing:
                continue
            folder = work / f"{size}_{numbers}"
            shutil.rmtree(folder, ignore_errors=True)
            write_gallery(folder, own, size, tell)
            truths = trial.exact_scores(folder, own.queries, plan.chosen)
            for name in missing:
                tell(f"{size:,} x {numbers}: {name}", len(runs), total)
                made = _measured(Trial(name, folder, plan.threads), own, truths)
                runs.append({"method": name, "items": size, "numbers": numbers, "kept": round(kept, 4), **made})
                write_atomic(report, (json.dumps({"about": about, "runs": runs}, indent=1) + "\n").encode())
            shutil.rmtree(folder)
    tell("measured", total, total)


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": usable_cores(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "python": platform.python_version(),
        **{package: _version(package) for package in PACKAGES},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _measured(one: Trial, source: Source, truths: dict[int, trial.Truth]) -> dict[str, Any]:
    """The figures of one method, or why there are none."""
    try:
        seconds, size = in_process(LIMIT, usable_cores(), trial.build, one)
        made: Measured = in_process(LIMIT, one.threads, trial.search, one, source.queries, truths)
        made.build_seconds, made.index_bytes = seconds, size
        if one.method not in RIVALS:
            made.add_seconds = in_process(LIMIT, one.threads, trial.add, one, source)
    except Unfinished as why:
        return {"unfinished": str(why)}
    finally:
        trial.clear(one)
    return asdict(made)


def _earlier_runs(report: Path, about: dict[str, Any]) -> list[Run]:
    if not report.is_file():
        return []
    data = json.loads(report.read_bytes())
    return data["runs"] if data["about"] == about else []


def _has(runs: Sequence[Run], method: str, items: int, numbers: int) -> bool:
    return any((run["method"], run["items"], run["numbers"]) == (method, items, numbers) for run in runs)
