"""One search method on one gallery: build its index, search it, add items. Each runs in a process of its own."""

import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt
import torch

from benchmarks.search.baselines import BASELINES, PUBLISHED, PublishedSearcher, make_baseline
from benchmarks.search.synthetic_gallery import SearchDataset, generate_gallery
from rpf.collection import Collection, NewItem, Writer
from rpf.search.attribute_vectors import AttributeVectors
from rpf.search.base import Searcher
from rpf.search.index_store import EXACT, open_searcher, update_index
from rpf.search.oversampling import calibrate_oversampling
from rpf.search.request import ResolvedRequest
from rpf.search.two_stage import TwoStageSearcher
from rpf.utils.cores import usable_cores

INDEX_FOLDER = "indexes"  # in a trial's copy
K = 50
WARM_UP_QUERIES = 300  # items of the collection
WARM_UP_SECONDS = 5.0
MAX_SECONDS = 20.0  # for one figure, once MIN_QUERIES are searched
MIN_QUERIES = 20
THREADS = 8
THROUGHPUT_SECONDS = 2.0
ADDED_ITEMS = 1000
BASELINE_FOLDER = "baseline"
OVERSAMPLING_FILE = "oversampling.npy"

Truth = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """Parameters of one trial."""

    method: str  # "exact", one of rpf.search.indexes.registry, or one of BASELINES
    folder: Path  # the collection; the trial works on a copy beside it that shares its arrays
    threads: int

    @property
    def copy(self) -> Path:
        return self.folder.with_name("".join(c if c.isalnum() else "_" for c in f"{self.folder.name}_{self.method}"))


@dataclass
class TrialResult:
    """Figures of one method on one gallery; None where there are none."""

    build_seconds: float | None = None
    index_bytes: int = 0
    open_seconds: float = 0.0
    anonymous_bytes: int = 0
    add_seconds: float | None = None  # ADDED_ITEMS, written and in the index
    searches: dict[int, dict[str, float]] = field(default_factory=dict)  # number of attributes -> figures


def build(trial: Trial) -> tuple[float, int]:
    """Build the index: seconds, and bytes on disk beside the embeddings. Raises ImportError for a baseline that is not
    installed."""
    _set_threads(usable_cores())
    shutil.rmtree(trial.copy, ignore_errors=True)
    shutil.copytree(trial.folder, trial.copy, copy_function=_link_or_copy)
    start = time.perf_counter()
    if trial.method in BASELINES:
        collection, methods = Collection.open(trial.copy), []
        for attribute in range(len(collection.manifest.spec.attributes)):
            method, folder = make_baseline(trial.method), _files(trial, attribute)
            folder.mkdir(parents=True)
            method.build(AttributeVectors(collection, attribute))
            method.save(folder)
            methods.append(method)
        if trial.method != PUBLISHED:
            np.save(trial.copy / BASELINE_FOLDER / OVERSAMPLING_FILE, calibrate_oversampling(collection, methods))
    else:
        update_index(Collection.open(trial.copy), trial.copy / INDEX_FOLDER, trial.method, lambda *_: None)
    seconds = time.perf_counter() - start
    files = [
        path for part in (INDEX_FOLDER, BASELINE_FOLDER) for path in (trial.copy / part).rglob("*") if path.is_file()
    ]
    return seconds, sum(path.stat().st_size for path in files)


def search(trial: Trial, queries: npt.NDArray[np.float32], truths: dict[int, Truth]) -> TrialResult:
    """Open the index and search it.

    queries (A, m, D); truths: for each number a of attributes (the first a), the (m,) exact scores of the K-th items.
    """
    _set_threads(trial.threads)
    result = TrialResult()
    start = time.perf_counter()
    collection = Collection.open(trial.copy)
    index = _open(trial, collection)
    result.open_seconds = time.perf_counter() - start
    for count, truth in truths.items():
        query = partial(_query, index, queries, count)
        _warm_up(index, collection, count)
        seconds: list[float] = []
        recalls: list[float] = []
        end = time.perf_counter() + MAX_SECONDS
        for at in range(queries.shape[1]):
            if len(seconds) >= MIN_QUERIES and time.perf_counter() > end:
                break
            start = time.perf_counter()
            rows = query(at)
            seconds.append(time.perf_counter() - start)
            recalls.append(_recall(collection, rows, queries[:count, at], truth[at]))
        result.searches[count] = {
            "p50_ms": 1e3 * float(np.median(seconds)),
            "p95_ms": 1e3 * float(np.quantile(seconds, 0.95)),
            "per_second": _throughput(query, queries.shape[1], float(np.median(seconds))),
            "recall": float(np.mean(recalls)),
            "queries": len(seconds),
        }
    result.anonymous_bytes = anonymous_bytes()
    return result


def add(trial: Trial, dataset: SearchDataset) -> float:
    """Write ADDED_ITEMS to the collection and update its index; return the seconds."""
    _set_threads(trial.threads)
    vectors = np.concatenate(list(generate_gallery(dataset, dataset.items.shape[1] + ADDED_ITEMS, seed=3)))[
        -ADDED_ITEMS:
    ]
    start = time.perf_counter()
    with Writer.open(trial.copy) as writer:
        writer.append([NewItem("", "", 0, 0, 0, {})] * ADDED_ITEMS, vectors, None)
        update_index(Collection.open(trial.copy), trial.copy / INDEX_FOLDER, trial.method, lambda *_: None)
    return time.perf_counter() - start


def clear(trial: Trial) -> None:
    """Delete the copy and its index."""
    if trial.method == "milvus" and trial.copy.exists():
        # drops the collections on the server
        update_index(Collection.open(trial.copy), trial.copy / INDEX_FOLDER, EXACT, lambda *_: None)
    shutil.rmtree(trial.copy, ignore_errors=True)


def exact_scores(folder: Path, queries: npt.NDArray[np.float32], counts: Sequence[int]) -> dict[int, Truth]:
    """Score all items exactly: for each number a of attributes, the (m,) scores of the K-th items."""
    collection = Collection.open(folder)
    sums = np.zeros((queries.shape[1], len(collection)))
    truths = {}
    for attribute in range(max(counts)):
        for rows, vectors in collection.chunks(attribute):
            block = torch.from_numpy(np.array(vectors)).float().numpy()
            sums[:, rows] += queries[attribute] @ block.T
        if attribute + 1 in counts:
            truths[attribute + 1] = -np.partition(-sums, K - 1, axis=1)[:, K - 1] / (attribute + 1)
    return truths


def anonymous_bytes() -> int:
    """Read the memory of this process that is not mapped from files, from /proc."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return 1024 * int(line.split()[1])
    return 0


def _open(trial: Trial, collection: Collection) -> Searcher:
    if trial.method not in BASELINES:
        return open_searcher(collection, trial.copy / INDEX_FOLDER, trial.method)
    methods = [make_baseline(trial.method) for _ in collection.manifest.spec.attributes]
    for attribute, method in enumerate(methods):
        method.open(_files(trial, attribute), (len(collection), collection.manifest.spec.dim))
    if trial.method == PUBLISHED:
        return PublishedSearcher(collection, methods)
    oversampling = np.load(trial.copy / BASELINE_FOLDER / OVERSAMPLING_FILE).tolist()
    return TwoStageSearcher(collection, methods, collection.ids, oversampling)


def _query(index: Searcher, queries: npt.NDArray[np.float32], attributes: int, at: int) -> npt.NDArray[np.int64]:
    at %= queries.shape[1]
    return index.search(_request(queries[:attributes, at])).rows


def _request(vectors: npt.NDArray[np.float32]) -> ResolvedRequest:
    """Return the search for K items by the first a attributes, from (a, D) vectors."""
    return ResolvedRequest(vectors, tuple(range(len(vectors))), np.ones(len(vectors)), K)


def _warm_up(index: Searcher, collection: Collection, attributes: int) -> None:
    """Search until files are mapped and libraries have their threads and buffers, as on a running site."""
    end = time.perf_counter() + WARM_UP_SECONDS
    for item_id in np.random.default_rng(4).choice(collection.ids, WARM_UP_QUERIES):
        index.search(_request(collection.vectors(int(item_id))[:attributes]))
        if time.perf_counter() > end:
            break


def _recall(collection: Collection, rows: npt.NDArray[np.int64], query: npt.NDArray[np.float32], least: float) -> float:
    """The share of K results whose exact score is at least that of the exact K-th, but for rounding."""
    vectors = [collection.take(attribute, rows).astype(np.float64) for attribute in range(len(query))]
    scores = sum(a @ b for a, b in zip(vectors, query, strict=True)) / len(query)
    return float((scores >= least - 2e-6).sum()) / K


def _throughput(query: Callable[[int], Any], queries: int, median_seconds: float) -> float:
    """Searches per second by THREADS threads at once, for about THROUGHPUT_SECONDS."""
    count = int(max(2 * THREADS, min(20 * queries, THROUGHPUT_SECONDS / median_seconds)))
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(query, range(THREADS)))
        start = time.perf_counter()
        list(pool.map(query, range(count)))
        return count / (time.perf_counter() - start)


def _files(trial: Trial, attribute: int) -> Path:
    return trial.copy / BASELINE_FOLDER / str(attribute)


def _set_threads(threads: int) -> None:
    faiss.omp_set_num_threads(threads)
    torch.set_num_threads(threads)


def _link_or_copy(source: str, target: str) -> None:
    """Copy a file; arrays are never changed in place, so a copy may share them."""
    if source.endswith(".npy"):
        Path(target).hardlink_to(source)
    else:
        shutil.copy2(source, target)
