"""Search in a collection that is split over several hosts, simulated by processes and a delay.

Items go to shards by the hash of their id. A coordinator asks all shards at once and merges their best k: it waits for
the slowest one, so that the more shards there are, the more of their rare slow answers it meets.
"""

import multiprocessing
import os
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import numpy.typing as npt

from benchmarks.common.machine import describe, machine
from benchmarks.common.report import table, write_report
from rpf.cli.options import FILE, Bar, with_settings
from rpf.collection import Collection, NewItem, Writer, collection_folder
from rpf.search.index_store import open_searcher, update_index
from rpf.search.request import ResolvedRequest
from rpf.settings import Settings

COLUMNS = {
    "shards": "{shards}",
    "items each": "{items:,}",
    "p50 ms": "{p50:.1f}",
    "p99 ms": "{p99:.1f}",
    "a shard's p50": "{shard_p50:.1f}",
    "a shard's p99": "{shard_p99:.1f}",
    "slowest of all, p50": "{slowest_p50:.1f}",
    "same answers": "{same:.1%}",
}
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
WARM_UP = 5  # searches
ATTRIBUTES = (0, 1, 2)
RESULTS = 50
Best = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]  # ids and scores


@click.command()
@click.argument("name")
@click.option("--shards", default="1,2,4,8", show_default=True, help="Numbers of shards.")
@click.option("--method", default="exact", show_default=True, help="Search method of each shard.")
@click.option("--queries", default=200, show_default=True, type=click.IntRange(10))
@click.option("--delay", default=1.0, show_default=True, help="Milliseconds from one host to another.")
@click.option("--out", required=True, type=FILE, help="Folder for shards.json and shards.md.")
@with_settings
def shards(settings: Settings, name: str, out: Path, **plan: Any) -> None:
    """Measure a search in the collection NAME split over processes that stand for hosts.

    \b
    Example:
      python -m benchmarks shards clothing --out results
    """
    collection = Collection.open(collection_folder(settings.collections, name))
    rng = np.random.default_rng(0)
    weights = np.ones(len(ATTRIBUTES))
    rows = rng.choice(len(collection), plan["queries"] + WARM_UP)
    vectors = [collection.vectors(int(collection.ids[row]))[list(ATTRIBUTES)] for row in rows]
    requests = [ResolvedRequest(one, ATTRIBUTES, weights, RESULTS) for one in vectors]
    lines, reference = [], None
    with Bar("step") as bar:
        counts = [1, *(count for count in sorted({int(text) for text in plan["shards"].split(",")}) if count > 1)]
        for number, count in enumerate(counts):
            bar("measuring", number, len(counts))
            with TemporaryDirectory() as folder, _hosts(collection, Path(folder), count, plan["method"]) as hosts:
                answers, figures = _measure(hosts, requests, plan["delay"] / 1e3)
            reference = reference or answers
            same = np.mean([np.array_equal(one[0], other[0]) for one, other in zip(answers, reference, strict=True)])
            lines.append({"shards": count, "items": len(collection) // count, "same": float(same), **figures})
    facts = {"machine": machine(), "items": len(collection), "dim": collection.manifest.spec.dim, **plan, "rows": lines}
    write_report(out / "shards.json", facts, as_markdown(facts))


def as_markdown(report: dict[str, Any]) -> list[str]:
    """Format a report as lines of Markdown."""
    return [
        f"{report['items']:,} items of dimension {report['dim']}, {len(ATTRIBUTES)} attributes, {report['method']}, "
        f"{report['delay']} ms each way; one search at a time. {describe(report['machine'])}",
        "",
        *table(report["rows"], COLUMNS),
    ]


def _measure(
    hosts: list[Connection], requests: list[ResolvedRequest], delay: float
) -> tuple[list[Best], dict[str, float]]:
    """Send all requests, one after another; return the merged answers and the milliseconds."""
    answers, totals, times = [], [], []

    def ask(host: Connection, request: ResolvedRequest) -> tuple[Best, float]:
        time.sleep(delay)
        host.send(request)
        answer: tuple[Best, float] = host.recv()
        time.sleep(delay)
        return answer

    with ThreadPoolExecutor(len(hosts)) as pool:
        for request in requests:
            start = time.perf_counter()
            parts = list(pool.map(ask, hosts, [request] * len(hosts)))
            ids, scores = (np.concatenate(columns) for columns in zip(*(best for best, _ in parts), strict=True))
            order = np.lexsort((ids, -scores))[:RESULTS]
            totals.append(1e3 * (time.perf_counter() - start))
            answers.append((ids[order], scores[order]))
            times.append([1e3 * seconds for _, seconds in parts])
    shard_times = np.array(times[WARM_UP:])
    p50, p99 = np.percentile(totals[WARM_UP:], [50, 99])
    shard_p50, shard_p99 = np.percentile(shard_times, [50, 99])
    figures = {"p50": p50, "p99": p99, "shard_p50": shard_p50, "shard_p99": shard_p99}
    return answers, {key: float(ms) for key, ms in figures.items()} | {
        "slowest_p50": float(np.median(shard_times.max(axis=1)))
    }


@contextmanager
def _hosts(collection: Collection, folder: Path, count: int, method: str) -> Iterator[list[Connection]]:
    """Write each shard as a collection, and start a process of one thread that searches it."""
    context = multiprocessing.get_context("spawn")
    os.environ.update(dict.fromkeys(THREADS, "1"), OMP_WAIT_POLICY="passive")  # which the processes read
    hashes = np.array([zlib.crc32(item.tobytes()) for item in collection.ids]) % count
    attributes = range(len(collection.manifest.spec.attributes))
    with ExitStack() as stack:
        hosts = []
        for shard in range(count):
            rows = np.flatnonzero(hashes == shard)
            vectors = np.stack([collection.take(attribute, rows) for attribute in attributes], axis=1)
            presence = collection.presence_by_attribute[:, rows].T if collection.knows_presence else None
            with Writer.open(folder / f"shard{shard}", collection.manifest.spec) as writer:
                items = [NewItem("", "", 0, 0, 0, {})] * len(rows)
                writer.append(items, vectors, None, presence, ids=collection.ids[rows].tolist())
            host, end = context.Pipe()
            process = context.Process(target=_serve, args=(end, folder / f"shard{shard}", method), daemon=True)
            process.start()
            stack.callback(process.join)
            stack.callback(host.close)
            end.close()
            hosts.append(host)
        for ready in hosts:
            ready.recv()
        yield hosts


def _serve(coordinator: Connection, folder: Path, method: str) -> None:
    collection, indexes = Collection.open(folder), folder.parent / "indexes"
    update_index(collection, indexes, method, lambda *_: None)
    searcher = open_searcher(collection, indexes, method)
    coordinator.send(True)
    while True:
        try:
            request = coordinator.recv()
        except EOFError:
            return
        start = time.perf_counter()
        ranked = searcher.search(request)
        coordinator.send(((collection.ids[ranked.rows], ranked.scores), time.perf_counter() - start))
