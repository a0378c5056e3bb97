"""A report as tables: for terminals and as Markdown."""

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rpf.attributes import Vocabulary
from rpf.evaluation.report import Report
from rpf.index.methods import METHODS

NAME_WIDTH, CELL_WIDTH = 8, 12  # room for 100.0-100.0
NOTHING = "-"  # an attribute without queries


@dataclass(frozen=True)
class Cell:
    figure: str
    interval: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of methods under columns of attributes."""

    title: str
    columns: tuple[tuple[str, str], ...]  # name, number of queries
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def tables(report: Report) -> list[Table]:
    """MAP, MAP@k, recall@k in percent with their intervals; milliseconds a query."""
    k = report["topk"]
    shares = (
        ("MAP over the whole ranking, %", "MAP"),
        (f"MAP@{k}, %", f"MAP@{k}"),
        (f"Recall@{k} against the exact ranking, %", f"recall@{k}"),
    )
    made = []
    for title, figure in shares:
        rows = [
            (METHODS[name].title, _cells(report, own[figure], _percent, own["intervals"][figure]))
            for name, own in report["methods"].items()
        ]
        if figure in report["random"]:
            rows.append(("Random", _cells(report, report["random"][figure], _percent)))
        made.append(Table(title, _columns(report), tuple(rows)))
    times = [
        (METHODS[name].title, _cells(report, own["seconds"], _milliseconds)) for name, own in report["methods"].items()
    ]
    return [*made, Table(f"Milliseconds to find the first {k}, one query at a time", _columns(report), tuple(times))]


def as_text(report: Report) -> str:
    """For a terminal: intervals stand under their figures."""
    return "\n\n".join([_about(report), *map(_text, tables(report))]) + "\n"


def as_markdown(report: Report) -> str:
    """Intervals stand in brackets after their figures; a column's number of queries after its name."""
    return "\n\n".join([_about(report), *map(_markdown, tables(report))]) + "\n"


def _about(report: Report) -> str:
    return (
        f"{report['dataset']}, split {report['split']}; checkpoint {report['checkpoint']}, branch {report['branch']}.\n"
        "In percent, with 95% bootstrap intervals over the queries; report.json has fractions of 1 and seconds.\n"
        "Random: what rankings by chance have on average."
    )


def _columns(report: Report) -> tuple[tuple[str, str], ...]:
    queries: dict[str, int] = report["queries"]
    vocabulary = Vocabulary(list(queries))
    own = [(vocabulary[key].name(), str(count)) for key, count in queries.items()]
    return (*own, ("Overall", str(sum(queries.values()))), ("Mean of attributes", ""))


def _cells(
    report: Report,
    figures: dict[str, float | None],
    spell: Callable[[float], str],
    intervals: dict[str, Any] | None = None,
) -> tuple[Cell, ...]:
    cells = []
    for key in (*report["queries"], "overall", "mean"):
        figure, interval = figures[key], intervals[key] if intervals else None
        spread = f"{spell(interval[0])}-{spell(interval[1])}" if interval else ""
        cells.append(Cell(NOTHING if figure is None else spell(figure), spread))
    return tuple(cells)


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.3f}"


def _text(table: Table) -> str:
    names = [textwrap.wrap(name, CELL_WIDTH - 1) for name, _ in table.columns]
    height = max(map(len, names))
    heads = [[""] * (height - len(words)) + words for words in names]
    lines = [_line("", [words[at] for words in heads]) for at in range(height)]
    lines.append(_line("queries", [count for _, count in table.columns]))
    lines.append("-" * len(lines[-1]))
    for name, cells in table.rows:
        lines.append(_line(name, [cell.figure for cell in cells]))
        if any(cell.interval for cell in cells):
            lines.append(_line("", [cell.interval for cell in cells]))
    return "\n".join([table.title, *(line.rstrip() for line in lines)])


def _line(name: str, cells: Sequence[str]) -> str:
    return f"{name:<{NAME_WIDTH}}" + "".join(f"{cell:>{CELL_WIDTH}}" for cell in cells)


def _markdown(table: Table) -> str:
    heads = [f"{name} ({count})" if count else name for name, count in table.columns]
    lines = ["| | " + " | ".join(heads) + " |", "|---|" + "---:|" * len(heads)]
    for name, cells in table.rows:
        spelt = [f"{cell.figure} ({cell.interval})" if cell.interval else cell.figure for cell in cells]
        lines.append(f"| {name} | " + " | ".join(spelt) + " |")
    return "\n".join([f"**{table.title}**", "", *lines])
