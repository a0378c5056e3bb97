"""The time of the model for each image, the throughput of indexing, and a whole site under load."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.common.machine import describe, machine
from benchmarks.common.process import Unfinished, in_process
from benchmarks.common.report import Row, table, write_json
from benchmarks.common.site_server import serve
from benchmarks.inference.procedures import BenchmarkModel, time_indexing, time_queries
from benchmarks.serving.load import Clients
from rpf.settings import Settings
from rpf.utils.cores import usable_cores
from rpf.utils.progress import Progress

LIMIT_SECONDS = 900.0  # for one part
WARM_UP_SECONDS = 2.0
MODELS = ("rpf-base", "rpf-small")

QUERY_COLUMNS = {
    "model": "{model}",
    "attributes": "{attributes}",
    "distinct crops": "{crops:.1f}",
    "procedure": "{procedure}",
    "ms": "{milliseconds:.0f}",
    "speedup": "{speedup:.1f}",
    "median cosine": "{median_cosine:.5f}",
}
INDEXING_COLUMNS = {
    "model": "{model}",
    "procedure": "{procedure}",
    "images per second": "{images_per_second:.2f}",
    "speedup": "{speedup:.1f}",
}
LOAD_COLUMNS = {
    "clients": "{clients}",
    "answers": "{answers}",
    "per second": "{per_second:.1f}",
    "p50, ms": "{p50_ms:.0f}",
    "p95, ms": "{p95_ms:.0f}",
    "p99, ms": "{p99_ms:.0f}",
    "wrong": "{wrong}",
    "503": "{refused}",
    "failed": "{failed}",
    "/healthz p50, ms": "{health_p50_ms:.0f}",
    "/healthz max, ms": "{health_max_ms:.0f}",
}


def measure(
    plan: dict[str, Any], settings: Settings, images: Sequence[Path], path: Path, progress: Progress
) -> dict[str, Any]:
    """Measure the models with these images, and the site of the settings' collection; return the report.

    What is measured is written to `path` after each part, so that an interrupt loses only the rest.

    plan: attribute_counts, images (for the time of the model, and of the clients), indexed_images, clients,
    seconds (of each load), attrs (of the clients).
    """
    threads = settings.threads or usable_cores()
    queries, indexing = list[Row](), list[Row]()
    report = {"plan": plan, "machine": machine(), "threads": threads, "queries": queries, "indexing": indexing}
    total = 2 * len(MODELS) + 1
    for at, name in enumerate(MODELS):
        model = BenchmarkModel(name, settings.checkpoint if name == "rpf-small" else None)
        progress(f"{name}: queries", 2 * at, total)
        queries += _rows(time_queries, model, images[: plan["images"]], plan["attribute_counts"], threads)
        write_json(path, report)
        progress(f"{name}: indexing", 2 * at + 1, total)
        with TemporaryDirectory() as folder:
            for number, image in enumerate(images[: plan["indexed_images"]]):
                shutil.copy(image, Path(folder) / f"{number:05}{image.suffix}")
            indexing += _rows(time_indexing, model, Path(folder), threads)
        write_json(path, report)
    progress("site", total - 1, total)
    site = _measure_site(plan, settings, images)
    progress("measured", total, total)
    return {**report, "site": site}


def _rows(work: Callable[..., list[Row]], model: BenchmarkModel, *args: Any) -> list[Row]:
    try:
        rows: list[Row] = in_process(LIMIT_SECONDS, args[-1], work, model, *args)
    except Unfinished as reason:
        rows = [{"unfinished": str(reason)}]
    return [{"model": model.name, **row} for row in rows]


def _measure_site(plan: dict[str, Any], settings: Settings, images: Sequence[Path]) -> dict[str, Any]:
    with TemporaryDirectory() as folder, serve(settings, Path(folder) / "log", RPF_RATE_LIMIT="off") as site:
        start_bytes = site.resident_bytes()
        clients = Clients(site, images[: plan["images"]], plan["attrs"])
        clients.run(2, WARM_UP_SECONDS)
        loads = [clients.run(number, plan["seconds"]) for number in plan["clients"]]
        return {
            "start_seconds": site.start_seconds,
            "start_bytes": start_bytes,
            "loads": loads,
            "end_bytes": site.resident_bytes(),
        }


def as_markdown(report: dict[str, Any]) -> list[str]:
    """Format a report as lines of Markdown."""
    plan, site = report["plan"], report["site"]
    return [
        "# Serving", "",
        f"{describe(report['machine'])}; {report['threads']} threads. Medians over {plan['images']} images.", "",
        "The published procedure passes the image through backbone and transformer once for each attribute, one after "
        "the other, in float32 by PyTorch. Ours passes it through the backbone once, then the distinct crops of all "
        "attributes together, compiled by OpenVINO. Both get the same decoded images, weights and threads. rpf-base "
        "has weights from a fixed seed, which take as long as trained ones, and attributes that look at different "
        "places, as trained ones do.", "",
        "## Model", "", *table(report["queries"], QUERY_COLUMNS), "",
        "## Indexing", "",
        "From files to a collection, all attributes (published: to embeddings).", "",
        *table(report["indexing"], INDEXING_COLUMNS), "",
        "## Site", "",
        f'Whole requests to `/submit` by clients on the same machine, each with an image that is new to the site and '
        f'the attributes "{plan["attrs"]}". The site was ready {site["start_seconds"]:.1f} s after its start, with '
        f"{site['start_bytes'] / 1e6:.0f} MB resident; {site['end_bytes'] / 1e6:.0f} MB at the end.", "",
        *table(site["loads"], LOAD_COLUMNS),
    ]  # fmt: skip
