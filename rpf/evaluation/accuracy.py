"""What was measured of a checkpoint: the report that `python -m rpf evaluate` left in the folder `test` beside it."""

import json
from dataclasses import dataclass
from pathlib import Path

REPORT = Path("test") / "report.json"


@dataclass(frozen=True)
class Accuracy:
    """Mean average precision of rankings of pictures that the model had not seen; shares of 1."""

    key: str  # an attribute, or "overall"
    queries: int
    precision: float
    low: float  # of the 95% interval
    high: float
    chance: float  # what rankings by chance have on average


def read_accuracy(checkpoint: Path, checkpoint_hash: str) -> tuple[Accuracy, ...]:
    """One for each attribute that has queries, and overall; nothing where there is no such report of these weights."""
    try:
        report = json.loads((checkpoint.parent / REPORT).read_bytes())
        if report["checkpoint_sha256"] != checkpoint_hash:
            return ()
        exact, chance, counts = report["methods"]["none"], report["random"]["MAP"], report["queries"]
        counts = {**{key: int(number) for key, number in counts.items() if number}, "overall": sum(counts.values())}
        found = []
        for key, number in counts.items():
            low, high = map(float, exact["intervals"]["MAP"][key])
            found.append(Accuracy(key, number, float(exact["MAP"][key]), low, high, float(chance[key])))
        return tuple(found)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return ()
