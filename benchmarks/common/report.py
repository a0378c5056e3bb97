"""Reports as JSON and Markdown."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Formatter
from typing import Any

from rpf.cli.output import say
from rpf.utils.files import write_atomic

Row = Mapping[str, Any]


def table(rows: Iterable[Row], columns: Mapping[str, str]) -> list[str]:
    """Lay out rows as the lines of a Markdown table, its first column left-aligned.

    columns: title -> format string over the keys of a row. A cell without a value is "-"; a row with the key
    "unfinished" shows that text in its second cell.
    """
    first, *others = columns.values()
    lines = [f"| {' | '.join(columns)} |", "|---|" + "---:|" * len(others)]
    for row in rows:
        cells = [_cell(row, template) for template in others]
        if "unfinished" in row:
            cells = [row["unfinished"], *[""] * (len(others) - 1)]
        lines.append(f"| {' | '.join([_cell(row, first), *cells])} |")
    return lines


def _cell(row: Row, template: str) -> str:
    fields = [name.partition("[")[0] for _, name, _, _ in Formatter().parse(template) if name]
    return "-" if any(row.get(field) is None for field in fields) else template.format_map(row)


def write_json(path: Path, report: Row) -> None:
    """Write a report, and its folder where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, (json.dumps(report, indent=1) + "\n").encode())


def write_report(path: Path, report: Row, markdown: Sequence[str]) -> None:
    """Write a report as the JSON file `path`, its Markdown beside it, and print the Markdown."""
    write_json(path, report)
    write_atomic(path.with_suffix(".md"), "".join(f"{line}\n" for line in markdown).encode())
    say(*markdown)
