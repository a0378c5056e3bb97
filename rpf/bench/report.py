"""The report of `bench search` for people: tables in Markdown and plots."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rpf.bench.search import PACKAGES, Run
from rpf.evaluation.plots import GRID, as_png, mark, panels
from rpf.files import write_atomic

NAMES = {"earlier": "earlier system's way", "pca": "pca (PCA64, then exact)", "faiss": "faiss (PCA64,SQ8)"}
HEAD = "| method | build, s | index, MB | memory, MB | open, s | 1,000 more, s |"


def write_search(folder: Path) -> str:
    """Write search.md and a plot for each length of vectors beside `folder`/search.json; returns the text."""
    report = json.loads((folder / "search.json").read_text())
    text = as_markdown(report)
    write_atomic(folder / "search.md", text.encode())
    for numbers in report["about"]["plan"]["numbers"]:
        write_atomic(folder / f"search-{numbers}.png", _plot(report, numbers))
    return text


def as_markdown(report: dict[str, Any]) -> str:
    """A table for each collection, and what the figures are."""
    about = report["about"]
    plan, machine = about["plan"], about["machine"]
    lines = [
        "# Search methods side by side",
        "",
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB; Python {machine['python']}, "
        + ", ".join(f"{package} {machine[package]}" for package in PACKAGES if machine[package])
        + f". {plan['threads']} thread{'s' * (plan['threads'] > 1)} a search.",
        "",
        f"Embeddings of the {about['real_items']:,} pictures of the collection {about['collection']}, attributes "
        f"{', '.join(about['attributes'])}; larger collections are made of these, as rpf/bench/gallery.py says. "
        f"{about['queries']} queries: pictures of the collection, mirrored and cut, embedded anew.",
        "",
        "Times are of one search from Python, one at a time (p50 is the median) and from 8 threads at once. Recall@50 "
        "is against the exact ranking by the mean likeness in all attributes of the query. Memory is that of a process "
        'with Python and all libraries, what is mapped from files left out. "1,000 more": the time to write 1,000 '
        "items to the collection and bring its index up to date.",
    ]
    for numbers in plan["numbers"]:
        for items in plan["sizes"]:
            runs = [run for run in report["runs"] if (run["numbers"], run["items"]) == (numbers, items)]
            lines += ["", f"## {items:,} items, {numbers:,} numbers per attribute", "", *_table(runs, plan["chosen"])]
    return "\n".join(lines) + "\n"


def _table(runs: Sequence[Run], chosen: Sequence[int]) -> list[str]:
    head, rule = HEAD, "|---|" + "---:|" * 5
    for number in chosen:
        some = "1 attribute" if number == 1 else f"{number} attributes"
        head += f" {some}: p50, ms | p95, ms | a second | recall@50 | times as fast as the earlier way |"
        rule += "---:|" * 5
    earlier = next((run for run in runs if run["method"] == "earlier" and "unfinished" not in run), None)
    return [head, rule, *(_row(run, chosen, earlier) for run in runs)]


def _row(run: Run, chosen: Sequence[int], earlier: Run | None) -> str:
    name = NAMES.get(run["method"], run["method"])
    if "unfinished" in run:
        return f"| {name} | {run['unfinished']} |" + " |" * (4 + 5 * len(chosen))
    cells: list[str] = [
        name,
        f"{run['build_seconds']:.1f}" if run["index_bytes"] else "-",
        f"{run['index_bytes'] / 1e6:,.0f}",
        f"{run['anonymous_bytes'] / 1e6:,.0f}",
        f"{run['open_seconds']:.2f}",
        "-" if run["add_seconds"] is None else f"{run['add_seconds']:.2f}",
    ]
    for number in map(str, chosen):
        own = run["searches"][number]
        times = earlier["searches"][number]["p50_ms"] / own["p50_ms"] if earlier else None
        cells += [
            f"{own['p50_ms']:.2f}",
            f"{own['p95_ms']:.2f}",
            f"{own['per_second']:,.0f}",
            f"{own['recall']:.4f}",
            f"{times:.1f}" if times else "",
        ]
    return "| " + " | ".join(cells) + " |"


def _plot(report: dict[str, Any], numbers: int) -> bytes:
    """A panel for each size and number of attributes; a mark for each method."""
    plan = report["about"]["plan"]
    rows, columns = len(plan["chosen"]), len(plan["sizes"])
    figure, grid = panels(3.6 * columns + 0.6, 3.0 * rows + 0.9, rows, columns)
    for line, number in enumerate(plan["chosen"]):
        for column, items in enumerate(plan["sizes"]):
            axes = grid[line, column]
            for at, method in enumerate(plan["methods"]):
                for run in report["runs"]:
                    if (run["method"], run["numbers"], run["items"]) == (method, numbers, items):
                        own = run.get("searches", {}).get(str(number))
                        point = (1000 / own["p50_ms"], 100 * own["recall"]) if own else ((), ())
                        axes.plot(*point, label=NAMES.get(method, method), clip_on=False, **mark(at))
            axes.set_xscale("log")
            axes.set_title(f"{items:,} items, {number} attribute{'s' * (number > 1)}", size=9)
            axes.grid(color=GRID)
            axes.set_ylim(None, 101)
            axes.xaxis.set_major_formatter("{x:,.0f}")
    for axes in grid[-1]:
        axes.set_xlabel("Queries a second, one at a time", size=8)
    for axes in grid[:, 0]:
        axes.set_ylabel("Recall@50, %", size=8)
    figure.suptitle(f"Recall against speed, {numbers:,} numbers per attribute", size=10)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(5, len(labels)), fontsize=8, frameon=False)
    return as_png(figure)
