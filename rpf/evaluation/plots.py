"""A report as plots, PNG."""

import io
import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from rpf.attributes import Vocabulary
from rpf.evaluation.report import Report
from rpf.index.methods import METHODS

# The site's light set (static/site.css, where it says how they were found), by the attribute's place.
COLOURS = (
    "#276da5", "#d82d17", "#4b9c75", "#7306d1", "#c47509",
    "#11174e", "#9e2f74", "#225040", "#590714", "#847059",
)  # fmt: skip
INK, LINE, ACCENT = "#1d1f1e", "#dcddd8", "#115e59"  # the site's too
MARKERS = "osD^vPX*"
HALO = [withStroke(linewidth=3.5, foreground="white")]  # lets dark lines be seen on dark bars


def map_per_attribute(report: Report) -> bytes:
    """Bars with 95% intervals for the first method, marks beside them for the others, and what chance gives."""
    queries: dict[str, int] = report["queries"]
    vocabulary, methods = Vocabulary(list(queries)), report["methods"]
    shown = [key for key, count in queries.items() if count]
    places = range(len(shown))
    figure, axes = _figure(max(6.4, 1.05 * len(shown) + 1.5), 4.2)
    first, *others = methods
    _bars(axes, report, first, shown)
    for at, name in enumerate(others, start=1):
        axes.plot(
            [place + 0.3 * at / len(others) for place in places],
            [100 * methods[name]["MAP"][key] for key in shown],
            linestyle="none", marker=MARKERS[at % len(MARKERS)], markersize=6,
            markerfacecolor="white", markeredgecolor=INK, label=METHODS[name].title,
        )  # fmt: skip
    chance = [100 * report["random"]["MAP"][key] for key in shown]
    ends = [at - 0.4 for at in places], [at + 0.4 for at in places]
    axes.hlines(chance, *ends, INK, lw=1.5, label="Random", zorder=1.5, path_effects=HALO)
    axes.set_xticks(places, [f"{textwrap.fill(vocabulary[key].name(), 11)}\n({queries[key]})" for key in shown], size=8)
    axes.set_ylim(0, 105)
    axes.set_ylabel("MAP, %")
    axes.set_title(f"{report['dataset']}, {report['split']}: MAP per attribute (number of queries)", size=10)
    axes.grid(axis="y", color=LINE)
    bar = Patch(color=COLOURS[-1], label=f"{METHODS[first].title}, with 95% interval")
    handles = [bar, *axes.get_legend_handles_labels()[0]]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8, frameon=False)
    return _png(figure)


def _bars(axes: Axes, report: Report, method: str, shown: Sequence[str]) -> None:
    """A method's MAP with its intervals, each attribute in its colour."""
    own, everything = report["methods"][method], list(report["queries"])
    heights = np.array([100 * own["MAP"][key] for key in shown])
    low, high = 100 * np.array([own["intervals"]["MAP"][key] for key in shown]).T
    colours = [COLOURS[everything.index(key) % len(COLOURS)] for key in shown]
    axes.bar(range(len(shown)), heights, width=0.7, color=colours)
    spread = np.maximum([heights - low, high - heights], 0)
    axes.errorbar(
        range(len(shown)), heights, spread, linestyle="none", ecolor=INK, elinewidth=1.2, capsize=4, path_effects=HALO
    )


def recall_against_speed(report: Report) -> bytes:
    """A mark for each method: queries a second, one at a time, and the share of the exact first k that it finds."""
    k = report["topk"]
    figure, axes = _figure(6.4, 4.2)
    for at, (name, own) in enumerate(report["methods"].items()):
        point = 1 / own["seconds"]["overall"], 100 * own[f"recall@{k}"]["overall"]
        axes.plot(*point, marker=MARKERS[at % len(MARKERS)], markersize=9, color=ACCENT, markeredgecolor="white")
        axes.annotate(METHODS[name].title, point, (0, -16), textcoords="offset points", ha="center", size=9)
    axes.set_xscale("log")
    axes.margins(x=0.2)
    axes.set_ylim(0, 105)
    axes.set_xlabel("Queries a second, one at a time")
    axes.set_ylabel(f"Recall@{k} against the exact ranking, %")
    axes.set_title(f"{report['dataset']}, {report['split']}: recall against speed", size=10)
    axes.grid(color=LINE)
    return _png(figure)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), dpi=160, layout="constrained")
    FigureCanvasAgg(figure)  # drawn without a screen, whatever backend is set
    axes = figure.subplots()
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _png(figure: Figure) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()
