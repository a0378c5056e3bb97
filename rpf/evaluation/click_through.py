"""Report of searches and events: tables, CSV, and a plot of click-through rates and positions."""

import csv
import io
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, DateFormatter, date2num, num2date

from rpf.access.click_through import EventStatistics, SearchFigures
from rpf.attributes import Vocabulary
from rpf.evaluation.metrics import Floats
from rpf.evaluation.plots import COLOURS, GRID, RANDOM, as_png, escape, panels
from rpf.evaluation.tables import NO_FIGURE, Cell, Table, percent, table_as_markdown, table_as_text
from rpf.utils.files import write_atomic
from rpf.utils.text import text_cell

COLUMNS = ("Searches", "Views", "Clicks", "Added to cart", "CTR, %", "Mean position")
CSV_COLUMNS = (
    "day", "attribute", "searches", "searches_clicked", "views", "clicks", "add_to_cart", "click_through",
    "click_through_low", "click_through_high", "mean_position",
)  # fmt: skip
NO_ATTRIBUTE = "No attribute"
MANY_DAYS = 60  # whose dots would run into each other


def format_statistics(statistics: EventStatistics, format_table: Callable[[Table], str] = table_as_text) -> str:
    """Format the tables for a terminal, or with `table_as_markdown` as Markdown."""
    about = (
        f"Searches from {statistics.since} to {statistics.until} (UTC). CTR: click-through rate, the share of "
        "searches with a click, with 95% intervals. A search in several attributes counts for each."
    )
    tables = [
        _table("By attribute", [("All", statistics.overall), *_attributes(statistics)], with_intervals=True),
        _table("By day", [(str(day), figures) for day, figures in sorted(statistics.by_day.items())]),
        _table(
            "By position of the result",
            [(str(at), figures) for at, figures in sorted(statistics.by_position.items())],
            COLUMNS[:-1],
            with_intervals=True,
        ),
    ]
    return "\n\n".join([about, *map(format_table, tables)]) + "\n"


def write_statistics(folder: Path, statistics: EventStatistics) -> list[Path]:
    """Write events.md, .csv and .png to an existing folder, each atomically; return their paths."""
    files = {
        "events.md": format_statistics(statistics, table_as_markdown).encode(),
        "events.csv": as_csv(statistics).encode("utf-8-sig"),  # a byte order mark, by which Excel knows UTF-8
        "events.png": plot(statistics),
    }
    for name, data in files.items():
        write_atomic(folder / name, data)
    return [folder / name for name in files]


def as_csv(statistics: EventStatistics) -> str:
    """Return a row for the whole period, each attribute, each day, and each attribute on each day.

    An empty day is the whole period, the attribute "*" all searches; rates are fractions of 1.
    """
    rows: list[tuple[str, str, SearchFigures]] = [("", "*", statistics.overall)]
    rows += [("", key, figures) for key, figures in sorted(statistics.by_attribute.items())]
    for day, figures in sorted(statistics.by_day.items()):
        rows.append((str(day), "*", figures))
        of_day = [(key, value) for (on, key), value in statistics.by_day_and_attribute.items() if on == day]
        rows += [(str(day), key, value) for key, value in sorted(of_day)]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(CSV_COLUMNS)
    for name, key, figures in rows:
        rates = (figures.click_through, *(figures.interval or (None, None)), figures.mean_position)
        counts = (figures.searches, figures.clicked, figures.views, figures.clicks, figures.carts)
        writer.writerow([name, text_cell(key), *counts, *("" if rate is None else f"{rate:.4f}" for rate in rates)])
    return text.getvalue()


def plot(statistics: EventStatistics) -> bytes:
    """Plot click-through rates and mean positions of clicks, by day and by attribute, as PNG."""
    attributes = [("All", statistics.overall), *_attributes(statistics)]
    heights = 3.0, 0.6 + 0.32 * len(attributes)  # inches
    figure, grid = panels(9.6, sum(heights) + 1.2, 2, 2, heights)
    _plot_days(grid[0], statistics)
    _plot_attributes(grid[1], attributes)
    for row, group in zip(grid, ("day", "attribute"), strict=True):
        for axes, measure in zip(row, ("Click-through rate by %s, %%", "Mean position of clicks by %s"), strict=True):
            axes.set_title(measure % group, size=10)
            axes.tick_params(labelsize=8)
            axes.grid(color=GRID)
    figure.suptitle(
        f"{statistics.overall.searches:,} searches from {statistics.since} to {statistics.until} (UTC)", size=11
    )
    figure.supxlabel(
        "Click-through rate: share of searches with a click. In brackets: number of searches. Whiskers: 95% "
        "intervals. Grey: all searches.",
        size=8,
    )
    return as_png(figure)


def _plot_days(row: Sequence[Axes], statistics: EventStatistics) -> None:
    first, last = date2num(statistics.since), date2num(statistics.until)
    days = np.arange(first, last + 1)  # those without a search too, where the lines break
    measures = _measures([statistics.by_day.get(num2date(day).date(), SearchFigures()) for day in days])
    style: dict[str, Any] = {"color": COLOURS[0], "marker": "o", "linewidth": 1, "clip_on": False}
    style["markersize"] = 5 if len(days) <= MANY_DAYS else 2
    low, high = measures.intervals
    row[0].vlines(days, low, high, COLOURS[0], alpha=0.4)
    for axes, values, limits in zip(row, (measures.rates, measures.positions), measures.limits, strict=True):
        axes.plot(days, values, **style)
        axes.set_ylim(limits)
        axes.set_xlim(first - 0.5, last + 0.5)
        axes.xaxis.set_major_locator(AutoDateLocator(minticks=1, maxticks=7))
        axes.xaxis.set_major_formatter(DateFormatter("%-d %b"))


def _plot_attributes(row: Sequence[Axes], attributes: Sequence[tuple[str, SearchFigures]]) -> None:
    heights = -np.arange(len(attributes))
    names = [escape(f"{textwrap.shorten(name, 30)} ({figures.searches:,})") for name, figures in attributes]
    measures = _measures([figures for _, figures in attributes])
    style: dict[str, Any] = {"color": COLOURS[0], "marker": "o", "linestyle": "none", "markersize": 5, "clip_on": False}
    low, high = measures.intervals
    row[0].hlines(heights, low, high, COLOURS[0])
    for axes, values, limits in zip(row, (measures.rates, measures.positions), measures.limits, strict=True):
        axes.axvline(values[0], color=RANDOM, linewidth=1)
        axes.plot(values, heights, **style)
        axes.set_xlim(limits)
        axes.set_yticks(heights, names if axes is row[0] else [""] * len(names))
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(heights[-1] - 0.6, 0.6)


class _Measures(NamedTuple):
    """What is plotted of some groups of searches; NaN where unknown."""

    rates: Floats  # (n,) in percent
    intervals: Floats  # (2, n)
    positions: Floats  # (n,)

    @property
    def limits(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the limits of the axes of rates, from 0, and of positions, from 1."""
        rate, position = float(np.nanmax(self.intervals, initial=1)), float(np.nanmax(self.positions, initial=2))
        return (0, 1.06 * rate), (1, 1 + 1.06 * (position - 1))


def _measures(groups: Sequence[SearchFigures]) -> _Measures:
    rows = [(group.click_through, *(group.interval or (None, None)), group.mean_position) for group in groups]
    rates, low, high, positions = np.array(rows, dtype=float).T
    return _Measures(100 * rates, 100 * np.array([low, high]), positions)


def _attributes(statistics: EventStatistics) -> list[tuple[str, SearchFigures]]:
    """Return the names of the attributes with their figures, those searched for most first."""
    rows = sorted(statistics.by_attribute.items(), key=lambda row: (row[0] == "", -row[1].searches, row[0]))
    names = Vocabulary([key for key in statistics.by_attribute if key])
    return [(names[key].name() if key else NO_ATTRIBUTE, figures) for key, figures in rows]


def _table(
    title: str,
    rows: Sequence[tuple[str, SearchFigures]],
    columns: Sequence[str] = COLUMNS,
    with_intervals: bool = False,
) -> Table:
    return Table(
        title,
        tuple((name, "") for name in columns),
        tuple((name, _cells(figures, with_intervals)[: len(columns)]) for name, figures in rows),
    )


def _cells(figures: SearchFigures, with_intervals: bool) -> tuple[Cell, ...]:
    rate, position, interval = figures.click_through, figures.mean_position, figures.interval
    counts = (figures.searches, figures.views, figures.clicks, figures.carts)
    return (
        *(Cell(str(count)) for count in counts),
        Cell(
            NO_FIGURE if rate is None else percent(rate),
            "-".join(map(percent, interval)) if interval and with_intervals else "",
        ),
        Cell(NO_FIGURE if position is None else f"{position:.1f}"),
    )
