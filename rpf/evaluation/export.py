"""Files of an evaluation report, and of a comparison."""

import json
from pathlib import Path

from rpf.evaluation.compare import Comparison
from rpf.evaluation.plots import confusion_matrices, dot_plot, map_per_attribute, recall_against_speed
from rpf.evaluation.report import EvaluationReport
from rpf.evaluation.tables import format_report, table_as_markdown
from rpf.utils.files import write_atomic


def write_report(folder: Path, report: EvaluationReport) -> None:
    """Write report.txt, .md, the plots, and report.json last, to an existing folder, each atomically."""
    files = {
        "report.txt": format_report(report).encode(),
        "report.md": format_report(report, table_as_markdown).encode(),
        "map.png": map_per_attribute(report),
        "recall.png": recall_against_speed(report),
        **({"confusion.png": confusion_matrices(report)} if "values" in report else {}),
        "report.json": (json.dumps(report, indent=1, ensure_ascii=False) + "\n").encode(),
    }
    for name, data in files.items():
        write_atomic(folder / name, data)


def write_comparison(folder: Path, comparison: Comparison) -> None:
    """Write compare.txt, .md and .png to an existing folder, each atomically."""
    write_atomic(folder / "compare.txt", comparison.format().encode())
    write_atomic(folder / "compare.md", comparison.format(table_as_markdown).encode())
    write_atomic(folder / "compare.png", dot_plot(*comparison.plot))
