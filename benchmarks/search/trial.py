"""One search method on one gallery: build its index, search it, add items. Each runs in a separate process."""

import os
import shutil
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt
import psutil
import torch

from benchmarks.common.report import Row
from benchmarks.common.timing import timed
from benchmarks.search.baselines import GRAPHS, PUBLISHED, PublishedSearcher
from benchmarks.search.synthetic_gallery import Floats, SearchDataset, generate_gallery
from rpf.collection import Collection, NewItem, Writer
from rpf.search import joint_index
from rpf.search.attribute_vectors import AttributeVectors
from rpf.search.base import Searcher
from rpf.search.index_store import EXACT, open_searcher, update_index
from rpf.search.indexes.registry import INDEXES, make_index
from rpf.search.request import ResolvedRequest
from rpf.utils.cores import usable_cores
from rpf.utils.files import link_or_copy

FLAT = "faiss:Flat"  # the index of the published system
INDEX_FOLDER = "indexes"  # in a trial's copy
K = 50
WARM_UP_QUERIES = 300  # items of the collection
WARM_UP_SECONDS = 5.0
MAX_SECONDS = 20.0  # for one figure, once MIN_QUERIES are searched
MIN_QUERIES = 20
THREADS = 8
THROUGHPUT_SECONDS = 2.0
COLD_QUERIES = 10  # with all attributes, after the files left the memory
PASSING_SHARE = 0.01  # of the items, with a filter
ADDED_ITEMS = 1000

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

    @property
    def indexes(self) -> Path:
        return self.copy / INDEX_FOLDER


def build(trial: Trial) -> Row:
    """Build the index: its seconds, None without an index, and bytes on disk beside the embeddings.

    Raises ImportError for a baseline that is not installed.
    """
    prepare(trial, usable_cores())
    shutil.copytree(trial.folder, trial.copy, copy_function=_link_or_copy)
    _, seconds = timed(partial(_build_published if trial.method == PUBLISHED else _update_index, trial))
    index_bytes = sum(path.stat().st_size for path in trial.indexes.rglob("*") if path.is_file())
    return {"build_seconds": seconds if index_bytes else None, "index_bytes": index_bytes}


def search(trial: Trial, queries: Floats, truths: dict[int, Truth]) -> Row:
    """Open the index and search it.

    queries (A, m, D); truths: for each number a of attributes (the first a), the (m,) exact scores of the K-th items.
    """
    prepare(trial, trial.threads)
    _evict(trial.copy)
    start = time.perf_counter()
    collection = Collection.open(trial.copy)
    index = _open(trial, collection)
    open_seconds = time.perf_counter() - start
    first = [timed(partial(index.search, _request(query)))[1] for query in queries.transpose(1, 0, 2)[:COLD_QUERIES]]
    searches = {str(count): _measure(index, collection, queries[:count], truth) for count, truth in truths.items()}
    return {
        "open_seconds": open_seconds,
        "cold_ms": 1e3 * float(np.median(first)),
        "anonymous_bytes": anonymous_bytes(),
        "searches": searches,
    }


def add(trial: Trial, dataset: SearchDataset) -> Row:
    """Write ADDED_ITEMS to the collection and update its index, twice: the second time, the index takes in all of them.

    Returns the seconds of both, and of the first search for a new item, as of a site that finds the collection changed.
    """
    prepare(trial, trial.threads)
    generated = generate_gallery(dataset, dataset.items.shape[1] + 2 * ADDED_ITEMS, seed=3)
    vectors = np.concatenate([items.vectors for items in generated])[-2 * ADDED_ITEMS :]
    _, add_seconds = timed(partial(_append, trial, vectors[:ADDED_ITEMS]))
    _, seen_seconds = timed(partial(_reopen_and_search, trial, vectors[0]))
    joint_index.MAX_ADDED_SHARE = 0
    _, merge_seconds = timed(partial(_append, trial, vectors[ADDED_ITEMS:]))
    return {"add_seconds": add_seconds, "seen_seconds": seen_seconds, "merge_seconds": merge_seconds}


def _append(trial: Trial, vectors: Floats) -> None:
    with Writer.open(trial.copy) as writer:
        writer.append([NewItem("", "", 0, 0, 0, {})] * len(vectors), vectors, None)
        _update_index(trial)


def _reopen_and_search(trial: Trial, query: Floats) -> None:
    """Open the collection and its index, and search for the item of a vector (A, D). Raises LookupError without it."""
    collection = Collection.open(trial.copy)
    rows = _open(trial, collection).search(_request(query)).rows
    if not (rows >= len(collection) - ADDED_ITEMS).any():
        raise LookupError("a new item is not in the results")


def clear(trial: Trial) -> None:
    """Delete the copy and its index."""
    if trial.method == "milvus" and trial.copy.exists():  # drops the collections on the server
        update_index(Collection.open(trial.copy), trial.indexes, EXACT, lambda *_: None)
    shutil.rmtree(trial.copy, ignore_errors=True)


def exact_scores(folder: Path, queries: Floats, counts: Sequence[int]) -> dict[int, Truth]:
    """Score all items exactly: for each number a of attributes, the (m,) scores of the K-th items."""
    collection = Collection.open(folder)
    sums = np.zeros((queries.shape[1], len(collection)))
    truths = {}
    for attribute in range(max(counts)):
        for rows, vectors in collection.chunks(attribute):
            sums[:, rows] += queries[attribute] @ torch.from_numpy(np.array(vectors)).float().numpy().T
        if attribute + 1 in counts:
            truths[attribute + 1] = -np.partition(-sums, K - 1, axis=1)[:, K - 1] / (attribute + 1)
    return truths


def anonymous_bytes() -> int:
    """Read the memory of this process that is not mapped from files."""
    memory = psutil.Process().memory_info()
    return int(memory.rss - memory.shared)


def _update_index(trial: Trial) -> None:
    update_index(Collection.open(trial.copy), trial.indexes, trial.method, lambda *_: None)


def _build_published(trial: Trial) -> None:
    collection = Collection.open(trial.copy)
    for attribute in range(len(collection.manifest.spec.attributes)):
        folder = trial.indexes / str(attribute)
        folder.mkdir(parents=True)
        index = make_index(FLAT)
        index.build(AttributeVectors(collection, attribute))
        index.save(folder)


def _open(trial: Trial, collection: Collection) -> Searcher:
    if trial.method != PUBLISHED:
        return open_searcher(collection, trial.indexes, trial.method)
    spec = collection.manifest.spec
    indexes = [make_index(FLAT) for _ in spec.attributes]
    for attribute, index in enumerate(indexes):
        index.open(trial.indexes / str(attribute), (len(collection), spec.dim))
    return PublishedSearcher(indexes)


def _measure(index: Searcher, collection: Collection, queries: Floats, truth: Truth) -> Row:
    """Measure searches with all attributes of the queries (a, m, D): one by one, and by THREADS concurrent threads."""

    def search_rows(at: int) -> npt.NDArray[np.int64]:
        return index.search(_request(queries[:, at % queries.shape[1]])).rows

    warm_up(index, collection, len(queries))
    seconds, recalls = list[float](), list[float]()
    end = time.perf_counter() + MAX_SECONDS
    for at, least in enumerate(truth):
        if len(seconds) >= MIN_QUERIES and time.perf_counter() > end:
            break
        rows, elapsed = timed(partial(search_rows, at))
        seconds.append(elapsed)
        recalls.append(_recall(collection, rows, queries[:, at], least))
    p50, p95 = np.quantile(seconds, (0.5, 0.95)).tolist()
    return {
        "p50_ms": 1e3 * p50,
        "p95_ms": 1e3 * p95,
        "per_second": _throughput(search_rows, len(truth), p50),
        "recall": float(np.mean(recalls)),
        "queries": len(seconds),
        "filtered_ms": None if isinstance(index, PublishedSearcher) else _time_filtered(index, collection, queries),
    }


def _time_filtered(index: Searcher, collection: Collection, queries: Floats) -> float:
    """Return the median milliseconds of searches with a filter that leaves PASSING_SHARE of the items, at random."""
    passing = np.random.default_rng(5).random(len(collection)) < PASSING_SHARE
    seconds = list[float]()
    end = time.perf_counter() + MAX_SECONDS
    for query in queries.transpose(1, 0, 2):
        seconds.append(timed(partial(index.search, _request(query, passing)))[1])
        if len(seconds) >= MIN_QUERIES and time.perf_counter() > end:
            break
    return 1e3 * float(np.median(seconds))


def _request(vectors: Floats, passing: npt.NDArray[np.bool_] | None = None) -> ResolvedRequest:
    """Return the search for K items by the first a attributes, from (a, D) vectors."""
    return ResolvedRequest(vectors, tuple(range(len(vectors))), np.ones(len(vectors)), K, passing)


def _evict(folder: Path) -> None:
    """Ask the system to drop the files below a folder from memory, so that the first searches read the disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def warm_up(index: Searcher, collection: Collection, attributes: int) -> None:
    """Search until files are mapped and libraries have their threads and buffers, as on a running site."""
    end = time.perf_counter() + WARM_UP_SECONDS
    for item_id in np.random.default_rng(4).choice(collection.ids, WARM_UP_QUERIES):
        index.search(_request(collection.vectors(int(item_id))[:attributes]))
        if time.perf_counter() > end:
            break


def _recall(collection: Collection, rows: npt.NDArray[np.int64], query: Floats, least: float) -> float:
    """Return the share of K results whose exact score is at least that of the exact K-th, but for rounding."""
    vectors = [collection.take(attribute, rows).astype(np.float64) for attribute in range(len(query))]
    scores = sum(a @ b for a, b in zip(vectors, query, strict=True)) / len(query)
    return float((scores >= least - 2e-6).sum()) / K


def _throughput(query: Callable[[int], Any], queries: int, median_seconds: float) -> float:
    """Count the searches per second of THREADS concurrent threads, for about THROUGHPUT_SECONDS."""
    count = int(max(2 * THREADS, min(20 * queries, THROUGHPUT_SECONDS / median_seconds)))
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(query, range(THREADS)))
        _, seconds = timed(lambda: list(pool.map(query, range(count))))
        return count / seconds


def prepare(trial: Trial, threads: int) -> None:
    """Set the threads of this process, and register a method that is not one of ours."""
    if trial.method in GRAPHS:
        INDEXES[trial.method] = GRAPHS[trial.method]
    faiss.omp_set_num_threads(threads)
    torch.set_num_threads(threads)


def _link_or_copy(source: str, target: str) -> None:
    """Copy a file; arrays are never changed in place, so a copy may share them."""
    if source.endswith(".npy"):
        link_or_copy(Path(source), Path(target))
    else:
        shutil.copy2(source, target)
