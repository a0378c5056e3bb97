"""Accuracy shown on the site: only from reports of the same weights."""

import json
from pathlib import Path

import pytest

from rpf.evaluation.accuracy import FOLDER, REPORT, read_reports


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
        "catalogue": {"MAP": {"sleeve_length": 0.7, "neck_design": None, "skirt_length": None, "overall": 0.7}},
    }


def write(base: Path, text: str, folder: str = FOLDER) -> Path:
    (base / folder).mkdir(exist_ok=True)
    (base / folder / REPORT).write_text(text)
    return base / "model.safetensors"


def test_read_reports_reads_the_report_beside_the_checkpoint(tmp_path: Path) -> None:
    [only] = read_reports(write(tmp_path, json.dumps(report())), "abc")
    rows = only.accuracy
    assert [row.key for row in rows] == ["sleeve_length", "skirt_length", "overall"]
    assert (rows[0].queries, rows[0].precision, rows[0].low, rows[0].high, rows[0].chance) == (
        30, 0.8, 0.7, 0.9, 0.3,
    )  # fmt: skip
    assert rows[-1].queries == 40
    assert [row.catalogue for row in rows] == [0.7, None, 0.7]
    earlier = {key: value for key, value in report().items() if key != "catalogue"}
    assert read_reports(write(tmp_path, json.dumps(earlier)), "abc")[0].accuracy[-1].catalogue is None


def test_read_reports_reads_those_of_other_test_sets_after_the_first(tmp_path: Path) -> None:
    for folder, dataset in (("street-test", "street"), ("test", "clothing"), ("test-valid", "other")):
        checkpoint = write(tmp_path, json.dumps({**report(), "dataset": dataset}), folder)
    assert [one.dataset for one in read_reports(checkpoint, "abc")] == ["clothing", "street"]


def test_read_reports_without_a_report_of_these_weights_is_empty(tmp_path: Path) -> None:
    assert read_reports(tmp_path / "model.safetensors", "abc") == ()
    assert read_reports(write(tmp_path, json.dumps(report())), "other") == ()


@pytest.mark.parametrize(
    "path", [("methods",), ("random", "MAP"), ("catalogue",), ("methods", "none", "intervals", "MAP", "overall")]
)
@pytest.mark.parametrize("value", [None, "text", [], {}, [1]])
def test_read_reports_of_an_incomplete_report_is_empty(tmp_path: Path, path: tuple[str, ...], value: object) -> None:
    broken = part = report()
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    assert read_reports(write(tmp_path, json.dumps(broken)), "abc") == ()
    assert read_reports(write(tmp_path, json.dumps(report())[:-9]), "abc") == ()
