import os
import sys

import click
import pytest
from click.testing import CliRunner

from rpf.cli import OneLineErrors, main
from rpf.cli.serve import serve
from tests.support import ROOT

GROUPS = {name: command for name, command in main.commands.items() if isinstance(command, click.Group)}
NAMES = [*main.commands, *(f"{name} {part}" for name, group in GROUPS.items() for part in group.commands)]


@pytest.mark.parametrize("name", NAMES)
def test_help_of_every_command_shows_an_example(name: str) -> None:
    text = CliRunner().invoke(main, [*name.split(), "--help"]).output
    assert "Example" in text and f"rpf {name}" in text


def test_help_lists_every_command_under_a_heading() -> None:
    lines = CliRunner().invoke(main, ["--help"]).output.splitlines()
    headings = [line.rstrip(":") for line in lines if line.endswith(":")]
    assert headings[-len(main.sections) :] == list(main.sections)
    listed = [line.split()[0] for line in lines if line.startswith("  ")]
    assert [word for word in listed if word in main.commands] == list(main.commands)


def test_resumable_commands_exist() -> None:
    assert set(main.resumable) <= main.commands.keys()


@pytest.mark.parametrize(
    ("name", "ending"), [("long", "run the same command again to resume.\n"), ("short", "Stopped.\n")]
)
def test_stopped_command_says_whether_it_resumes(name: str, ending: str) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    commands = [click.Command(each, callback=interrupt) for each in ("long", "short")]
    result = CliRunner().invoke(OneLineErrors(commands=commands, resumable=("long",)), [name])
    assert (result.exit_code, result.stderr.startswith("Stopped.")) == (130, True)
    assert result.stderr.endswith(ending)


def test_serve_becomes_gunicorn_with_the_shipped_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(os, "execv", lambda path, args: calls.append((path, args)))
    CliRunner().invoke(serve, ["--bind", "127.0.0.1:8001"])
    conf = str(ROOT / "gunicorn.conf.py")
    command = [sys.executable, "-m", "gunicorn", "--config", conf, "wsgi:app", "--bind", "127.0.0.1:8001"]
    assert calls == [(sys.executable, command)]
