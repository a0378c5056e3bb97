"""What the site says of a model's accuracy: only what a report of these very weights says."""

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


def test_it_is_read_from_the_report_beside_the_checkpoint(tmp_path: Path) -> None:
    found = read_accuracy(write(tmp_path, json.dumps(report())), "abc")
    assert [own.key for own in found] == ["sleeve_length", "skirt_length", "overall"]
    assert (found[0].queries, found[0].precision, found[0].low, found[0].high, found[0].chance) == (
        30, 0.8, 0.7, 0.9, 0.3,
    )  # fmt: skip
    assert found[-1].queries == 40


def test_a_report_of_other_weights_or_none_says_nothing(tmp_path: Path) -> None:
    assert read_accuracy(tmp_path / "model.safetensors", "abc") == ()
    assert read_accuracy(write(tmp_path, json.dumps(report())), "other") == ()


@pytest.mark.parametrize("path", [("methods",), ("random", "MAP"), ("methods", "none", "intervals", "MAP", "overall")])
@pytest.mark.parametrize("value", [None, "text", [], {}, [1]])
def test_a_report_that_is_not_whole_says_nothing(tmp_path: Path, path: tuple[str, ...], value: object) -> None:
    broken = part = report()
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    assert read_accuracy(write(tmp_path, json.dumps(broken)), "abc") == ()
    assert read_accuracy(write(tmp_path, json.dumps(report())[:-9]), "abc") == ()
