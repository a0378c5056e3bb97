"""One search method on one collection, in a process of its own: building, then searching and adding."""

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

from benchmarks.search.baselines import RIVALS, Earlier, make_rival
from benchmarks.search.synthetic_gallery import Source, gallery
from rpf.collection import Collection, NewItem, Writer
from rpf.search.attribute_vectors import AttributeVectors
from rpf.search.base import Searcher
from rpf.search.index_store import EXACT, open_searcher, update_index
from rpf.search.oversampling import calibrate_oversampling
from rpf.search.request import ResolvedRequest
from rpf.search.two_stage import TwoStageSearcher
from rpf.utils.cores import usable_cores

COUNT = 50
WARM_UP = 300  # queries, no more than 5 seconds of them: items of the collection
WARM_UP_SECONDS = 5.0
LONGEST = 20.0  # seconds that one figure may take, once FEWEST queries are done
FEWEST = 20
THREADS = 8
ADDED = 1000
OVER_FETCH = "over_fetch.npy"

Truth = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """What is measured."""

    method: str  # "exact", one of rpf.search.indexes.registry, or one of RIVALS
    folder: Path  # the collection; the trial works on a copy beside it that shares its arrays
    threads: int

    @property
    def copy(self) -> Path:
        return self.folder.with_name("".join(c if c.isalnum() else "_" for c in f"{self.folder.name}_{self.method}"))


@dataclass
class Measured:
    """Figures of one method on one collection; None where it cannot or was not asked to."""

    build_seconds: float = 0.0
    index_bytes: int = 0
    open_seconds: float = 0.0
    anonymous_bytes: int = 0
    add_seconds: float | None = None  # 1,000 items, written and in the index
    searches: dict[int, dict[str, float]] = field(default_factory=dict)  # number of attributes -> figures


def build(trial: Trial) -> tuple[float, int]:
    """Seconds, and bytes on disk beside the embeddings. Raises ImportError for a rival that is not installed."""
    _set_threads(usable_cores())
    shutil.rmtree(trial.copy, ignore_errors=True)
    shutil.copytree(trial.folder, trial.copy, copy_function=_link_or_copy)
    started = time.perf_counter()
    if trial.method in RIVALS:
        collection, methods = Collection.open(trial.copy), []
        for attribute in range(len(collection.manifest.spec.attributes)):
            method, folder = make_rival(trial.method), _files(trial, attribute)
            folder.mkdir(parents=True)
            method.build(AttributeVectors(collection, attribute))
            method.save(folder)
            methods.append(method)
        if trial.method != "earlier":
            np.save(trial.copy / "rival" / OVER_FETCH, calibrate_oversampling(collection, methods))
    else:
        update_index(Collection.open(trial.copy), trial.copy / "indexes", trial.method, lambda *told: None)
    seconds = time.perf_counter() - started
    files = [path for part in ("indexes", "rival") for path in (trial.copy / part).rglob("*") if path.is_file()]
    return seconds, sum(path.stat().st_size for path in files)


def search(trial: Trial, queries: npt.NDArray[np.float32], truths: dict[int, Truth]) -> Measured:
    """Open what was built and search it.

    queries (A, m, D); truths: for each number a of attributes to choose (the first a), the (m,) exact scores of the
    50th best items.
    """
    _set_threads(trial.threads)
    made = Measured()
    started = time.perf_counter()
    collection = Collection.open(trial.copy)
    index = _open(trial, collection)
    made.open_seconds = time.perf_counter() - started
    for chosen, truth in truths.items():
        ask = partial(_ask, index, queries, chosen)
        _warm_up(index, collection, chosen)
        seconds: list[float] = []
        recalls: list[float] = []
        until = time.perf_counter() + LONGEST
        for at in range(queries.shape[1]):
            if len(seconds) >= FEWEST and time.perf_counter() > until:
                break
            begun = time.perf_counter()
            rows = ask(at)
            seconds.append(time.perf_counter() - begun)
            recalls.append(_recall(collection, rows, queries[:chosen, at], truth[at]))
        made.searches[chosen] = {
            "p50_ms": 1e3 * float(np.median(seconds)),
            "p95_ms": 1e3 * float(np.quantile(seconds, 0.95)),
            "per_second": _throughput(ask, queries.shape[1], float(np.median(seconds))),
            "recall": float(np.mean(recalls)),
            "queries": len(seconds),
        }
    made.anonymous_bytes = anonymous_bytes()
    return made


def add(trial: Trial, source: Source) -> float:
    """Seconds to write 1,000 more items to the collection and bring its index up to date."""
    _set_threads(trial.threads)
    vectors = np.concatenate(list(gallery(source, source.items.shape[1] + ADDED, seed=3)))[-ADDED:]
    started = time.perf_counter()
    with Writer.open(trial.copy) as writer:
        writer.append([NewItem("", "", 0, 0, 0, {})] * ADDED, vectors, None)
        update_index(Collection.open(trial.copy), trial.copy / "indexes", trial.method, lambda *told: None)
    return time.perf_counter() - started


def clear(trial: Trial) -> None:
    """Delete what was built."""
    if trial.method == "milvus" and trial.copy.exists():
        # drops what is on the server
        update_index(Collection.open(trial.copy), trial.copy / "indexes", EXACT, lambda *told: None)
    shutil.rmtree(trial.copy, ignore_errors=True)


def exact_scores(folder: Path, queries: npt.NDArray[np.float32], chosen: Sequence[int]) -> dict[int, Truth]:
    """For each number a of attributes, the (m,) scores of the 50th best items, by products with all embeddings."""
    collection = Collection.open(folder)
    sums = np.zeros((queries.shape[1], len(collection)))
    truths = {}
    for attribute in range(max(chosen)):
        for rows, vectors in collection.chunks(attribute):
            block = torch.from_numpy(np.array(vectors)).float().numpy()
            sums[:, rows] += queries[attribute] @ block.T
        if attribute + 1 in chosen:
            truths[attribute + 1] = -np.partition(-sums, COUNT - 1, axis=1)[:, COUNT - 1] / (attribute + 1)
    return truths


def anonymous_bytes() -> int:
    """Memory of this process that is not mapped from files, from /proc."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return 1024 * int(line.split()[1])
    return 0


def _open(trial: Trial, collection: Collection) -> Searcher:
    if trial.method not in RIVALS:
        return open_searcher(collection, trial.copy / "indexes", trial.method)
    methods = [make_rival(trial.method) for _ in collection.manifest.spec.attributes]
    for attribute, method in enumerate(methods):
        method.open(_files(trial, attribute), (len(collection), collection.manifest.spec.dim))
    if trial.method == "earlier":
        return Earlier(collection, methods)
    return TwoStageSearcher(collection, methods, collection.ids, np.load(trial.copy / "rival" / OVER_FETCH).tolist())


def _ask(index: Searcher, queries: npt.NDArray[np.float32], chosen: int, at: int) -> npt.NDArray[np.int64]:
    at %= queries.shape[1]
    return index.search(_request(queries[:chosen, at])).rows


def _request(vectors: npt.NDArray[np.float32]) -> ResolvedRequest:
    """The search for COUNT items by the first a attributes, from (a, D) vectors."""
    return ResolvedRequest(vectors, tuple(range(len(vectors))), np.ones(len(vectors)), COUNT)


def _warm_up(index: Searcher, collection: Collection, chosen: int) -> None:
    """Searches after which files are mapped and libraries have their threads and buffers, as on a site that runs."""
    until = time.perf_counter() + WARM_UP_SECONDS
    for item_id in np.random.default_rng(4).choice(collection.ids, WARM_UP):
        index.search(_request(collection.vectors(int(item_id))[:chosen]))
        if time.perf_counter() > until:
            break


def _recall(collection: Collection, rows: npt.NDArray[np.int64], query: npt.NDArray[np.float32], least: float) -> float:
    """The share of COUNT results whose exact score is at least that of the exact COUNT-th, but for rounding."""
    vectors = [collection.take(attribute, rows).astype(np.float64) for attribute in range(len(query))]
    scores = sum(own @ asked for own, asked in zip(vectors, query, strict=True)) / len(query)
    return float((scores >= least - 2e-6).sum()) / COUNT


def _throughput(ask: Callable[[int], Any], queries: int, middle: float) -> float:
    """Searches a second by THREADS threads at once, for about 2 seconds."""
    wanted = int(max(2 * THREADS, min(20 * queries, 2 / middle)))
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(ask, range(THREADS)))
        started = time.perf_counter()
        list(pool.map(ask, range(wanted)))
        return wanted / (time.perf_counter() - started)


def _files(trial: Trial, attribute: int) -> Path:
    return trial.copy / "rival" / str(attribute)


def _set_threads(threads: int) -> None:
    faiss.omp_set_num_threads(threads)
    torch.set_num_threads(threads)


def _link_or_copy(source: str, target: str) -> None:
    """Arrays never change, so that a copy may share them."""
    if source.endswith(".npy"):
        Path(target).hardlink_to(source)
    else:
        shutil.copy2(source, target)
