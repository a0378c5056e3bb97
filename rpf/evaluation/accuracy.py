"""Published accuracy of a checkpoint: the report of `rpf evaluate` in the folder `test` beside it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPORT = Path("test") / "report.json"
UNUSABLE = (OSError, ValueError, LookupError, TypeError, AttributeError)


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


@dataclass(frozen=True)
class ValueAccuracy:
    """How often the likeliest value of an attribute is right on test images, as fractions of 1."""

    key: str
    labels: int
    accuracy: float
    sure_accuracy: float | None  # of values that are told with at least SURE probability; None without any
    sure_share: float  # of all labels
    values: tuple[int, ...]
    counts: tuple[tuple[int, ...], ...]  # a row for each true value, a column for each told one


@dataclass(frozen=True)
class WordMeaning:
    """What a word for closeness stands for, and what was measured."""

    word: str
    meaning: float
    measured: float
    pairs: int


@dataclass(frozen=True)
class Recognition:
    """Accuracy of values and of words for closeness."""

    values: tuple[ValueAccuracy, ...] = ()
    words: tuple[WordMeaning, ...] = ()


def read_recognition(checkpoint: Path, checkpoint_hash: str) -> Recognition:
    """Read how well values are recognised; empty without a report of these weights."""
    try:
        report = _read_report(checkpoint, checkpoint_hash)
        values = tuple(
            ValueAccuracy(
                key,
                int(row["labels"]),
                float(row["accuracy"]),
                None if row["sure_accuracy"] is None else float(row["sure_accuracy"]),
                float(row["sure_share"]),
                tuple(map(int, row["confusion"]["values"])),
                tuple(tuple(map(int, counts)) for counts in row["confusion"]["counts"]),
            )
            for key, row in report["values"].items()
            if row and key != "overall"
        )
        words = tuple(
            WordMeaning(word, float(row["meaning"]), float(row["measured"]), int(row["pairs"]))
            for word, row in report["words"].items()
            if row["pairs"]
        )
        return Recognition(values, words)
    except UNUSABLE:
        return Recognition()


def read_accuracy(checkpoint: Path, checkpoint_hash: str) -> tuple[Accuracy, ...]:
    """Read the accuracy for each attribute with queries, and overall; empty without a report of these weights."""
    try:
        report = _read_report(checkpoint, checkpoint_hash)
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
    except UNUSABLE:
        return ()


def _read_report(checkpoint: Path, checkpoint_hash: str) -> dict[str, Any]:
    """Read the report of these weights. Raises one of UNUSABLE where there is none."""
    report = json.loads((checkpoint.parent / REPORT).read_bytes())
    if report["checkpoint_sha256"] != checkpoint_hash:
        raise ValueError("it is of other weights")
    return dict(report)
