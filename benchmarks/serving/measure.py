"""`python -m rpf bench serve`: the model's time per picture, indexing, and a whole site under load."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.common.process import Unfinished, in_process
from benchmarks.inference import procedures
from benchmarks.inference.procedures import Weights
from benchmarks.search.measure import machine
from benchmarks.serving import load
from benchmarks.serving.test_server import serve
from rpf.settings import Settings
from rpf.utils.cores import usable_cores
from rpf.utils.files import write_atomic
from rpf.utils.progress import Progress

LIMIT = 900.0  # seconds for one part
MODELS = ("rpf-base", "rpf-small")


@dataclass(frozen=True)
class Plan:
    """What is measured."""

    models: Sequence[str]
    counts: Sequence[int]  # attributes in a query
    photos: int  # for the model's time
    indexed: int  # photos
    clients: Sequence[int]
    seconds: float  # of each load
    attrs: str


def measure_serve(plan: Plan, settings: Settings, photos: Sequence[Path], report: Path, tell: Progress) -> None:
    """Measure with these photos and write the report, a JSON file. The site serves the settings' collection."""
    threads = settings.threads or usable_cores()
    made: dict[str, Any] = {"plan": asdict(plan), "machine": machine(), "threads": threads, "models": {}}
    steps, total = 0, 2 * len(plan.models) + 1
    for name in plan.models:
        weights = Weights(name, settings.checkpoint if name == "rpf-small" else None)
        own: dict[str, Any] = {}
        tell(f"{name}: queries", steps, total)
        own["queries"] = _part(threads, procedures.time_queries, weights, photos[: plan.photos], plan.counts, threads)
        tell(f"{name}: indexing", steps + 1, total)
        with TemporaryDirectory() as folder:
            for number, photo in enumerate(photos[: plan.indexed]):
                shutil.copy(photo, Path(folder) / f"{number:05}{photo.suffix}")
            own["indexing"] = _part(threads, procedures.time_indexing, weights, Path(folder), threads)
        made["models"][name] = own
        steps += 2
    tell("the site", steps, total)
    made["site"] = _site(plan, settings, photos)
    write_atomic(report, (json.dumps(made, indent=1) + "\n").encode())
    tell("measured", total, total)


def _part(threads: int, work: Any, *args: Any) -> dict[str, Any]:
    try:
        done: dict[str, Any] = in_process(LIMIT, threads, work, *args)
        return done
    except Unfinished as why:
        return {"unfinished": str(why)}


def _site(plan: Plan, settings: Settings, photos: Sequence[Path]) -> dict[str, Any]:
    with TemporaryDirectory() as folder, serve(settings, Path(folder) / "log", RPF_RATE_LIMIT="off") as site:
        made: dict[str, Any] = {"ready_seconds": site.seconds, "resident_at_start": site.resident_bytes()}
        clients = load.Clients(site, photos[: plan.photos], plan.attrs)
        clients.run(2, 2.0)
        made["loads"] = [clients.run(number, plan.seconds) for number in plan.clients]
        made["resident_after"] = site.resident_bytes()
        return made


def _in(way: str, precision: str) -> str:
    return f"ours, {precision} (auto)" if way == "ours" else way


def as_markdown(report: dict[str, Any]) -> str:
    """The report for people."""
    about, plan = report["machine"], report["plan"]
    lines = [
        "# What a search costs",
        "",
        f"{about['processor']}, {about['cores']} cores, {about['memory_gib']} GiB; Python {about['python']}, torch "
        f"{about['torch']}, openvino {about['openvino']}; {report['threads']} threads. Medians over {plan['photos']} "
        "photos.",
        "",
        "The earlier system's procedure: for each attribute a pass through trunk and transformer, one after the other, "
        "in float32 by PyTorch. Ours: one pass through the trunk, the distinct crops of all attributes together, "
        "compiled by OpenVINO. The same pictures (decoded), weights and threads. rpf-base has weights from a fixed "
        "seed, which take as long as trained ones, and attributes that look at different places, as trained ones do.",
        "",
        "## The model",
        "",
        "| model | attributes | distinct crops | by | ms | times as fast | median cosine |",
        "|---|---:|---:|---|---:|---:|---:|",
    ]
    for name, own in report["models"].items():
        queries = own["queries"]
        for count, row in queries.get("attributes", {}).items():
            head = f"| {name} | {count} | {row['crops']:.1f} |"
            lines.append(f"{head} earlier | {1e3 * row['seconds']['earlier']:.0f} | | |")
            lines += [
                f"{head} {_in(way, used)} | {1e3 * row['seconds'][way]:.0f} | {row['times_as_fast'][way]:.1f} | "
                f"{row['median_cosine'][way]:.5f} |"
                for way, used in queries["formats"].items()
            ]
    lines += [
        "",
        "As many floating-point operations as the earlier procedure's for 3 attributes, in plain matrix products:",
        "",
    ]
    for name, own in report["models"].items():
        done = own["queries"].get("products")
        if done:
            lines.append(
                f"- {name}: {done['operations'] / 1e9:.1f} billion; {1e3 * done['float32']:.0f} ms in float32, "
                f"{1e3 * done['bfloat16']:.0f} ms in bfloat16 (PyTorch)."
            )
    lines += [
        "",
        "## Indexing",
        "",
        "From files to a collection, all attributes (the earlier procedure: to embeddings).",
        "",
        "| model | by | photos a second | times as fast |",
        "|---|---|---:|---:|",
    ]
    for name, own in report["models"].items():
        row = own["indexing"]
        if "earlier" in row:
            lines.append(f"| {name} | earlier | {row['earlier']:.2f} | |")
            lines += [
                f"| {name} | {_in(way, used)} | {row['photos_a_second'][way]:.2f} | {row['times_as_fast'][way]:.1f} |"
                for way, used in row["formats"].items()
            ]
    site = report["site"]
    lines += [
        "",
        "## The site",
        "",
        f'Whole requests to `/submit` with a picture that the site has not seen, "{plan["attrs"]}", the clients on the '
        f"same machine. Ready {site['ready_seconds']:.1f} s after the start; {site['resident_at_start'] / 1e6:.0f} MB "
        f"resident then, {site['resident_after'] / 1e6:.0f} MB at the end.",
        "",
        "| clients | answers | a second | p50, ms | p95 | p99 | wrong | 503 | failed | /healthz p50, ms | slowest |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in site["loads"]:
        lines.append(
            f"| {row['clients']} | {row['answers']} | {row['per_second']:.1f} | {row['p50_ms']:.0f} | "
            f"{row['p95_ms']:.0f} | {row['p99_ms']:.0f} | {row['wrong']} | {row['refused']} | {row['failed']} | "
            f"{row['health_p50_ms']:.0f} | {row['health_max_ms']:.0f} |"
        )
    return "\n".join(lines) + "\n"
