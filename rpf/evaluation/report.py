"""From measured queries to the report: means, intervals, and what report.json says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rpf.evaluation.measure import Measured
from rpf.evaluation.metrics import Bools, Floats, bootstrap_means, random_average_precision
from rpf.evaluation.protocol import Benchmark
from rpf.search.indexes.registry import make_index
from rpf.utils.text import EXAMPLES

DRAWS = 2000
SEED = 0

Values = Mapping[str, Floats]  # attribute -> a value for each of its queries
Report = dict[str, Any]


@dataclass(frozen=True)
class Line:
    """What a row of a table or a colour of a plot shows."""

    name: str
    figures: Mapping[str, float | None]  # by attribute, "overall" and "mean"; None without queries
    intervals: Mapping[str, Sequence[float] | None] | None = None


def make_report(
    benchmark: Benchmark, measured: Mapping[str, Sequence[Measured]], k: int, about: Mapping[str, Any]
) -> Report:
    """What report.json holds; all figures are fractions of 1, or seconds a query. `about` goes in as it is.

    measured: method -> what was measured for each task, in the benchmark's order. Figures of a method are
    {attribute: mean over its queries, "overall": mean over all queries, "mean": mean over the attributes}; an
    attribute without queries has null and does not count. Intervals have the same keys: [low, high], 95%.

    A query without any relevant candidate scores 0 and counts, as published. Where there are such queries,
    "unanswerable" says how many and names some, and "MAP_answerable" is the MAP without them.
    """
    answerable = {task.attribute: task.relevant() > 0 for task in benchmark.tasks}
    unanswerable = _unanswerable(benchmark, answerable)
    chosen = answerable if unanswerable else None
    return {
        "split": benchmark.split,
        **about,
        "topk": k,
        "queries": {task.attribute: len(task.queries.values) for task in benchmark.tasks},
        "candidates": {task.attribute: len(task.candidates.values) for task in benchmark.tasks},
        **unanswerable,
        "methods": {name: _of_method(benchmark, own, k, chosen) for name, own in measured.items()},
        "random": _of_random_ranking(benchmark, k, chosen),
    }


def _unanswerable(benchmark: Benchmark, answerable: Mapping[str, Bools]) -> dict[str, Any]:
    """Return {"unanswerable": {"queries": {attribute: count}, "examples": {attribute: paths}}}, or nothing."""
    rows = {task.attribute: np.flatnonzero(~answerable[task.attribute]) for task in benchmark.tasks}
    if not any(map(len, rows.values())):
        return {}
    examples = {
        task.attribute: [str(benchmark.paths[image]) for image in task.queries.images[own[:EXAMPLES]]]
        for task, own in zip(benchmark.tasks, rows.values(), strict=True)
        if len(own)
    }
    return {"unanswerable": {"queries": {key: len(own) for key, own in rows.items()}, "examples": examples}}


def lines(report: Report, figure: str) -> list[Line]:
    """A figure such as "MAP" of every method, and of rankings by chance where that is known."""
    made = [
        Line(make_index(name).title, own[figure], own["intervals"].get(figure))
        for name, own in report["methods"].items()
    ]
    return [*made, Line("Random", report["random"][figure])] if figure in report["random"] else made


def _of_method(
    benchmark: Benchmark, measured: Sequence[Measured], k: int, answerable: Mapping[str, Bools] | None
) -> dict[str, Any]:
    attributes = [task.attribute for task in benchmark.tasks]

    def values(name: str) -> Values:
        return {key: getattr(own, name) for key, own in zip(attributes, measured, strict=True)}

    shares = {"MAP": values("whole"), f"MAP@{k}": values("top"), f"recall@{k}": values("recall")}
    if answerable:
        shares["MAP_answerable"] = _some(shares["MAP"], answerable)
    return {
        **{name: means(own) for name, own in shares.items()},
        "seconds": means(values("seconds")),
        "build_seconds": sum(own.build_seconds for own in measured),
        "intervals": {name: intervals(own) for name, own in shares.items()},
    }


def _some(values: Values, chosen: Mapping[str, Bools]) -> Values:
    return {key: own[chosen[key]] for key, own in values.items()}


def _of_random_ranking(benchmark: Benchmark, k: int, answerable: Mapping[str, Bools] | None) -> dict[str, Any]:
    """The MAP that rankings by chance have on average."""
    whole, top = {}, {}
    for task in benchmark.tasks:
        size, total = len(task.candidates.values), task.relevant()
        whole[task.attribute] = random_average_precision(size, total)
        top[task.attribute] = random_average_precision(size, total, k)
    without = {"MAP_answerable": means(_some(whole, answerable))} if answerable else {}
    return {"MAP": means(whole), f"MAP@{k}": means(top), **without}


def means(values: Values) -> dict[str, float | None]:
    """The mean of each attribute, over all queries, and over the attributes; None for what has no queries."""
    own = {key: float(one.mean()) if len(one) else None for key, one in values.items()}
    known = [mean for mean in own.values() if mean is not None]
    if not known:
        return {**own, "overall": None, "mean": None}
    return {**own, "overall": float(np.concatenate(list(values.values())).mean()), "mean": float(np.mean(known))}


def intervals(values: Values) -> dict[str, list[float] | None]:
    """95% bootstrap intervals of `means`: queries are drawn within each attribute, from a fixed seed."""
    draws = {key: bootstrap_means(one, DRAWS, SEED + at) for at, (key, one) in enumerate(values.items()) if len(one)}
    if not draws:
        return dict.fromkeys([*values, "overall", "mean"])
    counts = np.array([len(values[key]) for key in draws])
    stacked = np.stack(list(draws.values()))
    return {
        **{key: _interval(draws[key]) if key in draws else None for key in values},
        "overall": _interval(counts @ stacked / counts.sum()),
        "mean": _interval(stacked.mean(axis=0)),
    }


def _interval(draws: Floats) -> list[float]:
    low, high = np.percentile(draws, [2.5, 97.5])
    return [float(low), float(high)]
