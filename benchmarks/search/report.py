"""The report on search methods: Markdown tables and plots of recall against speed."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.common.machine import describe
from benchmarks.common.report import Row, table
from benchmarks.search.baselines import PUBLISHED
from benchmarks.search.synthetic_gallery import NEIGHBOURS
from benchmarks.search.trial import ADDED_ITEMS, COLD_QUERIES, PASSING_SHARE, THREADS, WARM_UP_QUERIES, K
from rpf.evaluation.plots import as_png, panels, plot_by_speed
from rpf.utils.files import write_atomic

TITLES = {PUBLISHED: "published system", "faiss": "faiss (SQ8)"}
COST_COLUMNS = {
    "method": "{title}",
    "build, s": "{build_seconds:.1f}",
    "index, MB": "{index_megabytes:,.0f}",
    "memory, MB": "{memory_megabytes:,.0f}",
    "open, s": "{open_seconds:.2f}",
    "cold, ms": "{cold_ms:.0f}",
    f"{ADDED_ITEMS:,} more, s": "{add_seconds:.2f}",
    "seen, s": "{seen_seconds:.2f}",
    "taken in, s": "{merge_seconds:.2f}",
}
SPEED_COLUMNS = {
    "method": "{title}",
    "p50, ms": "{p50_ms:.2f}",
    "p95, ms": "{p95_ms:.2f}",
    f"with a filter of {PASSING_SHARE:.0%}, ms": "{filtered_ms:.2f}",
    f"searches per second, {THREADS} threads": "{per_second:,.0f}",
    f"recall@{K}": "{recall:.4f}",
    "speedup over the published system": "{speedup:.1f}",
}


def write_plots(folder: Path, report: dict[str, Any]) -> None:
    """Write a plot of recall against speed for each embedding dimension."""
    for dimension in report["about"]["plan"]["dimensions"]:
        write_atomic(folder / f"search-{dimension}.png", _plot(report, dimension))


def as_markdown(report: dict[str, Any]) -> list[str]:
    """Format a report as lines of Markdown: a section for each gallery."""
    about = report["about"]
    plan = about["plan"]
    lines = [
        "# Search methods", "",
        f"{describe(about['machine'])}. {plan['threads']} thread{'s' * (plan['threads'] > 1)} for each search.", "",
        f"The first items of a gallery are the {about['collection_size']:,} of the collection {about['collection']}, "
        f"attributes {', '.join(about['attributes'])}. Of the others, half take all attributes from one real item, "
        "half take each from another one; and each vector is moved by a random share of the difference between two of "
        f"the {NEIGHBOURS} nearest neighbours of its real one. Embeddings of more dimensions than the model's "
        f"{about['model_dimension']} are rotated at random into them, which changes no cosine; of fewer, they are "
        f"the first principal components. {about['queries']} queries: images of the collection, mirrored, cropped and "
        "embedded again.", "",
        f"Times are of one search from Python, one at a time (p50 is the median) and from {THREADS} threads at once, "
        f"after up to {WARM_UP_QUERIES} others that map the files. Recall@{K} is against the exact ranking by the mean "
        "similarity in all attributes of the query. Memory is that of a process with Python and all libraries (not of "
        "a Milvus server), without what is mapped from files. Building takes all cores. Cold is the median of the "
        f"first {COLD_QUERIES} searches in all attributes, after the files have left the memory. A filter of "
        f"{PASSING_SHARE:.0%} leaves so many of the items, at random. The last columns are the times to "
        f"write {ADDED_ITEMS:,} items to the collection and update its index; to open both again and find one of these "
        f"items; and to write {ADDED_ITEMS:,} more where the index then takes in all that lay beside it.",
    ]  # fmt: skip
    for dimension, size in product(plan["dimensions"], plan["gallery_sizes"]):
        runs = _runs(report, dimension, size)
        lines += ["", f"## Gallery size {size:,}, embedding dimension {dimension:,}", ""]
        if runs and runs[0]["retained"] < 1:
            lines += [f"These dimensions retain {runs[0]['retained']:.1%} of the vectors' squared length.", ""]
        lines += table(runs, COST_COLUMNS)
        for count in plan["attribute_counts"]:
            heading = "1 attribute" if count == 1 else f"{count} attributes"
            lines += ["", f"Queries with {heading}:", "", *table(_speeds(runs, str(count)), SPEED_COLUMNS)]
    return lines


def _runs(report: dict[str, Any], dimension: int, size: int) -> list[Row]:
    """Return the runs on one gallery, with titles and sizes for people."""
    return [
        {
            **run,
            "title": TITLES.get(run["method"], run["method"]),
            "index_megabytes": run.get("index_bytes", 0) / 1e6,
            "memory_megabytes": run.get("anonymous_bytes", 0) / 1e6,
        }
        for run in report["runs"]
        if (run["dimension"], run["gallery_size"]) == (dimension, size)
    ]


def _speeds(runs: Sequence[Row], count: str) -> list[Row]:
    """Return the rows of the methods that were searched by so many attributes."""
    searched = [run for run in runs if "searches" in run]
    published = [run["searches"][count]["p50_ms"] for run in searched if run["method"] == PUBLISHED]
    return [
        {
            "title": run["title"],
            "speedup": published[0] / run["searches"][count]["p50_ms"] if published else None,
            **run["searches"][count],
        }
        for run in searched
    ]


def _plot(report: dict[str, Any], dimension: int) -> bytes:
    """Plot a panel for each gallery size and number of attributes, a mark for each method."""
    plan = report["about"]["plan"]
    counts, sizes = plan["attribute_counts"], plan["gallery_sizes"]
    missing = {TITLES.get(name, name): ((), ()) for name in plan["methods"]}
    figure, grid = panels(3.6 * len(sizes) + 0.6, 3.0 * len(counts) + 0.9, len(counts), len(sizes))
    for axes, (count, size) in zip(grid.flat, product(counts, sizes), strict=True):
        rows = _speeds(_runs(report, dimension, size), str(count))
        points = {row["title"]: (1000 / row["p50_ms"], 100 * row["recall"]) for row in rows}
        plot_by_speed(axes, missing | points)  # each method has one colour in all panels
        axes.set_title(f"Gallery size {size:,}, {count} attribute{'s' * (count > 1)}", size=9)
        axes.set_ylim(0, 103)
    for axes in grid[-1]:
        axes.set_xlabel("Queries per second, one at a time", size=8)
    for axes in grid[:, 0]:
        axes.set_ylabel(f"Recall@{K}, %", size=8)
    figure.suptitle(f"Recall against speed, embedding dimension {dimension:,}", size=10)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(5, len(labels)), fontsize=8, frameon=False)
    return as_png(figure)
