"""The evaluation report: means and intervals of the measured queries, as in report.json."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, cast

import numpy as np

from rpf.evaluation.measure import QueryMetrics
from rpf.evaluation.metrics import Bools, Floats, bootstrap_means, random_average_precision
from rpf.evaluation.protocol import Benchmark
from rpf.search.indexes.registry import make_index
from rpf.utils.text import EXAMPLES

BOOTSTRAP_DRAWS = 2000
BOOTSTRAP_SEED = 0

QueryValues = Mapping[str, Floats]  # attribute -> a value for each of its queries


class EvaluationReport(TypedDict, total=False):
    """The content of report.json; all figures are fractions of 1, or seconds of a query.

    A figure is {attribute: mean over its queries, "overall": mean over all queries, "mean": mean over the attributes};
    an attribute without queries has null and does not count. Intervals have the same keys: [low, high], 95%.
    "average_precision" has {attribute: a value for each query}.
    """

    split: str
    dataset: str
    checkpoint: str
    checkpoint_sha256: str
    branch: str
    skipped: dict[str, Any]  # see ImageCheck.skipped
    topk: int | None  # k of "MAP@k" and "recall@k", which are absent without it
    queries: dict[str, int]
    candidates: dict[str, int]
    unanswerable: dict[str, Any]  # queries without a relevant candidate, which score 0; MAP_answerable excludes them
    methods: dict[str, dict[str, Any]]  # figures of each search method, their intervals
    random: dict[str, dict[str, Any]]  # mean figures of random rankings
    presence: dict[str, float | None]  # see presence_report, as for presence_counts
    presence_counts: dict[str, list[int]]
    presence_calibration_error: float
    values: dict[str, Any]  # of each attribute and "overall": how often the likeliest value is right, and how sure
    words: dict[str, Any]  # for closeness: what each stands for, and what was measured
    wanted_values: dict[str, Any]  # of each attribute: precision of the search for a value, without an image
    catalogue: dict[str, Any]  # figures of rpf.evaluation.catalogue; "by_value" counts each value the same


@dataclass(frozen=True)
class Series:
    """A row of a table, or the points of one colour in a plot."""

    name: str
    figures: Mapping[str, float | None]  # by attribute, "overall" and "mean"; None without queries
    intervals: Mapping[str, Sequence[float] | None] | None = None


def make_report(
    benchmark: Benchmark, metrics: Mapping[str, Sequence[QueryMetrics]], k: int | None, about: Mapping[str, Any]
) -> EvaluationReport:
    """Summarise the metrics of each method and task, in the benchmark's order. `about` is added as it is."""
    answerable = {task.attribute: task.relevant() > 0 for task in benchmark.tasks}
    unanswerable = _unanswerable(benchmark, answerable)
    selected = answerable if unanswerable else None
    report = {
        "split": benchmark.split,
        **about,
        "topk": k,
        "queries": {task.attribute: len(task.queries.values) for task in benchmark.tasks},
        "candidates": {task.attribute: len(task.candidates.values) for task in benchmark.tasks},
        **unanswerable,
        "methods": {name: _method_figures(benchmark, tasks, k, selected) for name, tasks in metrics.items()},
        "random": _random_figures(benchmark, k, selected),
    }
    return cast(EvaluationReport, report)


def _unanswerable(benchmark: Benchmark, answerable: Mapping[str, Bools]) -> dict[str, Any]:
    """Return {"unanswerable": {"queries": {attribute: count}, "examples": {attribute: paths}}}, or nothing."""
    rows = {task.attribute: np.flatnonzero(~answerable[task.attribute]) for task in benchmark.tasks}
    if not any(map(len, rows.values())):
        return {}
    examples = {
        task.attribute: [str(benchmark.paths[image]) for image in task.queries.images[task_rows[:EXAMPLES]]]
        for task, task_rows in zip(benchmark.tasks, rows.values(), strict=True)
        if len(task_rows)
    }
    counts = {key: len(task_rows) for key, task_rows in rows.items()}
    return {"unanswerable": {"queries": counts, "examples": examples}}


def series(report: EvaluationReport, figure: str) -> list[Series]:
    """List a figure such as "MAP" of every method, and of random rankings if the report has it."""
    methods = [
        Series(make_index(name).title, figures[figure], figures["intervals"].get(figure))
        for name, figures in report["methods"].items()
    ]
    return [*methods, Series("Random", report["random"][figure])] if figure in report["random"] else methods


def _method_figures(
    benchmark: Benchmark, tasks: Sequence[QueryMetrics], k: int | None, answerable: Mapping[str, Bools] | None
) -> dict[str, Any]:
    attributes = [task.attribute for task in benchmark.tasks]

    def values(name: str) -> QueryValues:
        return {key: getattr(metrics, name) for key, metrics in zip(attributes, tasks, strict=True)}

    fractions = {"MAP": values("average_precision")}
    if k is not None:
        fractions |= {f"MAP@{k}": values("average_precision_at_k"), f"recall@{k}": values("recall")}
    if answerable:
        fractions["MAP_answerable"] = _select(fractions["MAP"], answerable)
    return {
        **{name: means(figure) for name, figure in fractions.items()},
        **({"seconds": means(values("seconds"))} if k is not None else {}),
        "build_seconds": sum(metrics.build_seconds for metrics in tasks),
        "intervals": {name: intervals(figure) for name, figure in fractions.items()},
        "average_precision": rounded(fractions["MAP"]),
    }


def rounded(values: QueryValues) -> dict[str, list[float]]:
    """Return the value of each query as in report.json, from which `compare` computes paired intervals."""
    return {key: of_attribute.round(5).tolist() for key, of_attribute in values.items()}


def _select(values: QueryValues, selected: Mapping[str, Bools]) -> QueryValues:
    return {key: of_attribute[selected[key]] for key, of_attribute in values.items()}


def _random_figures(benchmark: Benchmark, k: int | None, answerable: Mapping[str, Bools] | None) -> dict[str, Any]:
    figures = {}
    for name, depth in {"MAP": None, **({f"MAP@{k}": k} if k is not None else {})}.items():
        figures[name] = {
            task.attribute: random_average_precision(len(task.candidates.values), task.relevant(), depth)
            for task in benchmark.tasks
        }
    if answerable:
        figures["MAP_answerable"] = dict(_select(figures["MAP"], answerable))
    return {name: means(figure) for name, figure in figures.items()}


def means(values: QueryValues) -> dict[str, float | None]:
    """Average each attribute, all queries, and the attributes; None without queries."""
    averages = {key: float(of_attribute.mean()) if len(of_attribute) else None for key, of_attribute in values.items()}
    known = [mean for mean in averages.values() if mean is not None]
    overall = float(np.concatenate(list(values.values())).mean()) if known else None
    return {**averages, "overall": overall, "mean": float(np.mean(known)) if known else None}


def intervals(values: QueryValues) -> dict[str, list[float] | None]:
    """Compute 95% bootstrap intervals of `means`; queries are drawn within each attribute, from a fixed seed."""
    draws = {
        key: bootstrap_means(of_attribute, BOOTSTRAP_DRAWS, BOOTSTRAP_SEED + at)
        for at, (key, of_attribute) in enumerate(values.items())
        if len(of_attribute)
    }
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
    return np.percentile(draws, [2.5, 97.5]).tolist()
