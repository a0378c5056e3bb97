"""File names of any characters, as shown on a terminal, in a log and in a spreadsheet."""

import csv
import io
import json
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask.testing import FlaskClient

from rpf.cli import main
from rpf.cli.output import LineFormatter
from rpf.errors import printable
from rpf.settings import Settings
from tests.support.commands import ROOT, environment
from webapp import create_app
from webapp.middleware.request_log import JSONFormatter

NAMES = [
    '+"q",\n.jpg', "-x.jpg", "=1+1.jpg", "@sum.jpg", "a\x1b[31mred.jpg", "c1\x9b5m.jpg", "line\nbreak.jpg", "tab\t.jpg",
    "ảnh áo.jpg", "\u202egpj.exe.jpg",
]  # fmt: skip
NOT_UTF8 = os.fsdecode(b"\xff\xfe.jpg")
HOLLOW = "hol\x1blow\n.jpg"
RAW = re.compile("[\0-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")  # a terminal obeys it
BAR = re.compile(r"\r[^\r\n]*")  # of progress
SLEEVES = ("--attrs", "sleeve length")


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path) -> Settings:
    """Return settings over a folder without collections whose own name has control characters."""
    base = tmp_path_factory.mktemp("names") / "b\x1b\nase"
    return Settings(
        collections=base / "collections", collection="utf-8", checkpoint=tiny_checkpoint, instance=base / "instance"
    )


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory, wardrobe: Iterable[Path]) -> Path:
    folder = tmp_path_factory.mktemp("ima\x1bges")
    for source, name in zip(wardrobe, [*NAMES, NOT_UTF8], strict=False):
        shutil.copy(source, folder / name)
    (folder / HOLLOW).write_bytes(b"not an image")
    return folder


class Terminal:
    """The command line as a terminal of some encoding sees it."""

    def __init__(self, settings: Settings, encoding: str) -> None:
        self._runner = CliRunner(encoding, environment(settings))

    def __call__(self, *args: object, status: int = 0) -> list[str]:
        """Run a command; return the lines of standard output, then of standard error without progress bars."""
        done: Result = self._runner.invoke(main, list(map(str, args)))
        assert done.exit_code == status, (done.output, done.exception)
        lines = (done.stdout + BAR.sub("", done.stderr)).splitlines()
        assert not [line for line in lines if RAW.search(line)]
        return [line for line in lines if line]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_commands_print_one_printable_line_each(
    odd: Settings, images: Path, tmp_path: Path, photo: Path, encoding: str
) -> None:
    def shown(name: str) -> str:
        return printable(name).encode(encoding, "backslashreplace").decode(encoding)

    terminal = Terminal(odd, encoding)
    added, *skipped = terminal("index", encoding, images, status=3)
    assert f"{len(NAMES)} added, 0 unchanged, 2 skipped" in added
    assert len(skipped) == 2 and skipped[0].startswith(r"skipped hol\x1blow\n.jpg: ")

    query = images / NAMES[4]
    _, *rows = terminal("search", encoding, query, *SLEEVES)
    assert {line.split(maxsplit=3)[3] for line in rows} == {shown(name) for name in NAMES}
    (answer,) = terminal("search", encoding, query, *SLEEVES, "--json")
    assert {row["path"] for row in json.loads(answer)["results"]} == set(NAMES)

    gone = images / NAMES[6]
    gone.rename(tmp_path / "away")
    problem, name, total = terminal("verify", encoding, status=1)
    assert problem.startswith("problem: 1 item whose image is missing") and "1 problems" in total
    assert name.startswith(r"  line\nbreak.jpg (item ")
    (tmp_path / "away").rename(gone)

    shutil.copy(photo, tmp_path / f"{encoding}\x1b\n.jpg")
    assert "1 added" in terminal("add", encoding, "--copy", tmp_path / f"{encoding}\x1b\n.jpg")[0]
    (images / f"{encoding}\x1b\n.jpg").unlink()
    (refused,) = terminal("add", encoding, tmp_path / f"{encoding}\x1b\n.jpg", status=2)
    assert rf'{encoding}\x1b\n.jpg" lies outside' in refused and r"ima\x1bges" in refused
    assert len(terminal("remove", encoding, 1)) == 2

    archive = os.fsdecode(b"E\x1b\xff.npz")
    (embedded,) = terminal("embed", "--out", tmp_path / archive, images / NOT_UTF8)
    assert r"E\x1b\xff.npz: 1 " in embedded
    (error,) = terminal("search", encoding, os.fsdecode(b"no\n\xff\x9b.jpg"), *SLEEVES, status=2)
    assert error == r"Error: no\n\xff\x9b.jpg: No such file or directory"
    (error,) = terminal("search", encoding, query, "--attrs", "no\x1b\u202e\nsuch", status=2)
    assert "We can't compare" in error
    (error,) = terminal("in\x1b\ndex", status=2)
    assert error.startswith("Error: No such command")
    (error,) = terminal("index", "../\x1b\n", images, status=2)
    assert r'"../\x1b\n"' in error
    assert any(f"{encoding}" in line for line in terminal("doctor"))


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_command_on_a_terminal_of_few_letters_escapes_the_others(tmp_path: Path, encoding: str) -> None:
    command = ["wardrobe", "--count", "1", "--size", "64", "--workers", "1", "--out", "ảnh áo"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-m", "rpf", *command], cwd=tmp_path, env=env, capture_output=True)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    assert done.stdout == "ảnh áo: 1 garments\n".encode(encoding, "backslashreplace")


@pytest.mark.parametrize("args", [[], ["--help"], ["optimize", "--help"]])
def test_command_whose_reader_has_left_ends_without_a_traceback(args: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-m", "rpf", *args], cwd=ROOT, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


def test_command_log_lines_are_printable() -> None:
    record = logging.LogRecord("rpf", logging.WARNING, "", 0, "left out: %s", ("a\x1b\nb\x9b\u202e",), None)
    assert LineFormatter().format(record) == r"left out: a\x1b\nb\u009b\u202e"
    program = "import logging, rpf.cli.output as o; o.prepare_output(); logging.getLogger('rpf').warning('a\\x1bb\\nc')"
    warned = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True)
    assert warned.stderr == b"a\\x1bb\\nc\n"


def test_site_log_is_valid_json_in_any_encoding() -> None:
    record = logging.LogRecord("rpf", logging.WARNING, "", 0, "%s", ("độ dài é 😀 \x9b\u202e\n",), None)
    line = JSONFormatter().format(record)
    assert line.isascii() and line.isprintable()
    assert json.loads(line)["message"] == "độ dài é 😀 \x9b\u202e\n"


@pytest.fixture(scope="module")
def client(odd: Settings, images: Path) -> FlaskClient:
    """Return a client of the site over a collection of these names."""
    Terminal(odd, "utf-8")("index", "utf-8", images, status=3)
    site = create_app(odd, TESTING=True, WTF_CSRF_ENABLED=False)
    loader = site.extensions["rpf"]
    loader.start()
    loader.wait()
    assert loader.ready, loader.failure
    return site.test_client()


def test_csv_export_texts_are_no_formulas_and_numbers_stay_numbers(client: FlaskClient) -> None:
    response = client.get("/c/utf-8/results.csv?item=2&a=sleeve_length")
    assert response.content_type == "text/csv; charset=utf-8"
    assert response.data.startswith(b"\xef\xbb\xbfrank,id,path,")
    rows = list(csv.DictReader(io.StringIO(response.data.decode("utf-8-sig"), newline="")))
    exact = client.get("/c/utf-8/results.json?item=2&a=sleeve_length").get_json()["results"]
    formulas = {name for name in NAMES if name[0] in "+-=@"}
    assert len(formulas) == 4 and "ảnh áo.jpg" in {row["path"] for row in rows}
    for row, hit in zip(rows, exact, strict=True):
        assert row["path"] == ("'" if hit["path"] in formulas else "") + hit["path"]
        assert (float(row["similarity"]), int(row["id"])) == (hit["similarity"], hit["id"])


def test_error_page_shows_the_address_escaped(client: FlaskClient) -> None:
    page = client.get("/c/no%E2%80%AE%1B%9Bsuch/", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert r"no\u202e\x1b" in page.get_data(as_text=True) and "\u202e" not in page.get_data(as_text=True)
