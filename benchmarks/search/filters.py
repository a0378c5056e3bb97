"""Filtered searches beside unfiltered ones, and the time of counting values, on a gallery with presence and values."""

from collections.abc import Sequence
from functools import partial
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.common.machine import describe, machine
from benchmarks.common.process import Unfinished, in_process
from benchmarks.common.report import Row, table
from benchmarks.common.timing import timed
from benchmarks.search import trial
from benchmarks.search.synthetic_gallery import Floats, SearchDataset, write_gallery
from benchmarks.search.trial import K
from rpf.collection import Collection
from rpf.models.value_classifier import ValueClassifier
from rpf.search.base import RankedRows
from rpf.search.exact import Exact
from rpf.search.filters import MINIMAL, Filters, ValueFilter, count_values, passing_rows
from rpf.search.index_store import open_searcher
from rpf.search.request import ResolvedRequest
from rpf.utils.cores import usable_cores
from rpf.utils.progress import Progress

METHODS = ("exact", "pca", "kdtree", "lsh", "faiss", "hnsw")
SHARES = (0.5, 0.1, 0.01)  # of the items, that filters leave
FILTERS_PER_SHARE = 8  # those that come nearest to it; the queries take turns
MAX_VALUES = 3  # of a filter in one attribute
COUNTS = 50  # facet counts that are timed, with and without filters
SCORE_TOLERANCE = 2e-6  # scores are rounded to 6 decimals
LIMIT_SECONDS = 1800.0  # of building, and of searching

COLUMNS = {
    "method": "{method}",
    "items that pass": "{passing:.0%}",
    "p50, ms": "{p50_ms:.2f}",
    "p95, ms": "{p95_ms:.2f}",
    "times the unfiltered p50": "{ratio:.2f}",
    f"recall@{K}": "{recall:.4f}",
}
COUNT_COLUMNS = {"filters": "{filters}", "p50, ms": "{p50_ms:.2f}", "p95, ms": "{p95_ms:.2f}"}


def measure(
    plan: dict[str, Any], dataset: SearchDataset, classifier: ValueClassifier, about: Row, work: Path, bar: Progress
) -> dict[str, Any]:
    """Measure each method on a gallery made in the folder `work`; return the report.

    plan: methods, gallery_size, attribute_counts (of a query), threads (of each search; building takes all cores).
    """
    folder = work / "gallery"
    write_gallery(folder, dataset, plan["gallery_size"], bar, classifier)
    filters = choose_filters(Collection.open(folder))
    counts = in_process(LIMIT_SECONDS, plan["threads"], time_counts, folder, filters)
    runs: list[Row] = []
    for number, method in enumerate(plan["methods"]):
        bar(f"measuring {method}", number, len(plan["methods"]))
        parameters = trial.Trial(method, folder, plan["threads"])
        try:
            in_process(LIMIT_SECONDS, usable_cores(), trial.build, parameters)
            work_of = partial(in_process, LIMIT_SECONDS, plan["threads"], search)
            runs += work_of(parameters, dataset.queries, filters, plan["attribute_counts"])
        except Unfinished as reason:
            runs += [{"method": method, "attributes": a, "unfinished": str(reason)} for a in plan["attribute_counts"]]
        finally:
            trial.clear(parameters)
    return {"about": {**about, "plan": plan, "machine": machine()}, "counts": counts, "runs": runs}


def choose_filters(collection: Collection) -> dict[float, list[Filters]]:
    """Choose filters that leave about each of SHARES: up to MAX_VALUES of one attribute, or one of each of two."""
    recognised, keys = collection.recognised, collection.vocabulary.keys
    sure = recognised.probabilities >= np.float16(MINIMAL)
    values = np.where(sure, recognised.values, -1)
    masks = {(key, value): values[at] == value for at, key in enumerate(keys) for value in np.unique(values[at])[1:]}
    shares = {pair: mask.mean() for pair, mask in masks.items()}
    choices: list[tuple[float, Filters]] = []
    for key, size in product(keys, range(1, MAX_VALUES + 1)):
        for chosen in combinations([value for other, value in masks if other == key], size):
            share = sum(shares[key, value] for value in chosen)
            choices.append((share, {key: ValueFilter(frozenset(map(int, chosen)))}))
    for one, other in combinations(masks, 2):
        if one[0] != other[0]:
            pair = {key: ValueFilter(frozenset({int(value)})) for key, value in (one, other)}
            choices.append(((masks[one] & masks[other]).mean(), pair))
    return {
        wanted: [filters for _, filters in sorted(choices, key=lambda c: abs(np.log(max(c[0], 1e-9) / wanted)))][
            :FILTERS_PER_SHARE
        ]
        for wanted in SHARES
    }


def time_counts(folder: Path, filters: dict[float, list[Filters]]) -> list[Row]:
    """Time the counts of the values of all attributes, without and with filters; and the first, which reads all."""
    collection = Collection.open(folder)
    _, first = timed(lambda: count_values(collection, {}))
    rows: list[Row] = [{"filters": "none, the first time", "p50_ms": 1e3 * first, "p95_ms": None}]
    several: list[Filters] = [{**one, **other} for one, other in combinations(filters[SHARES[0]], 2)]
    for title, chosen in (("none", [{}]), ("one or two attributes", filters[SHARES[1]]), ("several", several)):
        seconds = [timed(partial(count_values, collection, chosen[at % len(chosen)]))[1] for at in range(COUNTS)]
        rows.append({"filters": title, **_quantiles(seconds)})
    return rows


def search(
    parameters: trial.Trial, queries: Floats, filters: dict[float, list[Filters]], counts: Sequence[int]
) -> list[Row]:
    """Search with the queries (A, m, D), without a filter and with those of each share in turn, so that whatever else
    the machine does slows all of them."""
    trial.prepare(parameters, parameters.threads)
    collection = Collection.open(parameters.copy)
    searcher, exact = open_searcher(collection, parameters.indexes, parameters.method), Exact(collection)
    collection.recognised  # noqa: B018 (read once for all)
    rows: list[Row] = []
    for count in counts:
        seconds: dict[float, list[float]] = {share: [] for share in (1.0, *SHARES)}
        recalls: dict[float, list[float]] = {share: [] for share in seconds}
        passing: dict[float, list[float]] = {share: [] for share in seconds}
        trial.warm_up(searcher, collection, count)
        for at, share in product(range(queries.shape[1]), seconds):
            chosen: Filters = {} if share == 1 else filters[share][at % len(filters[share])]

            def run(vectors: Floats = queries[:count, at], chosen: Filters = chosen) -> RankedRows:
                return searcher.search(_request(vectors, passing_rows(collection, chosen)))

            ranked, elapsed = timed(run)
            mask = passing_rows(collection, chosen)
            best = exact.search(_request(queries[:count, at], mask))
            seconds[share].append(elapsed)
            recalls[share].append(_recall(ranked, best))
            passing[share].append(1.0 if mask is None else float(mask.mean()))
        rows += [
            {
                "method": parameters.method,
                "attributes": count,
                "passing": float(np.mean(passing[share])),
                **_quantiles(seconds[share]),
                "ratio": float(np.median(seconds[share]) / np.median(seconds[1.0])),
                "recall": float(np.mean(recalls[share])),
                "lowest_recall": float(np.min(recalls[share])),
            }
            for share in seconds
        ]
    return rows


def _request(vectors: Floats, passing: npt.NDArray[np.bool_] | None) -> ResolvedRequest:
    """Return the search for K items by the first a attributes, from (a, D) vectors."""
    return ResolvedRequest(vectors, tuple(range(len(vectors))), np.ones(len(vectors)), K, passing)


def _recall(ranked: RankedRows, best: RankedRows) -> float:
    """Return the share of the exact results that were returned; items of equal scores stand for each other."""
    return float((ranked.scores >= best.scores[-1] - SCORE_TOLERANCE).sum() / len(best.scores))


def _quantiles(seconds: Sequence[float]) -> Row:
    p50, p95 = (1e3 * np.quantile(seconds, (0.5, 0.95))).tolist()
    return {"p50_ms": p50, "p95_ms": p95}


def as_markdown(report: dict[str, Any]) -> list[str]:
    """Format a report as lines of Markdown."""
    about = report["about"]
    plan = about["plan"]
    lines = [
        "# Filters", "",
        f"{describe(about['machine'])}. {plan['threads']} thread{'s' * (plan['threads'] > 1)} for each search.", "",
        f"{plan['gallery_size']:,} items, the first of them the {about['collection_size']:,} of the collection "
        f"{about['collection']}; the others are put together from these, with the values that the model recognises. "
        f"{about['queries']} queries: images of the collection, mirrored, cropped and embedded again. Each is searched "
        f"without a filter and with filters that leave about {', '.join(f'{share:.0%}' for share in SHARES)} of the "
        f"items, {FILTERS_PER_SHARE} of each kind in turn. Times are of one search from Python and of its filters; "
        f"recall@{K} is against the exact ranking of the items that pass.", "",
        f"Counting the values of all {about['attributes']} attributes:", "", *table(report["counts"], COUNT_COLUMNS),
    ]  # fmt: skip
    for count in plan["attribute_counts"]:
        heading = "1 attribute" if count == 1 else f"{count} attributes"
        rows = [run for run in report["runs"] if run["attributes"] == count]
        lines += ["", f"Queries with {heading}:", "", *table(rows, COLUMNS)]
    return lines
