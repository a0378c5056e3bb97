"""Files of an evaluation report, and of a comparison."""

import json
from pathlib import Path

from rpf.evaluation.compare import Comparison
from rpf.evaluation.plots import dot_plot, map_per_attribute, recall_against_speed
from rpf.evaluation.report import EvaluationReport
from rpf.evaluation.tables import as_markdown, as_text
from rpf.utils.files import write_atomic


def write_report(folder: Path, report: EvaluationReport) -> None:
    """Write report.txt, .md, map.png, recall.png, and report.json last, to an existing folder, each atomically."""
    write_atomic(folder / "report.txt", as_text(report).encode())
    write_atomic(folder / "report.md", as_markdown(report).encode())
    write_atomic(folder / "map.png", map_per_attribute(report))
    write_atomic(folder / "recall.png", recall_against_speed(report))
    write_atomic(folder / "report.json", (json.dumps(report, indent=1, ensure_ascii=False) + "\n").encode())


def write_comparison(folder: Path, comparison: Comparison) -> None:
    """Write compare.txt, .md and .png to an existing folder, each atomically."""
    write_atomic(folder / "compare.txt", comparison.as_text().encode())
    write_atomic(folder / "compare.md", comparison.as_markdown().encode())
    write_atomic(folder / "compare.png", dot_plot(comparison.title, comparison.first, comparison.rows))
