"""Reports as tables: for terminals and as Markdown."""

import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rpf.attributes import Vocabulary
from rpf.datasets.image_check import describe
from rpf.errors import printable
from rpf.evaluation.report import Line, Report, lines
from rpf.utils.text import format_examples

CELL_WIDTH = 12  # room for 100.0-100.0
NOTHING = "-"  # an attribute without queries


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.3f}"


@dataclass(frozen=True)
class Cell:
    figure: str
    interval: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of methods, or of models, under columns of attributes."""

    title: str
    columns: tuple[tuple[str, str], ...]  # name, number of queries
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def tables(report: Report) -> list[Table]:
    """MAP, MAP@k, recall@k in percent with their intervals; milliseconds a query; applicability where it is known."""
    k = report["topk"]
    made = [
        tabulate("MAP over the whole ranking, %", report, lines(report, "MAP")),
        *_answerable(report),
        tabulate(f"MAP@{k}, %", report, lines(report, f"MAP@{k}")),
        tabulate(f"Recall@{k} against the exact ranking, %", report, lines(report, f"recall@{k}")),
        tabulate(
            f"Milliseconds to find the first {k}, one query at a time", report, lines(report, "seconds"), milliseconds
        ),
    ]
    return [*made, _applicability(report)] if "applicability" in report else made


def tabulate(title: str, report: Report, rows: Iterable[Line], spell: Callable[[float], str] = percent) -> Table:
    """A row for each line, under the report's attributes, overall and mean."""
    queries: dict[str, int] = report["queries"]
    keys = (*queries, "overall", "mean")
    columns = (*_attributes(queries), "Overall", "Mean of attributes")
    counts = (*map(str, queries.values()), str(sum(queries.values())), "")
    return Table(
        title,
        tuple(zip(columns, counts, strict=True)),
        tuple((line.name, tuple(_cell(line, key, spell) for key in keys)) for line in rows),
    )


def as_text(report: Report) -> str:
    """For a terminal: intervals stand under their figures."""
    return "\n\n".join([_about(report), *map(table_as_text, tables(report))]) + "\n"


def as_markdown(report: Report) -> str:
    """Intervals stand in brackets after their figures; a column's number of queries after its name."""
    return "\n\n".join([_about(report), *map(table_as_markdown, tables(report))]) + "\n"


def table_as_text(table: Table) -> str:
    """Lines without an end to the last; intervals stand under their figures."""
    names = [textwrap.wrap(name, CELL_WIDTH - 1) for name, _ in table.columns]
    height = max(map(len, names))
    heads = [[""] * (height - len(words)) + words for words in names]
    width = max(len("queries"), *(len(name) for name, _ in table.rows)) + 1

    def row(name: str, cells: Sequence[str]) -> str:
        return f"{name:<{width}}" + "".join(f"{cell:>{CELL_WIDTH}}" for cell in cells)

    made = [row("", [words[at] for words in heads]) for at in range(height)]
    if any(count for _, count in table.columns):
        made.append(row("queries", [count for _, count in table.columns]))
    made.append("-" * len(made[-1]))
    for name, cells in table.rows:
        made.append(row(name, [cell.figure for cell in cells]))
        if any(cell.interval for cell in cells):
            made.append(row("", [cell.interval for cell in cells]))
    return "\n".join([table.title, *(line.rstrip() for line in made)])


def table_as_markdown(table: Table) -> str:
    """Lines without an end to the last; intervals stand in brackets after their figures."""
    heads = [f"{name} ({count})" if count else name for name, count in table.columns]
    made = ["| | " + " | ".join(heads) + " |", "|---|" + "---:|" * len(heads)]
    for name, cells in table.rows:
        name = name.replace("|", r"\|")
        spelt = [f"{cell.figure} ({cell.interval})" if cell.interval else cell.figure for cell in cells]
        made.append(f"| {name} | " + " | ".join(spelt) + " |")
    return "\n".join([f"**{table.title}**", "", *made])


def origin(report: Report) -> str:
    """Which model it is of."""
    branch = f", branch {report['branch']}" if report.get("branch") else ""
    return printable(f"checkpoint {report['checkpoint']}{branch}")


def _about(report: Report) -> str:
    return "\n".join([
        f"{printable(report['dataset'])}, split {report['split']}; {origin(report)}.",
        "In percent, with 95% bootstrap intervals over the queries; report.json has fractions of 1 and seconds.",
        "Random: what rankings by chance have on average.",
        *_notes(report),
    ])  # fmt: skip


def _answerable(report: Report) -> list[Table]:
    """The MAP without the queries that have no relevant candidate, where there are any."""
    if "unanswerable" not in report:
        return []
    lost: dict[str, int] = report["unanswerable"]["queries"]
    answerable = {"queries": {key: count - lost[key] for key, count in report["queries"].items()}}
    title = "MAP without the queries that have no relevant candidate, %"
    return [tabulate(title, answerable, lines(report, "MAP_answerable"))]


def _notes(report: Report) -> list[str]:
    """What was left out, and which queries have no relevant candidate."""
    notes = []
    if skipped := report.get("skipped"):
        notes.append(f"Left out by --skip-bad: {describe(skipped)}.")
    if lost := report.get("unanswerable"):
        names = Vocabulary(list(lost["queries"]))
        each = [
            f"{names[key].name()} {lost['queries'][key]} {format_examples(some, lost['queries'][key])}"
            for key, some in lost["examples"].items()
        ]
        notes.append(f"Queries without a relevant candidate, which score 0 as published: {', '.join(each)}.")
    return [printable(note) for note in notes]


def _applicability(report: Report) -> Table:
    areas, counts = report["applicability"], report["parts"]
    rows = [("AUC", [NOTHING if area is None else f"{area:.3f}" for area in areas.values()])]
    rows += [(name, [*(str(own[at]) for own in counts.values()), ""]) for at, name in enumerate(["have it", "lack it"])]
    return Table(
        "Which garments have such a part at all: area under the ROC curve",
        tuple((name, "") for name in (*_attributes(counts), "Mean of attributes")),
        tuple((name, tuple(map(Cell, cells))) for name, cells in rows),
    )


def _attributes(keys: Iterable[str]) -> list[str]:
    return [attribute.name() for attribute in Vocabulary(list(keys))]


def _cell(line: Line, key: str, spell: Callable[[float], str]) -> Cell:
    figure, interval = line.figures[key], line.intervals[key] if line.intervals else None
    if figure is None:
        return Cell(NOTHING)
    return Cell(spell(figure), f"{spell(interval[0])}-{spell(interval[1])}" if interval else "")
