"""Comparison of evaluation reports: one split searched exactly with several models."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rpf.errors import ConfigError, printable
from rpf.evaluation.report import EvaluationReport, Series
from rpf.evaluation.tables import Table, origin, table_as_text, tabulate


@dataclass(frozen=True)
class Comparison:
    """The MAP over the whole ranking by exact search, of reports on the same queries."""

    title: str
    first: EvaluationReport
    rows: tuple[Series, ...]  # random ranking, then one for each report
    origins: tuple[str, ...]  # the model of each report

    def format(self, format_table: Callable[[Table], str] = table_as_text) -> str:
        models = [f"- {row.name}: {model}" for row, model in zip(self.rows[1:], self.origins, strict=True)]
        about = "In percent, with 95% bootstrap intervals over the queries. Random ranking: its average.\n"
        return format_table(tabulate(self.title, self.first, self.rows)) + f"\n\n{about}\n" + "\n".join(models) + "\n"


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
    random = Series("Random ranking", first["random"]["MAP"])
    rows = [_exact_series(name, report) for name, report in zip(names, reports, strict=True)]
    return Comparison(title, first, (random, *rows), tuple(map(origin, reports)))


def _read(file: Path) -> EvaluationReport:
    try:
        report: EvaluationReport = json.loads(file.read_bytes())
        # Use everything that a comparison needs.
        tabulate("", report, [Series("", report["random"]["MAP"]), _exact_series("", report)])
        report["candidates"], origin(report), _split(report)
    except (ValueError, LookupError, TypeError, AttributeError):
        raise ConfigError(
            "%(file)s is not a report.json with exact search (rpf evaluate --methods none).", file=file
        ) from None
    return report


def _exact_series(name: str, report: EvaluationReport) -> Series:
    exact = report["methods"]["none"]
    return Series(printable(name), exact["MAP"], exact["intervals"]["MAP"])


def _split(report: EvaluationReport) -> str:
    return printable(f"{report['dataset']}, split {report['split']}")
