"""Evaluation of what a visitor gets: each query against the whole catalogue, by the request that the site makes.

Relevant are items with the query's value; items with another value, and those without the part, count as wrong. Before
ranks are counted, the query itself is left out, and items of which neither is known. Queries without a relevant item
are left out too.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from rpf.collection import Collection, CollectionSpec, NewItem, Writer
from rpf.evaluation.metrics import Bools, Floats, Ints, average_precision, random_average_precision
from rpf.evaluation.protocol import Benchmark, Floats32, RetrievalTask
from rpf.evaluation.recognition import FIRST, WordedPair, measure_wanted_values, word_figures, word_pairs
from rpf.evaluation.report import QueryValues, intervals, means, rounded
from rpf.search.exact import Exact
from rpf.search.request import Query, SearchRequest
from rpf.utils.progress import Progress


class _Metrics(NamedTuple):
    """Metrics of the queries of one attribute, (m,) each."""

    values: Ints
    average_precision: Floats
    precision: Floats  # share of relevant items among the first 12, of as many as there could be
    random: Floats  # mean average precision of random rankings


@dataclass(frozen=True)
class CatalogueLabels:
    """Labels of all images in one attribute."""

    has_value: Bools  # (n, values)
    known: Bools  # (n,): a value, or that the part is missing

    @classmethod
    def of(cls, task: RetrievalTask, count: int) -> "CatalogueLabels":
        images = np.concatenate([task.queries.images, task.candidates.images])
        values = np.concatenate([task.queries.values, task.candidates.values])
        has_value = np.zeros((count, int(values.max(initial=0)) + 1), dtype=bool)
        has_value[images, values] = True
        known = np.zeros(count, dtype=bool)
        known[images] = True
        known[task.presence.images[task.presence.values == 0]] = True
        return cls(has_value, known)

    def known_others(self, ranking: Ints, image: int) -> Ints:
        """Leave the query `image` and unknown images out of a ranking (n,)."""
        return ranking[self.known[ranking] & (ranking != image)]

    def measure(self, ranking: Ints, value: int) -> tuple[float, float, float] | None:
        """Return average precision, precision of the first 12, and the mean average precision of random rankings.

        ranking: from `known_others`, best first, for a query with that value. None if nothing is relevant.
        """
        relevant = self.has_value[ranking, value][None]
        count = relevant.sum(axis=1)
        if not count[0]:
            return None
        return (
            float(average_precision(relevant, count)[0]),
            float(relevant[0, :FIRST].sum() / min(FIRST, count[0])),
            float(random_average_precision(len(ranking), count)[0]),
        )


@dataclass(frozen=True)
class Catalogue:
    """A temporary collection of all images of a benchmark, in its order."""

    writer: Writer
    benchmark: Benchmark

    @classmethod
    def open(cls, benchmark: Benchmark, dim: int, stack: ExitStack) -> "Catalogue":
        """Create the collection, which is deleted when the stack is closed."""
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="rpf-catalogue-")))
        spec = CollectionSpec("0" * 64, tuple(task.attribute for task in benchmark.tasks), dim, str(folder))
        return cls(stack.enter_context(Writer.open(folder / "catalogue", spec)), benchmark)

    def append(self, first: int, vectors: Floats32, presence: Floats32 | None, values: Floats32 | None) -> None:
        """Add the images `first`, `first` + 1, ... of the benchmark.

        vectors (n, A, dim), unit; presence (n, A); values (n, A, V).
        """
        items = [NewItem(f"{first + at}", "", 0, 1, 1, {}) for at in range(len(vectors))]
        self.writer.append(items, vectors, None, presence, values)

    def report(self, vectors: Floats32 | None = None, progress: Progress = lambda *_: None) -> dict[str, Any]:
        """Search with each query, and for each value where its vectors (A, V, dim) are given.

        Returns EvaluationReport's `catalogue`, `words` and `wanted_values`.
        """
        collection = Collection.open(self.writer.folder)
        metrics: dict[str, _Metrics] = {}
        pairs: dict[str, list[WordedPair]] = {}
        wanted: dict[str, Any] = {}
        done, total = 0, self.benchmark.query_count
        for task in self.benchmark.tasks:
            key, labels = task.attribute, CatalogueLabels.of(task, len(collection))
            metrics[key], pairs[key] = _measure(collection, task, labels)
            if vectors is not None:
                wanted[key] = measure_wanted_values(collection, key, labels.has_value, labels.known, vectors)
            done += len(task.queries.values)
            progress("searching the whole catalogue", done, total)
        recognition = {"words": word_figures(pairs), "wanted_values": wanted} if vectors is not None else {}
        return {"catalogue": _figures(metrics), **recognition}


def _measure(collection: Collection, task: RetrievalTask, labels: CatalogueLabels) -> tuple[_Metrics, list[WordedPair]]:
    """Rank the collection by the task's attribute, for each of its queries."""
    searcher, weights = Exact(collection), {task.attribute: 1.0}
    attribute = collection.vocabulary.index(task.attribute)
    rows: list[tuple[int, float, float, float]] = []
    pairs: list[WordedPair] = []
    for image, value in zip(task.queries.images.tolist(), task.queries.values.tolist(), strict=True):
        query = Query.of_item(collection, int(collection.ids[image]))
        request = SearchRequest(query, weights, len(collection)).resolve(collection)
        ranking = labels.known_others(searcher.search(request).rows, image)
        pairs += word_pairs(collection, attribute, query, ranking, labels.has_value[ranking, value])
        if measured := labels.measure(ranking, value):
            rows.append((value, *measured))
    columns = np.array(rows, dtype=np.float64).reshape(-1, 4).T
    return _Metrics(columns[0].astype(np.int64), *columns[1:]), pairs


def _figures(metrics: Mapping[str, _Metrics]) -> dict[str, Any]:
    def values(name: str) -> QueryValues:
        return {key: getattr(of_attribute, name) for key, of_attribute in metrics.items()}

    figures = {"MAP": values("average_precision"), f"P@{FIRST}": values("precision")}
    return {
        "queries": {key: len(of_attribute.values) for key, of_attribute in metrics.items()},
        **{name: means(of_name) for name, of_name in figures.items()},
        "intervals": {name: intervals(of_name) for name, of_name in figures.items()},
        "by_value": {name: _means_over_values(of_name, metrics) for name, of_name in figures.items()},
        "random": {"MAP": means(values("random"))},
        "average_precision": rounded(figures["MAP"]),
    }


def _means_over_values(figure: QueryValues, metrics: Mapping[str, _Metrics]) -> dict[str, float | None]:
    """Average as `means`, with the mean of each value's queries in place of the queries."""
    return means({
        key: np.array([of_attribute[metrics[key].values == value].mean() for value in np.unique(metrics[key].values)])
        for key, of_attribute in figure.items()
    })  # fmt: skip
