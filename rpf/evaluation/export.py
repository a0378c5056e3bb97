"""The files of a report, and of a comparison."""

import json
from collections.abc import Mapping
from pathlib import Path

from rpf.evaluation.compare import Comparison
from rpf.evaluation.plots import dots, map_per_attribute, recall_against_speed
from rpf.evaluation.report import Report
from rpf.evaluation.tables import as_markdown, as_text
from rpf.utils.files import write_atomic


def write_report(folder: Path, report: Report) -> None:
    """Write report.json, .txt, .md, map.png and recall.png to `folder`, which exists; each is whole or not there."""
    files = {
        "report.txt": as_text(report).encode(),
        "report.md": as_markdown(report).encode(),
        "map.png": map_per_attribute(report),
        "recall.png": recall_against_speed(report),
        "report.json": (json.dumps(report, indent=1, ensure_ascii=False) + "\n").encode(),  # last: the rest is there
    }
    _write(folder, files)


def write_comparison(folder: Path, comparison: Comparison) -> None:
    """Write compare.txt, .md and .png to `folder`, which exists; each is whole or not there."""
    files = {
        "compare.txt": comparison.as_text().encode(),
        "compare.md": comparison.as_markdown().encode(),
        "compare.png": dots(comparison.title, comparison.first, comparison.lines),
    }
    _write(folder, files)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        write_atomic(folder / name, data)
