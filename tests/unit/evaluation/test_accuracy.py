"""Accuracy of a model, read only from a report of the very same weights."""

import json
from pathlib import Path

import pytest

from rpf.evaluation.accuracy import REPORT, read_accuracy


def report() -> dict:
    return {
        "checkpoint_sha256": "abc",
        "queries": {"sleeve_length": 30, "neck_design": 0, "skirt_length": 10},
        "random": {"MAP": {"sleeve_length": 0.3, "neck_design": None, "skirt_length": 0.4, "overall": 0.325}},
        "methods": {
            "none": {
                "MAP": {"sleeve_length": 0.8, "neck_design": None, "skirt_length": 0.6, "overall": 0.75},
                "intervals": {
                    "MAP": {
                        "sleeve_length": [0.7, 0.9],
                        "neck_design": None,
                        "skirt_length": [0.5, 0.7],
                        "overall": [0.7, 0.8],
                    }
                },
            }
        },
    }


def write(folder: Path, text: str) -> Path:
    (folder / REPORT).parent.mkdir(exist_ok=True)
    (folder / REPORT).write_text(text)
    return folder / "model.safetensors"


def test_read_accuracy_report_beside_the_checkpoint_is_read(tmp_path: Path) -> None:
    accuracies = read_accuracy(write(tmp_path, json.dumps(report())), "abc")
    assert [accuracy.key for accuracy in accuracies] == ["sleeve_length", "skirt_length", "overall"]
    first = accuracies[0]
    assert (first.queries, first.precision, first.low, first.high, first.chance) == (30, 0.8, 0.7, 0.9, 0.3)
    assert accuracies[-1].queries == 40


def test_read_accuracy_report_of_other_weights_or_none_gives_nothing(tmp_path: Path) -> None:
    assert read_accuracy(tmp_path / "model.safetensors", "abc") == ()
    assert read_accuracy(write(tmp_path, json.dumps(report())), "other") == ()


@pytest.mark.parametrize("path", [("methods",), ("random", "MAP"), ("methods", "none", "intervals", "MAP", "overall")])
@pytest.mark.parametrize("value", [None, "text", [], {}, [1]])
def test_read_accuracy_incomplete_report_gives_nothing(tmp_path: Path, path: tuple[str, ...], value: object) -> None:
    broken = part = report()
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    assert read_accuracy(write(tmp_path, json.dumps(broken)), "abc") == ()
    assert read_accuracy(write(tmp_path, json.dumps(report())[:-9]), "abc") == ()
