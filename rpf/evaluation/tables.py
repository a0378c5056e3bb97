"""Tables of evaluation reports, as text and Markdown."""

import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rpf.attributes import Vocabulary
from rpf.datasets.image_check import describe
from rpf.errors import printable
from rpf.evaluation.report import EvaluationReport, Series, series
from rpf.utils.text import format_examples

CELL_WIDTH = 12  # room for 100.0-100.0
NO_FIGURE = "-"  # of an attribute without queries


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def signed_percent(share: float) -> str:
    return f"{100 * share:+.1f}"


def milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.3f}"


@dataclass(frozen=True)
class Cell:
    figure: str
    interval: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of methods, or of models, and columns of attributes."""

    title: str
    columns: tuple[tuple[str, str], ...]  # name, number of queries
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def tables(report: EvaluationReport) -> list[Table]:
    """Tabulate MAP, MAP@k and recall@k with intervals, milliseconds per query, and presence if the report has it."""
    k = report["topk"]
    times = series(report, "seconds")
    return [
        tabulate("MAP over the whole ranking, %", report, series(report, "MAP")),
        *_answerable(report),
        tabulate(f"MAP@{k}, %", report, series(report, f"MAP@{k}")),
        tabulate(f"Recall@{k} against the exact ranking, %", report, series(report, f"recall@{k}")),
        tabulate(f"Milliseconds to find the first {k}, one query at a time", report, times, milliseconds),
        *_presence(report),
        *_catalogue(report),
        *_values(report),
        *_words(report),
        *_wanted_values(report),
    ]


def tabulate(
    title: str, report: EvaluationReport, rows: Iterable[Series], format_figure: Callable[[float], str] = percent
) -> Table:
    """Tabulate series under the report's attributes, overall and mean."""
    queries = report["queries"]
    keys = (*queries, "overall", "mean")
    columns = (*_attributes(queries), "Overall", "Mean of attributes")
    counts = (*map(str, queries.values()), str(sum(queries.values())), "")
    return Table(
        title,
        tuple(zip(columns, counts, strict=True)),
        tuple((row.name, tuple(_cell(row, key, format_figure) for key in keys)) for row in rows),
    )


def table_as_text(table: Table) -> str:
    """Format a table as text without a final newline, intervals below their figures."""
    names = [textwrap.wrap(name, CELL_WIDTH - 1) for name, _ in table.columns]
    height = max(map(len, names))
    heads = [[""] * (height - len(words)) + words for words in names]
    width = max(len("queries"), *(len(name) for name, _ in table.rows)) + 1

    def row(name: str, cells: Sequence[str]) -> str:
        return f"{name:<{width}}" + "".join(f"{cell:>{CELL_WIDTH}}" for cell in cells)

    lines = [row("", [words[at] for words in heads]) for at in range(height)]
    if any(count for _, count in table.columns):
        lines.append(row("queries", [count for _, count in table.columns]))
    lines.append("-" * len(lines[-1]))
    for name, cells in table.rows:
        lines.append(row(name, [cell.figure for cell in cells]))
        if any(cell.interval for cell in cells):
            lines.append(row("", [cell.interval for cell in cells]))
    return "\n".join([table.title, *(line.rstrip() for line in lines)])


def table_as_markdown(table: Table) -> str:
    """Format a table as Markdown without a final newline; intervals and numbers of queries are in brackets."""
    heads = [f"{name} ({count})" if count else name for name, count in table.columns]
    lines = ["| | " + " | ".join(heads) + " |", "|---|" + "---:|" * len(heads)]
    for name, cells in table.rows:
        name = name.replace("|", r"\|")
        texts = [f"{cell.figure} ({cell.interval})" if cell.interval else cell.figure for cell in cells]
        lines.append(f"| {name} | " + " | ".join(texts) + " |")
    return "\n".join([f"**{table.title}**", "", *lines])


def format_report(report: EvaluationReport, format_table: Callable[[Table], str] = table_as_text) -> str:
    """Format a report for a terminal, or with `table_as_markdown` as Markdown."""
    return "\n\n".join([_about(report), *map(format_table, tables(report))]) + "\n"


def origin(report: EvaluationReport) -> str:
    """Name the model of a report."""
    branch = f", branch {report['branch']}" if report.get("branch") else ""
    return printable(f"checkpoint {report['checkpoint']}{branch}")


def _about(report: EvaluationReport) -> str:
    return "\n".join([
        f"{printable(report['dataset'])}, split {report['split']}; {origin(report)}.",
        "In percent, with 95% bootstrap intervals over the queries; report.json has fractions of 1 and seconds.",
        "Random: the average of random rankings.",
        *_notes(report),
    ])  # fmt: skip


def _answerable(report: EvaluationReport) -> list[Table]:
    """Tabulate the MAP without the queries that have no relevant candidate, if there are any."""
    if "unanswerable" not in report:
        return []
    excluded: dict[str, int] = report["unanswerable"]["queries"]
    answerable = EvaluationReport(queries={key: count - excluded[key] for key, count in report["queries"].items()})
    title = "MAP without the queries that have no relevant candidate, %"
    return [tabulate(title, answerable, series(report, "MAP_answerable"))]


def _notes(report: EvaluationReport) -> list[str]:
    """Describe skipped images, and queries without a relevant candidate."""
    notes = []
    if skipped := report.get("skipped"):
        notes.append(f"Left out by --skip-bad: {describe(skipped)}.")
    if unanswerable := report.get("unanswerable"):
        counts = unanswerable["queries"]
        names = Vocabulary(list(counts))
        attributes = [
            f"{names[key].name()} {counts[key]} {format_examples(paths, counts[key])}"
            for key, paths in unanswerable["examples"].items()
        ]
        notes.append(f"Queries without a relevant candidate, which score 0 as published: {', '.join(attributes)}.")
    return [printable(note) for note in notes]


def _presence(report: EvaluationReport) -> list[Table]:
    if "presence" not in report:
        return []
    areas, counts = report["presence"], report["presence_counts"]
    rows = [("AUC", [NO_FIGURE if area is None else f"{area:.3f}" for area in areas.values()])]
    error = percent(report["presence_calibration_error"])
    for at, name in enumerate(["present", "missing"]):
        rows.append((name, [*(str(pair[at]) for pair in counts.values()), ""]))
    return [
        Table(
            f"Presence of the part: area under the ROC curve (expected calibration error {error}%)",
            tuple((name, "") for name in (*_attributes(counts), "Mean of attributes")),
            tuple((name, tuple(map(Cell, cells))) for name, cells in rows),
        )
    ]


def _catalogue(report: EvaluationReport) -> list[Table]:
    if "catalogue" not in report:
        return []
    figures, queries = report["catalogue"], EvaluationReport(queries=report["catalogue"]["queries"])
    listed = []
    for name, title in (("MAP", "MAP"), ("P@12", "precision of the first 12")):
        rows = [
            Series("Each query counts the same", figures[name], figures["intervals"][name]),
            Series("Each value counts the same", figures["by_value"][name]),
        ]
        if name in figures["random"]:
            rows.append(Series("Random", figures["random"][name]))
        listed.append(tabulate(f"The whole catalogue as on the site: {title}, %", queries, rows))
    return listed


def _values(report: EvaluationReport) -> list[Table]:
    """Tabulate how often the likeliest value is right, and the confusions of each attribute."""
    if "values" not in report:
        return []
    figures, keys = report["values"], [key for key in report["queries"] if report["values"][key]]
    names = {
        "accuracy": "Right",
        "balanced_accuracy": "Right, each value counting the same",
        "calibration_error": "Expected calibration error",
        "confident_accuracy": "Right where the probability is 80% or more",
        "confident_share": "Share of such labels",
        "sure_accuracy": "Right where it is 95% or more",
        "sure_share": "Share of such labels",
    }
    rows = [
        (title, tuple(Cell(NO_FIGURE if (figure := figures[key].get(name)) is None else percent(figure)) for key in
                      (*keys, "overall")))
        for name, title in names.items()
    ]  # fmt: skip
    columns = [(name, str(figures[key]["labels"])) for name, key in zip(_attributes(keys), keys, strict=True)]
    columns.append(("Overall", str(figures["overall"]["labels"])))
    tables = [Table("The likeliest value, %; in the second line the number of labels", tuple(columns), tuple(rows))]
    for attribute in Vocabulary(keys):
        confusion = figures[attribute.key]["confusion"]
        heads = tuple((attribute.value_name(value), "") for value in confusion["values"])
        lines = [
            (name, tuple(Cell(str(n)) for n in row)) for (name, _), row in zip(heads, confusion["counts"], strict=True)
        ]
        tables.append(Table(f"{attribute.name()}: true values in rows, likeliest ones in columns", heads, tuple(lines)))
    return tables


def _words(report: EvaluationReport) -> list[Table]:
    """Tabulate what the words for closeness stand for, and the share of such pairs that have the same value."""
    if "words" not in report:
        return []
    figures, rows = report["words"], []
    for word, of_word in figures.items():
        shares = [of_word["meaning"], of_word["measured"], *of_word["by_attribute"].values()]
        rows.append((
            f"{word} ({of_word['pairs']} pairs)",
            tuple(Cell(NO_FIGURE if share is None else percent(share)) for share in shares),
        ))  # fmt: skip
    keys = next(iter(figures.values()))["by_attribute"]
    columns = tuple((name, "") for name in ("Stands for", "Measured", *_attributes(keys)))
    return [Table("Words on the first page: share of results with the query's value, %", columns, tuple(rows))]


def _wanted_values(report: EvaluationReport) -> list[Table]:
    """Tabulate the precision of searches for a value alone."""
    rows = [
        (f"{attribute.name()}: {attribute.value_name(int(value))}", figures)
        for attribute in Vocabulary(list(report.get("wanted_values", ())))
        for value, figures in report["wanted_values"][attribute.key].items()
    ]
    if not rows:
        return []
    columns = (("Images", ""), ("Precision of the first 12, %", ""))
    return [
        Table(
            "Search for a value, without an image",
            columns,
            tuple((name, (Cell(str(row["images"])), Cell(percent(row["P@12"])))) for name, row in rows),
        )
    ]


def _attributes(keys: Iterable[str]) -> list[str]:
    return [attribute.name() for attribute in Vocabulary(list(keys))]


def _cell(row: Series, key: str, format_figure: Callable[[float], str]) -> Cell:
    figure, interval = row.figures[key], row.intervals[key] if row.intervals else None
    if figure is None:
        return Cell(NO_FIGURE)
    separator = ".." if format_figure is signed_percent else "-"
    return Cell(format_figure(figure), separator.join(map(format_figure, interval)) if interval else "")
