"""Reports as JSON and Markdown."""

import json
from collections.abc import Iterable, Mapping
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
        if "unfinished" in row:
            cells = [row["unfinished"], *[""] * (len(others) - 1)]
        else:
            cells = [_cell(row, template) for template in others]
        lines.append(f"| {' | '.join([_cell(row, first), *cells])} |")
    return lines


def _cell(row: Row, template: str) -> str:
    fields = [name.partition("[")[0] for _, name, _, _ in Formatter().parse(template) if name]
    return "-" if any(row.get(field) is None for field in fields) else template.format_map(row)


def write_json(path: Path, report: Any) -> None:
    """Write a report; its folder exists."""
    write_atomic(path, (json.dumps(report, indent=1) + "\n").encode())


def write_report(folder: Path, name: str, report: Any, markdown: str) -> None:
    """Write NAME.json and NAME.md to `folder`, which is made where it is missing, and print the Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / f"{name}.json", report)
    write_atomic(folder / f"{name}.md", markdown.encode())
    say(*markdown.splitlines())
