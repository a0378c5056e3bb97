"""Reports as plots, PNG."""

import io
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rpf.attributes import Vocabulary
from rpf.evaluation.report import Line, Report, lines
from rpf.search.indexes.registry import make_index

# The site's light set (static/site.css, where it says how they were found).
COLOURS = (
    "#276da5", "#d82d17", "#4b9c75", "#7306d1", "#c47509",
    "#11174e", "#9e2f74", "#225040", "#590714", "#847059",
)  # fmt: skip
GRID, CHANCE = "#dcddd8", "#a3a49e"
MARKERS = "osD^vPX*"


def map_per_attribute(report: Report) -> bytes:
    """MAP by every search method, and what chance gives."""
    return dots(f"{report['dataset']}, {report['split']}: MAP by search method", report, lines(report, "MAP"))


def dots(title: str, report: Report, shown: Sequence[Line]) -> bytes:
    """A group for each attribute of the report that has queries, for overall and mean; in it a dot for each line.

    Intervals are whiskers. A line without intervals, such as chance, is a level across the group.
    """
    queries: dict[str, int] = report["queries"]
    vocabulary = Vocabulary(list(queries))
    names = {key: f"{textwrap.fill(vocabulary[key].name(), 9)}\n({n})" for key, n in queries.items() if n}
    places = np.arange(len(names) + 2.0)
    places[-2:] += 0.3
    names |= {"overall": f"Overall\n({sum(queries.values())})", "mean": "Mean of\nattributes"}
    figure, axes = _figure(0.9 * len(names) + 0.8, 4.2)

    def heights(line: Line) -> npt.NDArray[np.float64]:
        return 100 * np.array([line.figures[key] for key in names], dtype=float)

    for line in shown:
        if line.intervals is None:
            ends = places - 0.42, places + 0.42
            axes.hlines(heights(line), *ends, CHANCE, linewidth=2.5, label=_literal(line.name), zorder=1.5)
    measured = [(line, line.intervals) for line in shown if line.intervals is not None]
    for at, (line, intervals) in enumerate(measured):
        x = places + 0.72 * ((at + 0.5) / len(measured) - 0.5)
        low, high = 100 * np.array([intervals[key] for key in names]).T
        axes.vlines(x, low, high, COLOURS[at % len(COLOURS)])
        axes.plot(x, heights(line), label=_literal(line.name), **mark(at))
    axes.set_xticks(places, list(names.values()), size=8)
    axes.set_xlim(places[0] - 0.6, places[-1] + 0.6)
    axes.tick_params(axis="x", length=0)
    axes.vlines((places[1:] + places[:-1]) / 2, 0, 1, GRID, linewidth=0.8, transform=axes.get_xaxis_transform())
    axes.set_xlabel("In brackets: number of queries. Whiskers: 95% intervals.", size=8)
    axes.set_ylabel("MAP, %")
    axes.set_title(_literal(title), size=10)
    axes.grid(axis="y", color=GRID)
    figure.legend(loc="outside lower center", ncols=min(len(shown), 6), fontsize=8, frameon=False)
    return as_png(figure)


def recall_against_speed(report: Report) -> bytes:
    """A mark for each method: queries a second, one at a time, and the share of the exact first k that it finds."""
    k = report["topk"]
    figure, axes = _figure(6.4, 4.2)
    for at, (name, own) in enumerate(report["methods"].items()):
        point = 1 / own["seconds"]["overall"], 100 * own[f"recall@{k}"]["overall"]
        axes.plot(*point, label=make_index(name).title, **mark(at))
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    axes.set_xlim(10 ** np.floor(np.log10(low)), 10 ** np.ceil(np.log10(high)))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.margins(y=0.15)
    axes.set_xlabel("Queries a second, one at a time")
    axes.set_ylabel(f"Recall@{k} against the exact ranking, %")
    axes.set_title(_literal(f"{report['dataset']}, {report['split']}: recall against speed"), size=10)
    axes.grid(color=GRID)
    figure.legend(loc="outside lower center", ncols=6, fontsize=8, frameon=False)
    return as_png(figure)


def mark(at: int) -> dict[str, Any]:
    """Colour and shape of the dots of a line."""
    colour, marker = COLOURS[at % len(COLOURS)], MARKERS[at % len(MARKERS)]
    return {"color": colour, "marker": marker, "linestyle": "none", "markersize": 7, "markeredgecolor": "white"}


def _literal(text: str) -> str:
    """Keep matplotlib from reading dollar signs in a name as mathematics."""
    return text.replace("$", r"\$")


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure, grid = panels(width, height)
    return figure, grid[0, 0]


def panels(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[Figure, Any]:
    """A figure of that many inches, and (rows, columns) axes in it."""
    figure = Figure(figsize=(width, height), dpi=160, layout="constrained")
    FigureCanvasAgg(figure)  # drawn without a screen, whatever backend is set
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    return figure, grid


def as_png(figure: Figure) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()
