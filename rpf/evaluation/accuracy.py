"""Published accuracy of a checkpoint: the report of `rpf evaluate` in the folder `test` beside it."""

import json
from dataclasses import dataclass
from pathlib import Path

REPORT = Path("test") / "report.json"


@dataclass(frozen=True)
class Accuracy:
    """Mean average precision on test images, as fractions of 1."""

    key: str  # an attribute, or "overall"
    queries: int
    precision: float
    low: float  # of the 95% interval
    high: float
    chance: float  # mean over random rankings
    catalogue: float | None  # over the whole catalogue, in which items without the part count as wrong; None: unknown


def read_accuracy(checkpoint: Path, checkpoint_hash: str) -> tuple[Accuracy, ...]:
    """Read the accuracy for each attribute with queries, and overall; empty without a report of these weights."""
    try:
        report = json.loads((checkpoint.parent / REPORT).read_bytes())
        if report["checkpoint_sha256"] != checkpoint_hash:
            return ()
        exact, chance, counts = report["methods"]["none"], report["random"]["MAP"], report["queries"]
        counts = {**{key: int(number) for key, number in counts.items() if number}, "overall": sum(counts.values())}
        means, intervals = exact["MAP"], exact["intervals"]["MAP"]
        catalogue = report["catalogue"]["MAP"] if "catalogue" in report else {}
        return tuple(
            Accuracy(
                key,
                number,
                float(means[key]),
                float(intervals[key][0]),
                float(intervals[key][1]),
                float(chance[key]),
                None if (figure := catalogue.get(key)) is None else float(figure),
            )
            for key, number in counts.items()
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return ()
