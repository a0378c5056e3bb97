"""A report's files."""

import json
from pathlib import Path

from rpf.evaluation.plots import map_per_attribute, recall_against_speed
from rpf.evaluation.report import Report
from rpf.evaluation.tables import as_markdown, as_text
from rpf.files import write_atomic


def write_report(folder: Path, report: Report) -> None:
    """Write report.json, .txt, .md, map.png and recall.png to `folder`, which exists; each is whole or not there."""
    files = {
        "report.txt": as_text(report).encode(),
        "report.md": as_markdown(report).encode(),
        "map.png": map_per_attribute(report),
        "recall.png": recall_against_speed(report),
        "report.json": (json.dumps(report, indent=1, ensure_ascii=False) + "\n").encode(),  # last: the rest is there
    }
    for name, data in files.items():
        write_atomic(folder / name, data)
