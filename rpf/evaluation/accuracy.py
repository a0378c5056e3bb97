"""Published accuracy of a checkpoint: the reports of `rpf evaluate` in the folders `test` and `NAME-test` beside it."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER, REPORT = "test", "report.json"
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

    @property
    def sure_count(self) -> int:
        """Return the number of labels whose value is told with at least SURE probability."""
        return round(self.sure_share * self.labels)


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


@dataclass(frozen=True)
class AccuracyReport:
    """Accuracy on one set of test images."""

    dataset: str  # its name
    accuracy: tuple[Accuracy, ...]  # of each attribute with queries, and overall
    recognition: Recognition


def read_reports(checkpoint: Path, checkpoint_hash: str) -> tuple[AccuracyReport, ...]:
    """Read the reports of these weights, that of the folder `test` first."""
    reports = []
    for folder in (checkpoint.parent / FOLDER, *sorted(checkpoint.parent.glob(f"*-{FOLDER}"))):
        with suppress(*UNUSABLE):
            report = json.loads((folder / REPORT).read_bytes())
            if report["checkpoint_sha256"] == checkpoint_hash:
                reports.append(
                    AccuracyReport(str(report.get("dataset", "")), _read_accuracy(report), _read_recognition(report))
                )
    return tuple(report for report in reports if report.accuracy or report.recognition != Recognition())


def _read_recognition(report: Mapping[str, Any]) -> Recognition:
    """Read how well values are recognised; empty where that was not measured."""
    try:
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


def _read_accuracy(report: Mapping[str, Any]) -> tuple[Accuracy, ...]:
    """Read the accuracy for each attribute with queries, and overall; empty where a figure is missing."""
    try:
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
