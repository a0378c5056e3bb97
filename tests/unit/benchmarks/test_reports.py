"""Reports of the benchmarks, and the help of their commands."""

import json

import pytest
from click.testing import CliRunner

from benchmarks.accuracy import garments, near_duplicates
from benchmarks.commands import benchmarks
from benchmarks.common.report import table
from benchmarks.inference import precision
from benchmarks.search import filters, report, shards
from benchmarks.serving import measure
from tests.support import ROOT

RESULTS = ROOT / "benchmarks" / "results"
WRITERS = {
    "filters": filters.as_markdown,
    "search": report.as_markdown,
    "search-milvus": report.as_markdown,
    "search-million": report.as_markdown,
    "shards": shards.as_markdown,
    "serving": measure.as_markdown,
    "serving-avx2": measure.as_markdown,
    "precision": precision.as_markdown,
    "duplicates": near_duplicates.as_markdown,
    "garments": garments.as_markdown,
}


def test_table_formats_values_and_marks_missing_ones() -> None:
    rows = [{"name": "a", "size": {"x": 1234.5}}, {"name": "b", "size": None}, {"name": "c", "unfinished": "killed"}]
    assert table(rows, {"": "{name}", "size": "{size[x]:,.0f}", "again": "{size[x]}"}) == [
        "|  | size | again |",
        "|---|---:|---:|",
        "| a | 1,234 | 1234.5 |",
        "| b | - | - |",
        "| c | killed |  |",
    ]


@pytest.mark.parametrize("folder", sorted(path.name for path in RESULTS.iterdir()))
def test_committed_markdown_is_that_of_the_committed_figures(folder: str) -> None:
    (figures,) = (RESULTS / folder).glob("*.json")
    lines = WRITERS[folder](json.loads(figures.read_bytes()))
    assert figures.with_suffix(".md").read_text(encoding="utf-8") == "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("name", sorted(benchmarks.commands))
def test_benchmark_command_has_help_with_an_example(name: str) -> None:
    done = CliRunner().invoke(benchmarks, [name, "--help"])
    assert done.exit_code == 0
    assert f"python -m benchmarks {name} " in done.stdout
