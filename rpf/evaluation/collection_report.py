"""Report about a collection: what is wrong with its images and products, and how its values are spread."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.patches import Patch

from rpf.attributes import Attribute, is_missing
from rpf.collection import Collection
from rpf.evaluation.plots import COLOURS, GRID, RANDOM, as_png, escape, panels
from rpf.search.description import SURE
from rpf.search.filters import MINIMAL
from rpf.utils.files import write_atomic

PLOT_COLUMNS = 2
PROBABLE_COLOUR = "#93b6d2"  # COLOURS[0], lighter
NAME_WIDTH = 24  # characters of a value's name in the plot


class ReportEntry(NamedTuple):
    """An image, a group of images or a product in a section."""

    lines: Sequence[str]  # the first names it
    thumbnail: bytes = b""  # WebP, where there is an image


@dataclass(frozen=True)
class ReportSection:
    """One kind of problem."""

    key: str  # of its address in the page
    title: str
    count: int | None  # None where it is unknown
    text: str  # what it means and what to do; or why there is nothing
    entries: Sequence[ReportEntry] = ()  # the first ones
    entry_count: int = 0  # of all

    @property
    def more(self) -> int:
        """Return the number of entries that are left out."""
        return self.entry_count - len(self.entries)

    @property
    def has_thumbnails(self) -> bool:
        """Return whether any entry has an image."""
        return any(entry.thumbnail for entry in self.entries)


class RecognisedCount(NamedTuple):
    """Items with a value."""

    name: str
    sure: int
    probable: int

    @property
    def total(self) -> int:
        return self.sure + self.probable


@dataclass(frozen=True)
class ValueSpread:
    """The recognised values of one attribute, over all items."""

    name: str
    part: str
    values: Sequence[RecognisedCount]
    unsure: int  # items that have the part, whose value is not told
    missing: int  # items without the part

    @property
    def total(self) -> int:
        """Return the number of items."""
        return sum(value.total for value in self.values) + self.unsure + self.missing

    def width(self, count: int) -> float:
        """Return the width of a bar, in percent of the longest one."""
        longest = max(self.unsure, self.missing, *(value.total for value in self.values), 1)
        return round(100 * count / longest, 2)


@dataclass(frozen=True)
class CollectionReport:
    """What an operator wants to know of a collection."""

    name: str
    title: str
    day: date
    facts: Sequence[tuple[str, str]]  # such as ("Images", "675")
    sections: Sequence[ReportSection]
    spreads: Sequence[ValueSpread]

    def lines(self) -> Iterator[str]:
        """Yield the report as lines for a terminal."""
        yield f"{self.name}: " + "; ".join(f"{name.lower()}: {text}" for name, text in self.facts)
        yield from (f"{one.title}: {'unknown' if one.count is None else f'{one.count:,}'}" for one in self.sections)
        for spread in self.spreads:
            common = [value for value in sorted(spread.values, key=lambda value: -value.total) if value.total]
            counts = [*((value.name, value.total) for value in common), *rest(spread)]
            shares = (f"{name} {share(count, spread.total)}" for name, count in counts if count)
            yield f"{spread.name}: {', '.join(shares)}"


def rest(spread: ValueSpread) -> list[tuple[str, int]]:
    """Name and count the items without a value."""
    return [("not sure", spread.unsure), (f"no {spread.part}", spread.missing)]


def share(count: int, total: int) -> str:
    """Format a share as a whole percentage; "<1%" for a small one that is not 0."""
    percentage = 100 * count / max(1, total)
    return "<1%" if 0 < percentage < 0.5 else f"{percentage:.0f}%"


def value_spreads(collection: Collection) -> list[ValueSpread]:
    """Count the recognised values of each attribute; empty where values are unknown."""
    if not collection.knows_values:
        return []
    recognised, missing = collection.recognised, is_missing(collection.presence_by_attribute)
    rows = zip(collection.vocabulary, recognised.values, recognised.probabilities, missing, strict=True)
    return [_spread(*row) for row in rows]


def _spread(
    attribute: Attribute,
    values: npt.NDArray[np.integer],
    probabilities: npt.NDArray[np.floating],
    missing: npt.NDArray[np.bool_],
) -> ValueSpread:
    sure = ~missing & (probabilities >= SURE)
    probable = ~missing & (probabilities >= MINIMAL) & ~sure
    last = max(int(values.max(initial=0)) + 1, len(attribute.values))
    counts = [
        RecognisedCount(attribute.value_name(value), int((sure & of_value).sum()), int((probable & of_value).sum()))
        for value in range(last)
        if attribute.is_visible(value)
        for of_value in (values == value,)
    ]
    absent = int(missing.sum())
    unsure = len(values) - absent - sum(value.total for value in counts)
    return ValueSpread(attribute.name(), attribute.part(), counts, unsure, absent)


def plot(report: CollectionReport) -> bytes:
    """Plot how the values of each attribute are spread, as PNG; without values, the numbers of problems."""
    spreads = report.spreads
    bars = [_bars(spread) for spread in spreads] or [_problem_bars(report.sections)]
    names = [spread.name for spread in spreads] or ["Problems"]
    columns = min(PLOT_COLUMNS, len(bars))
    by_row = [bars[at : at + columns] for at in range(0, len(bars), columns)]
    lengths = [max(map(len, row)) for row in by_row]  # bars have the same thickness in all of a row
    heights = [0.65 + 0.23 * length for length in lengths]  # inches
    figure, grid = panels(5.2 * columns, sum(heights) + 1.1, len(by_row), columns, heights)
    for axes in grid.flat[len(bars) :]:
        axes.set_axis_off()
    for at, (axes, name, rows) in enumerate(zip(grid.flat, names, bars, strict=False)):
        places = -np.arange(len(rows))
        widths = np.array([row.widths for row in rows], dtype=float)
        for column, colour in enumerate((COLOURS[0], PROBABLE_COLOUR, RANDOM)):
            left = widths[:, :column].sum(axis=1)
            axes.barh(places, widths[:, column], 0.72, left=left, color=colour)
        for place, row, length in zip(places, rows, widths.sum(axis=1), strict=True):
            colour = "black" if length else RANDOM
            axes.annotate(
                row.label, (length, place), (3, 0), textcoords="offset points", va="center", size=7, color=colour
            )
        axes.set_yticks(places, [escape(textwrap.shorten(row.name, NAME_WIDTH)) for row in rows], size=8)
        axes.set_xlim(0, 1.28 * max(1, widths.sum(axis=1).max()))
        axes.set_ylim(0.4 - lengths[at // columns], 0.6)
        axes.tick_params(axis="y", length=0)
        axes.tick_params(axis="x", labelsize=7)
        axes.grid(axis="x", color=GRID)
        axes.set_title(escape(name), size=10, loc="left")
    facts = "; ".join(f"{name.lower()}: {text}" for name, text in report.facts[:2])
    figure.suptitle(escape(f"{report.title}, {report.day} ({facts})"), size=11)
    if spreads:
        legend = {"sure (95% and more)": COLOURS[0], "probable (50% and more)": PROBABLE_COLOUR, "no value": RANDOM}
        handles = [Patch(color=colour, label=label) for label, colour in legend.items()]
        figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return as_png(figure)


class _PlotBar(NamedTuple):
    name: str
    label: str
    widths: tuple[int, int, int]  # sure, probable, without a value


def _bars(spread: ValueSpread) -> list[_PlotBar]:
    named = ((value.name, (value.sure, value.probable, 0)) for value in spread.values)
    others = ((name, (0, 0, count)) for name, count in rest(spread))
    return [
        _PlotBar(name, f"{sum(widths):,} ({share(sum(widths), spread.total)})", widths)
        for name, widths in (*named, *others)
    ]


def _problem_bars(sections: Iterable[ReportSection]) -> list[_PlotBar]:
    return [_PlotBar(one.title, f"{one.count:,}", (one.count, 0, 0)) for one in sections if one.count is not None]


def write_collection_report(folder: Path, report: CollectionReport) -> list[Path]:
    """Write collection.html and .png to an existing folder, each atomically; return their paths."""
    from rpf.evaluation.collection_page import collection_page

    files = {"collection.html": collection_page(report).encode(), "collection.png": plot(report)}
    for name, data in files.items():
        write_atomic(folder / name, data)
    return [folder / name for name in files]
