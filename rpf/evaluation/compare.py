"""Several reports side by side: one split searched exactly with several models."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rpf.errors import ConfigError, printable
from rpf.evaluation.report import Line, Report
from rpf.evaluation.tables import Table, origin, table_as_markdown, table_as_text, tabulate


@dataclass(frozen=True)
class Comparison:
    """The MAP over the whole ranking by exact search, of reports that measure the same."""

    title: str
    first: Report  # of its queries are all the others too
    lines: tuple[Line, ...]  # random ranking, then one for each report
    origins: tuple[str, ...]  # the model of each report

    def as_text(self) -> str:
        """For a terminal."""
        return self._said(table_as_text)

    def as_markdown(self) -> str:
        """For a README."""
        return self._said(table_as_markdown)

    def _said(self, spell: Callable[[Table], str]) -> str:
        models = [f"- {line.name}: {model}" for line, model in zip(self.lines[1:], self.origins, strict=True)]
        about = "In percent, with 95% bootstrap intervals over the queries. Random ranking: its average.\n"
        return spell(tabulate(self.title, self.first, self.lines)) + f"\n\n{about}\n" + "\n".join(models) + "\n"


def compare(files: Sequence[Path], names: Sequence[str]) -> Comparison:
    """Read one or more report.json, each with the name of its line.

    Raises ConfigError: a file is no report with exact search; not all are of the same dataset, split and queries.
    """
    reports = [_read(file) for file in files]
    first = reports[0]
    for file, report in zip(files, reports, strict=True):
        if _split(report) != _split(first):
            template = "%(file)s is of %(own)s, %(first)s of %(other)s: they cannot be compared."
            raise ConfigError(template, file=file, own=_split(report), first=files[0], other=_split(first))
        if any(report[side] != first[side] for side in ("queries", "candidates")):
            template = "%(file)s has other numbers of queries or candidates than %(first)s: they cannot be compared."
            raise ConfigError(template, file=file, first=files[0])
    title = f"{_split(first)}: MAP over the whole ranking by exact search"
    random = Line("Random ranking", first["random"]["MAP"])
    own = [_line(name, report) for name, report in zip(names, reports, strict=True)]
    return Comparison(title, first, (random, *own), tuple(map(origin, reports)))


def _read(file: Path) -> Report:
    try:
        report: Report = json.loads(file.read_bytes())
        tabulate("", report, [Line("", report["random"]["MAP"]), _line("", report)])  # all is there that is needed
        report["candidates"], origin(report), _split(report)
    except (ValueError, LookupError, TypeError, AttributeError):
        template = "%(file)s is not a report.json with exact search (python -m rpf evaluate --methods none)."
        raise ConfigError(template, file=file) from None
    return report


def _line(name: str, report: Report) -> Line:
    exact = report["methods"]["none"]
    return Line(printable(name), exact["MAP"], exact["intervals"]["MAP"])


def _split(report: Report) -> str:
    return printable(f"{report['dataset']}, split {report['split']}")
