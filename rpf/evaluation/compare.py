"""Comparison of evaluation reports: one split searched exactly with several models."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rpf.errors import ConfigError, printable
from rpf.evaluation.report import EvaluationReport, Series, intervals, means
from rpf.evaluation.tables import Table, origin, signed_percent, table_as_text, tabulate


@dataclass(frozen=True)
class Comparison:
    """The MAP by exact search of reports on the same queries, and of the whole catalogue where all have it."""

    tables: tuple[Table, ...]
    plot: tuple[str, EvaluationReport, tuple[Series, ...]]  # title, report with the queries, rows of the first table
    origins: tuple[str, ...]  # name of each row and its model

    def format(self, format_table: Callable[[Table], str] = table_as_text) -> str:
        about = "In percent, with 95% bootstrap intervals over the queries. Random ranking: its average.\n"
        models = "".join(f"- {model}\n" for model in self.origins)
        return "\n\n".join([*map(format_table, self.tables), f"{about}\n{models}"])


def compare(files: Sequence[Path], names: Sequence[str]) -> Comparison:
    """Compare one or more report.json, each with the name of its row.

    Raises ConfigError if a name occurs twice, if a file is not a report with exact search, or if not all are of the
    same dataset, split and queries.
    """
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise ConfigError('Several reports are called "%(name)s"; tell them apart with --names.', name=repeated[0])
    reports = [_read(file) for file in files]
    first = reports[0]
    for file, report in zip(files, reports, strict=True):
        if _split(report) != _split(first):
            raise ConfigError(
                "%(file)s is of %(split)s, %(first)s of %(first_split)s: they cannot be compared.",
                file=file,
                split=_split(report),
                first=files[0],
                first_split=_split(first),
            )
        if (report["queries"], report["candidates"]) != (first["queries"], first["candidates"]):
            raise ConfigError(
                "%(file)s has other numbers of queries or candidates than %(first)s: they cannot be compared.",
                file=file,
                first=files[0],
            )
    title = f"{_split(first)}: MAP over the whole ranking by exact search"
    names = [printable(name) for name in names]
    rows, exact_tables = _tabulate(title, first, names, [report["methods"]["none"] for report in reports], first)
    catalogue_tables: list[Table] = []
    if all("catalogue" in report for report in reports):
        figures = [report["catalogue"] for report in reports]
        counts = EvaluationReport(queries=figures[0]["queries"])
        _, catalogue_tables = _tabulate(
            f"{_split(first)}: MAP of the whole catalogue", counts, names, figures, figures[0]
        )
    origins = tuple(f"{name}: {origin(report)}" for name, report in zip(names, reports, strict=True))
    return Comparison((*exact_tables, *catalogue_tables), (title, first, rows), origins)


def _tabulate(
    title: str,
    counts: EvaluationReport,
    names: Sequence[str],
    figures: Sequence[Mapping[str, Any]],
    random: Mapping[str, Any],
) -> tuple[tuple[Series, ...], list[Table]]:
    """Return the rows of a table of MAP, and the tables: of MAP, and of the gains over the first report if known."""
    rows = [Series("Random ranking", random["random"]["MAP"])]
    rows += [Series(name, row["MAP"], row["intervals"]["MAP"]) for name, row in zip(names, figures, strict=True)]
    tables = [tabulate(title, counts, rows)]
    values = [row.get("average_precision", {}) for row in figures]
    if len(values) > 1 and all(map(len, values)):
        first = values[0]
        gains = [
            {key: np.array(of_attribute) - first[key] for key, of_attribute in other.items()} for other in values[1:]
        ]
        gain_rows = [Series(name, means(gain), intervals(gain)) for name, gain in zip(names[1:], gains, strict=True)]
        tables.append(
            tabulate(f"{title}: gain over {names[0]}, on the same queries", counts, gain_rows, signed_percent)
        )
    return tuple(rows), tables


def _read(file: Path) -> EvaluationReport:
    try:
        report: EvaluationReport = json.loads(file.read_bytes())
        # Use everything that a comparison needs.
        _tabulate("", report, [""], [report["methods"]["none"]], report)
        report["candidates"], origin(report), _split(report)
    except (ValueError, LookupError, TypeError, AttributeError):
        raise ConfigError(
            "%(file)s is not a report.json with exact search (rpf evaluate --methods none).", file=file
        ) from None
    return report


def _split(report: EvaluationReport) -> str:
    return printable(f"{report['dataset']}, split {report['split']}")
