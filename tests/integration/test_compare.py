"""Comparison of reports: tables, plot, and refusals."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from rpf.cli import main

BROKEN: list[tuple[str, Callable[[dict[str, Any]], object]]] = [
    ("is of drawn, split valid, .* of wardrobe, split valid: they cannot", lambda it: it.update(dataset="drawn")),
    ("is of wardrobe, split test, .* of wardrobe, split valid: they cannot", lambda it: it.update(split="test")),
    ("has other numbers of queries or candidates", lambda it: it["queries"].update(sleeve_length=1)),
    ("has other numbers of queries or candidates", lambda it: it["candidates"].update(sleeve_length=1)),
    ("is not a report.json with exact search", lambda it: it["methods"].update(faiss=it["methods"].pop("none"))),
    ("is not a report.json with exact search", lambda it: it["random"]["MAP"].pop("overall")),
    ("is not a report.json with exact search", lambda it: it["methods"]["none"].pop("intervals")),
    ("is not a report.json with exact search", lambda it: it.pop("candidates")),
    ("is not a report.json with exact search", lambda it: it.update(queries=[3])),
]


@pytest.fixture(scope="module")
def reports(evaluate: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write region/report.json and patch/report.json into a folder."""
    base = tmp_path_factory.mktemp("reports")
    for branch in ("region", "patch"):
        options = ("--methods", "none,faiss", "--gallery", "all")
        evaluate("--split", "valid", *options, "--branch", branch, "--out", base / branch)
    return base


def compare(*args: object) -> Result:
    return CliRunner().invoke(main, ["compare", *map(str, args)])


def test_compare_writes_tables_and_a_plot(reports: Path, tmp_path: Path) -> None:
    files = [reports / name / "report.json" for name in ("patch", "region")]
    done = compare(*files, "--names", "the patch | alone, the region", "--out", tmp_path / "new" / "folder")
    assert done.exit_code == 0, done.output
    folder = tmp_path / "new" / "folder"
    text, markdown = (folder / "compare.txt").read_text(), (folder / "compare.md").read_text()
    assert done.stdout == text
    first, second = (json.loads(file.read_text()) for file in files)
    assert sum(first["queries"].values()) > 0

    exact, gain, catalogue, catalogue_gain = [
        [line for line in part.splitlines() if line.startswith("|")] for part in markdown.split("**")[2::2]
    ]
    heads, _, *rows = exact
    assert f"| Sleeve length ({first['queries']['sleeve_length']}) |" in heads
    assert f"| Overall ({sum(first['queries'].values())}) | Mean of attributes |" in heads
    names = ["Random ranking", r"the patch \| alone", "the region"]
    assert [row.removeprefix("| ").split(" | ")[0] for row in rows] == names
    assert f"| {100 * first['random']['MAP']['overall']:.1f} |" in rows[0]
    for row, report in zip(rows[1:], (first, second), strict=True):
        exact = report["methods"]["none"]
        low, high = (100 * end for end in exact["intervals"]["MAP"]["mean"])
        assert row.endswith(f"| {100 * exact['MAP']['mean']:.1f} ({low:.1f}-{high:.1f}) |")
        assert f"{100 * exact['MAP']['overall']:.1f}" in text
    for rows, before, after in (
        (gain, first["methods"]["none"], second["methods"]["none"]),
        (catalogue_gain, first["catalogue"], second["catalogue"]),
    ):
        assert len(rows) == 3
        name, *_, overall, _ = rows[2].removeprefix("| ").split(" | ")
        by, low, high = map(float, re.fullmatch(r"(\S+) \((\S+)\.\.(\S+)\)", overall).groups())  # type: ignore[union-attr]
        assert name == "the region" and by == pytest.approx(
            100 * (after["MAP"]["overall"] - before["MAP"]["overall"]), abs=0.06
        )
        assert low <= by <= high
    assert [row.split(" | ")[0] for row in catalogue[2:]] == [f"| {name}" for name in names]
    assert f"- the region: checkpoint {second['checkpoint']}, branch region" in text
    with Image.open(folder / "compare.png") as image:
        assert image.format == "PNG" and min(image.size) > 500


def test_compare_without_names_uses_the_folders(reports: Path, tmp_path: Path) -> None:
    done = compare(reports / "patch" / "report.json", reports / "region" / "report.json", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert re.findall(r"^(patch|region) ", done.stdout, re.M)[:2] == ["patch", "region"]
    wrong = compare(reports / "patch" / "report.json", "--names", "a,b", "--out", tmp_path / "x")
    assert wrong.exit_code == 2
    assert "2 names for 1 reports" in wrong.stderr
    assert not (tmp_path / "x").exists()


def test_compare_refuses_a_name_that_occurs_twice(reports: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    copy = shutil.copytree(reports / "patch", tmp_path / "other" / "patch")
    files = [reports / "patch" / "report.json", copy / "report.json"]
    for names in ([], ["--names", "a, a"]):
        done = compare(*files, *names, "--out", tmp_path / "x")
        assert done.exit_code == 2
        assert re.fullmatch('Error: Several reports are called "(patch|a)"; tell them apart .*--names.\n', done.stderr)
    assert not (tmp_path / "x").exists()
    assert compare(*files, "--names", "one,two", "--out", tmp_path / "x").exit_code == 0


def test_compare_escapes_control_characters(reports: Path, tmp_path: Path) -> None:
    report = json.loads((reports / "region" / "report.json").read_text())
    report |= {"dataset": "d\x1b[31m\nset", "checkpoint": "c\u202e.pth", "branch": "b\x9b"}
    (tmp_path / "report.json").write_text(json.dumps(report))
    done = compare(tmp_path / "report.json", "--names", "a\x1b\n$x_$ b", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert all(line.isprintable() for line in lines) and lines[0].startswith(r"d\x1b[31m\nset, split valid: MAP")
    assert r"- a\x1b\n$x_$ b: checkpoint c\u202e.pth, branch b\u009b" in lines
    assert (tmp_path / "compare.txt").read_text() == done.stdout


@pytest.mark.parametrize(("message", "damage"), BROKEN)
def test_compare_refuses_reports_that_do_not_fit(
    reports: Path, tmp_path: Path, message: str, damage: Callable[[dict[str, Any]], object]
) -> None:
    report = json.loads((reports / "region" / "report.json").read_text())
    damage(report)
    damaged = tmp_path / "report.json"
    damaged.write_text(json.dumps(report))
    done = compare(reports / "patch" / "report.json", damaged, "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert re.fullmatch(f"Error: .*{message}.*\n", done.stderr)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["", "[]", "3", "{}", "\xff", '{"split": "valid"}'])
def test_compare_refuses_files_that_are_not_reports(tmp_path: Path, text: str) -> None:
    (tmp_path / "report.json").write_bytes(text.encode("latin-1"))
    done = compare(tmp_path / "report.json", "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert "is not a report.json with exact search" in done.stderr
