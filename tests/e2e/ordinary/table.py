"""Table of a run: the outcome of each image at each door."""

from collections.abc import Iterable

import pytest

from tests.e2e.ordinary.doors import DOORS

NOT_SENT = "."


def table(reports: Iterable[pytest.TestReport]) -> list[str]:
    """Write a line for each image with a cell for each door: "ok", "skipped", or the status of the refusal."""
    cells: dict[tuple[str, str, float], dict[str, str]] = {}
    for report in reports:
        for key, value in report.user_properties:
            if key == "ordinary":
                door, size, name, megabytes = value
                cells.setdefault((size, name, megabytes), {})[door] = _cell(report)
    if not cells:
        return []
    rows = [["size", "image", "MB", *DOORS]]
    rows += [
        [size, name, f"{megabytes:.2f}", *(line.get(door, NOT_SENT) for door in DOORS)]
        for (size, name, megabytes), line in sorted(cells.items(), key=lambda row: (_megapixels(row[0][0]), row[0]))
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sent = [cell for line in cells.values() for cell in line.values()]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [*lines, f"{sent.count('ok')} of {len(sent)} accepted; {NOT_SENT} is not sent in this run"]


def _cell(report: pytest.TestReport) -> str:
    if not report.failed:
        return "ok" if report.passed else "skipped"
    crash = getattr(report.longrepr, "reprcrash", None)
    refusal = crash.message.partition("Refused: ")[2] if crash else ""
    return refusal.partition(":")[0] or "FAILED"


def _megapixels(size: str) -> float:
    return float(size.split()[0]) if size[0].isdigit() else 1e3
