"""Plots of evaluation reports, as PNG."""

import io
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from rpf.attributes import Vocabulary
from rpf.evaluation.report import EvaluationReport, Series, series
from rpf.search.indexes.registry import make_index

# The site's light palette (static/site.css).
COLOURS = (
    "#276da5", "#d82d17", "#4b9c75", "#7306d1", "#c47509",
    "#11174e", "#9e2f74", "#225040", "#590714", "#847059",
)  # fmt: skip
GRID, RANDOM = "#dcddd8", "#a3a49e"
MARKERS = "osD^vPX*"


def map_per_attribute(report: EvaluationReport) -> bytes:
    """Plot the MAP of every search method, and of random rankings."""
    return dot_plot(f"{report['dataset']}, {report['split']}: MAP by search method", report, series(report, "MAP"))


def dot_plot(title: str, report: EvaluationReport, rows: Sequence[Series]) -> bytes:
    """Plot a group of dots for each attribute with queries, for overall and mean, a dot for each row.

    Intervals are whiskers. A row without intervals, such as random rankings, is a level across the group.
    """
    queries = report["queries"]
    vocabulary = Vocabulary(list(queries))
    names = {key: f"{textwrap.fill(vocabulary[key].name(), 9)}\n({n})" for key, n in queries.items() if n}
    positions = np.arange(len(names) + 2.0)
    positions[-2:] += 0.3
    names |= {"overall": f"Overall\n({sum(queries.values())})", "mean": "Mean of\nattributes"}
    figure, axes = _figure(0.9 * len(names) + 0.8, 4.2)

    def heights(row: Series) -> npt.NDArray[np.float64]:
        return 100 * np.array([row.figures[key] for key in names], dtype=float)

    for row in rows:
        if row.intervals is None:
            ends = positions - 0.42, positions + 0.42
            axes.hlines(heights(row), *ends, RANDOM, linewidth=2.5, label=escape(row.name), zorder=1.5)
    measured = [(row, row.intervals) for row in rows if row.intervals is not None]
    for at, (row, intervals) in enumerate(measured):
        x = positions + 0.72 * ((at + 0.5) / len(measured) - 0.5)
        low, high = 100 * np.array([intervals[key] for key in names]).T
        axes.vlines(x, low, high, COLOURS[at % len(COLOURS)])
        axes.plot(x, heights(row), label=escape(row.name), **mark(at))
    axes.set_xticks(positions, list(names.values()), size=8)
    axes.set_xlim(positions[0] - 0.6, positions[-1] + 0.6)
    axes.tick_params(axis="x", length=0)
    axes.vlines((positions[1:] + positions[:-1]) / 2, 0, 1, GRID, linewidth=0.8, transform=axes.get_xaxis_transform())
    axes.set_xlabel("In brackets: number of queries. Whiskers: 95% intervals.", size=8)
    axes.set_ylabel("MAP, %")
    axes.set_title(escape(title), size=10)
    axes.grid(axis="y", color=GRID)
    figure.legend(loc="outside lower center", ncols=min(len(rows), 6), fontsize=8, frameon=False)
    return as_png(figure)


def confusion_matrices(report: EvaluationReport) -> bytes:
    """Plot for each attribute how often its values are taken for which, in percent of a value's labels."""
    keys = [key for key in report["queries"] if report["values"][key]]
    columns = min(2, len(keys))
    rows = -(-len(keys) // columns)
    figure, grid = panels(4.6 * columns, 3.9 * rows, rows, columns)
    for axes in grid.flat[len(keys) :]:
        axes.set_axis_off()
    for axes, attribute in zip(grid.flat, Vocabulary(keys), strict=False):
        confusion = report["values"][attribute.key]["confusion"]
        counts = np.array(confusion["counts"])
        names = [textwrap.fill(attribute.value_name(value), 14) for value in confusion["values"]]
        totals = counts.sum(axis=1)
        shares = counts / np.maximum(totals, 1)[:, None]
        axes.imshow(shares, cmap=LinearSegmentedColormap.from_list("site", ["#ffffff", COLOURS[0]]), vmin=0, vmax=1)
        for (row, column), share in np.ndenumerate(shares):
            if counts[row, column]:
                colour = "white" if share > 0.6 else "black"
                axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", size=8, color=colour)
        ticks = np.arange(len(names))
        axes.set_xticks(ticks, names, size=7, rotation=90)
        axes.set_yticks(ticks, [f"{name} ({total})" for name, total in zip(names, totals, strict=True)], size=7)
        axes.tick_params(length=0)
        axes.set_title(attribute.name(), size=9)
    figure.suptitle(
        escape(f"{report['dataset']}, {report['split']}: true values in rows, likeliest ones in columns, %"), size=10
    )
    figure.supxlabel("In brackets: number of labels.", size=8)
    return as_png(figure)


def recall_against_speed(report: EvaluationReport) -> bytes:
    """Plot each method's recall@k against its queries per second, one at a time."""
    k = report["topk"]
    figure, axes = _figure(6.4, 4.2)
    points = {
        make_index(name).title: (1 / figures["seconds"]["overall"], 100 * figures[f"recall@{k}"]["overall"])
        for name, figures in report["methods"].items()
    }
    plot_by_speed(axes, points)
    axes.margins(y=0.15)
    axes.set(xlabel="Queries a second, one at a time", ylabel=f"Recall@{k} against the exact ranking, %")
    axes.set_title(escape(f"{report['dataset']}, {report['split']}: recall against speed"), size=10)
    figure.legend(loc="outside lower center", ncols=6, fontsize=8, frameon=False)
    return as_png(figure)


def plot_by_speed(axes: Axes, points: Mapping[str, tuple[Any, Any]]) -> None:
    """Plot a mark for each label at (queries a second, figure), on a logarithmic axis of whole powers of ten."""
    for at, (label, point) in enumerate(points.items()):
        axes.plot(*point, label=label, clip_on=False, **mark(at))
    axes.set_xscale("log")
    low, high = np.log10(axes.get_xlim())
    axes.set_xlim(10 ** np.floor(low), 10 ** np.ceil(high))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.grid(color=GRID)


def mark(at: int) -> dict[str, Any]:
    """Return the colour and shape of the dots of a series."""
    colour, marker = COLOURS[at % len(COLOURS)], MARKERS[at % len(MARKERS)]
    return {"color": colour, "marker": marker, "linestyle": "none", "markersize": 7, "markeredgecolor": "white"}


def escape(text: str) -> str:
    """Escape dollar signs, which matplotlib reads as mathematics."""
    return text.replace("$", r"\$")


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure, grid = panels(width, height)
    return figure, grid[0, 0]


def panels(
    width: float, height: float, rows: int = 1, columns: int = 1, height_ratios: Sequence[float] | None = None
) -> tuple[Figure, Any]:
    """Create a figure, in inches, and its (rows, columns) axes."""
    figure = Figure(figsize=(width, height), dpi=160, layout="constrained")
    FigureCanvasAgg(figure)  # independent of the configured backend, which may need a screen
    grid = figure.subplots(rows, columns, squeeze=False, height_ratios=height_ratios)
    for axes in grid.flat:
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    return figure, grid


def as_png(figure: Figure) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()
