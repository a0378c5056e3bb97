"""The report of `bench search` for people: tables in Markdown and plots."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search.measure import PACKAGES, Run
from benchmarks.search.synthetic_gallery import NEAR
from benchmarks.search.trial import WARM_UP
from rpf.evaluation.plots import GRID, as_png, mark, panels
from rpf.utils.files import write_atomic

NAMES: dict[str, str] = {"earlier": "earlier system's way", "faiss": "faiss (PCA64,SQ8)"}


def write_search(folder: Path) -> str:
    """Write search.md and a plot for each length of vectors beside `folder`/search.json; returns the text."""
    report = json.loads((folder / "search.json").read_bytes())
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
        f"{', '.join(about['attributes'])}. In larger collections half of the other items take all attributes from one "
        "real item, half take each from another one; and each vector is moved by a random share of the difference "
        f"between two of the {NEAR} nearest neighbours of its real one. Vectors longer than the "
        f"{about['model_numbers']} numbers of the model's are rotated at random into more dimensions, which changes no "
        "cosine; shorter ones are the first principal components. "
        f"{about['queries']} queries: pictures of the collection, mirrored and cut, embedded anew.",
        "",
        "Times are of one search from Python, one at a time (p50 is the median) and from 8 threads at once, after "
        f"up to {WARM_UP} others that map the files. Recall@50 "
        "is against the exact ranking by the mean likeness in all attributes of the query. Memory is that of a process "
        "with Python and all libraries (not of a Milvus server), what is mapped from files left out. Building takes "
        'all cores. "1,000 more": the time to write 1,000 items to the collection and bring its index up to date.',
    ]
    for numbers in plan["numbers"]:
        for items in plan["sizes"]:
            runs = [run for run in report["runs"] if (run["numbers"], run["items"]) == (numbers, items)]
            lines += ["", f"## {items:,} items, {numbers:,} numbers per attribute", ""]
            if runs and runs[0]["kept"] < 1:
                lines += [f"{100 * runs[0]['kept']:.1f}% of the vectors' squared length is in these numbers.", ""]
            lines += _tables(runs, plan["chosen"])
    return "\n".join(lines) + "\n"


def _tables(runs: Sequence[Run], chosen: Sequence[int]) -> list[str]:
    """What each method takes, then how it searches by each number of attributes."""
    made = _table(("build, s", "index, MB", "memory, MB", "open, s", "1,000 more, s"), runs, _costs)
    for number in chosen:
        some = "1 attribute" if number == 1 else f"{number} attributes"
        heads = "p50, ms", "p95, ms", "searches a second, 8 threads", "recall@50", "times as fast as the earlier way"
        earlier: Run = next(
            (run["searches"][str(number)] for run in runs if run["method"] == "earlier" and _whole(run)), {}
        )
        made += ["", f"Searching by {some}:", ""]
        made += _table(heads, [run for run in runs if _whole(run)], partial(_speed, str(number), earlier))
    return made


def _table(heads: Sequence[str], runs: Sequence[Run], cells: Callable[[Run], Sequence[str]]) -> list[str]:
    lines = ["| method | " + " | ".join(heads) + " |", "|---|" + "---:|" * len(heads)]
    for run in runs:
        own = cells(run) if _whole(run) else [run["unfinished"], *[""] * (len(heads) - 1)]
        lines.append("| " + " | ".join([_name(run["method"]), *own]) + " |")
    return lines


def _name(method: str) -> str:
    return NAMES.get(method, method)


def _whole(run: Run) -> bool:
    return "unfinished" not in run


def _costs(run: Run) -> Sequence[str]:
    return (
        f"{run['build_seconds']:.1f}" if run["index_bytes"] else "-",
        f"{run['index_bytes'] / 1e6:,.0f}",
        f"{run['anonymous_bytes'] / 1e6:,.0f}",
        f"{run['open_seconds']:.2f}",
        "-" if run["add_seconds"] is None else f"{run['add_seconds']:.2f}",
    )


def _speed(number: str, earlier: Run, run: Run) -> Sequence[str]:
    own = run["searches"][number]
    return (
        f"{own['p50_ms']:.2f}",
        f"{own['p95_ms']:.2f}",
        f"{own['per_second']:,.0f}",
        f"{own['recall']:.4f}",
        f"{earlier['p50_ms'] / own['p50_ms']:.1f}" if earlier else "",
    )


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
                        axes.plot(*point, label=_name(method), clip_on=False, **mark(at))
            axes.set_xscale("log")
            axes.set_title(f"{items:,} items, {number} attribute{'s' * (number > 1)}", size=9)
            axes.grid(color=GRID)
            axes.set_ylim(0, 103)
            low, high = np.log10(axes.get_xlim())
            axes.set_xlim(10 ** np.floor(low), 10 ** np.ceil(high))
            axes.xaxis.set_major_formatter("{x:,.0f}")
    for axes in grid[-1]:
        axes.set_xlabel("Queries a second, one at a time", size=8)
    for axes in grid[:, 0]:
        axes.set_ylabel("Recall@50, %", size=8)
    figure.suptitle(f"Recall against speed, {numbers:,} numbers per attribute", size=10)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(5, len(labels)), fontsize=8, frameon=False)
    return as_png(figure)
