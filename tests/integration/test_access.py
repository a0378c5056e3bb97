"""Keys and events of the API: their commands, and several processes at once."""

import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from uuid import uuid4

import pytest

from rpf.access.click_through import read_statistics
from rpf.access.event_log import EVENTS_FILE, EventLog
from rpf.access.events import Event
from rpf.access.keys import ACCESS_FILE, TOKEN, KeyStore
from rpf.settings import Settings
from tests.support import ROOT
from tests.support.commands import Run
from tests.support.read_only import read_only

SHOP = "https://shop.example"
TODAY = datetime.now(timezone.utc).date()
# Prints "1" or "0" whenever it is asked whether a token authenticates.
AUTHENTICATE = """
import sys
from pathlib import Path
from rpf.access.keys import KeyStore
store = KeyStore(Path(sys.argv[1]))
for token in sys.stdin:
    print(int(store.authenticate(token.strip()) is not None), flush=True)
"""
# Records searches of three results with a click each, in whole seconds, as fast as they are written.
RECORD = """
import sys, time
from pathlib import Path
from uuid import uuid4
from rpf.access.event_log import EventLog
from rpf.access.events import Event
log = EventLog(Path(sys.argv[1]), days=90)
for number in range(int(sys.argv[2])):
    query_id = uuid4()
    log.record_query(query_id, time.time(), "shop", ["sleeve_length"], ["1", "2", "3"])
    log.add([Event(action_name="click", query_id=query_id)])
    if number % 500 == 499:
        log.flush(60)
        print(number, flush=True)
log.close(60)
print(log.dropped, flush=True)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(instance=tmp_path / "instance", collections=tmp_path / "collections")


@pytest.fixture
def run(settings: Settings) -> Run:
    return Run(settings)


@contextmanager
def program(code: str, *args: object, prefix: tuple[str, ...] = ()) -> Iterator["subprocess.Popen[str]"]:
    """Start a Python program that can be talked to; end it with the block."""
    process = subprocess.Popen(
        [*prefix, sys.executable, "-c", code, *map(str, args)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def authenticates(process: "subprocess.Popen[str]", token: str) -> bool:
    assert process.stdin and process.stdout
    process.stdin.write(f"{token}\n")
    process.stdin.flush()
    return process.stdout.readline() == "1\n"


def test_created_key_is_printed_once_listed_and_revoked(run: Run, settings: Settings) -> None:
    token = run(
        "keys", "create", "--kind", "search", "--origin", SHOP, "--origin", "http://localhost:4000", "--name", "widget",
        "--collection", "shop", "--limit", "10/second",
    ).strip()  # fmt: skip
    key_id = TOKEN.fullmatch(token)["id"]  # type: ignore[index]
    run("keys", "create", "--kind", "write", "--name", "nightly sync")
    heading, first, second = run("keys", "list").splitlines()
    assert heading.split() == ["id", "kind", "created", "name", "collections", "limit", "origins"]
    created = datetime.fromtimestamp(KeyStore(settings.instance).list_keys()[0].created, timezone.utc).date()
    assert first == (
        f"{key_id}  search  {created}  widget        shop         10/second   {SHOP}, http://localhost:4000"
    )
    assert re.split(r"\s{2,}", second)[1:] == ["write", str(created), "nightly sync", "all", "the site's", "none"]
    store = KeyStore(settings.instance)
    assert store.authenticate(token)
    assert run("keys", "revoke", key_id) == f"The key {key_id} is revoked.\n"
    assert key_id not in run("keys", "list")
    assert token.rpartition("_")[2] not in run("keys", "list")
    assert KeyStore(settings.instance).authenticate(token) is None


def test_key_is_announced_on_standard_error_without_its_secret(run: Run) -> None:
    text = run("keys", "create", "--kind", "search", "--name", "proxy", stream="stderr")
    assert text.startswith("The search key ") and text.endswith('("proxy") was created. Store it now: it cannot be '
                                                               "shown again.\n")  # fmt: skip
    assert "rpf_s_" not in text


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["create", "--kind", "write", "--name", "x", "--origin", SHOP], "A write key must never be in a browser"),
        (["create", "--kind", "search", "--name", "x", "--origin", "*"], '"*" is not an origin.'),
        (["create", "--kind", "search", "--name", "x", "--collection", "../x"], '"../x" cannot name a collection'),
        (["create", "--kind", "search", "--name", "x", "--limit", "many"], "The limit must be like"),
        (["create", "--kind", "search"], "Missing option '--name'"),
        (["create", "--kind", "read", "--name", "x"], "'read' is not one of 'search', 'write'"),
        (["revoke", "12345678"], 'There is no key "12345678"; list the keys with: rpf keys list'),
        (["forget"], "No such command 'forget'"),
    ],
)
def test_unusable_keys_command_fails_in_one_line(run: Run, args: list[str], message: str) -> None:
    assert message in run("keys", *args, status=2)


def test_list_without_keys_says_how_to_create_one(run: Run, settings: Settings) -> None:
    assert run("keys", "list") == "There are no keys. Create one with: rpf keys create\n"
    assert not settings.instance.exists()


def test_keys_that_cannot_be_saved_are_an_error_in_one_line(run: Run, settings: Settings) -> None:
    settings.instance.write_text("no folder")
    error = run("keys", "create", "--kind", "search", "--name", "x", status=2)
    assert f'The keys in "{settings.instance / ACCESS_FILE}" cannot be saved: ' in error


def test_key_revoked_in_one_process_stops_in_another_within_a_second(run: Run, settings: Settings) -> None:
    with program(AUTHENTICATE, settings.instance) as other:
        for _ in range(3):
            token = run("keys", "create", "--kind", "search", "--name", "x").strip()
            began = time.monotonic()
            while not authenticates(other, token):
                assert time.monotonic() - began < 1
            run("keys", "revoke", token.split("_")[2])
            revoked = time.monotonic()
            while authenticates(other, token):
                assert time.monotonic() - revoked < 1


def test_keys_on_a_read_only_disk_authenticate(settings: Settings, tmp_path: Path) -> None:
    _, token = KeyStore(settings.instance).create("search", "widget")
    prefix = read_only(settings.instance)
    with program(AUTHENTICATE, settings.instance, prefix=prefix) as other:
        assert authenticates(other, token)
        KeyStore(settings.instance).create("search", "second")  # outside, where the disk can be written
        time.sleep(0.6)
        assert authenticates(other, token)
    with closing(sqlite3.connect(settings.instance / ACCESS_FILE)) as database:
        database.execute("UPDATE keys SET name = 'other'")  # which leaves a log while this is open
        with program(AUTHENTICATE, settings.instance, prefix=prefix) as other:
            assert authenticates(other, token)


def test_processes_that_create_the_first_keys_together_lose_none(settings: Settings) -> None:
    code = (
        "import sys; from pathlib import Path; from rpf.access.keys import KeyStore; sys.stdin.readline(); "
        "[KeyStore(Path(sys.argv[1])).create('search', sys.argv[2]) for _ in range(5)]; print('done')"
    )
    for attempt in range(3):
        instance = settings.instance / str(attempt)
        with program(code, instance, 1) as one, program(code, instance, 2) as two, program(code, instance, 3) as three:
            processes = (one, two, three)
            time.sleep(0.5)  # until all wait for their line
            for process in processes:
                assert process.stdin
                process.stdin.write("go\n")
                process.stdin.flush()
            assert [process.stdout.readline() for process in processes if process.stdout] == ["done\n"] * 3
        assert sorted(key.name for key in KeyStore(instance).list_keys()) == sorted("123" * 5)


def test_processes_that_record_together_lose_nothing(settings: Settings) -> None:
    with (
        program(RECORD, settings.instance, 1500) as one,
        program(RECORD, settings.instance, 1500) as two,
        program(RECORD, settings.instance, 1500) as three,
    ):
        outputs = [process.communicate(timeout=120)[0].split()[-1] for process in (one, two, three)]
    assert outputs == ["0"] * 3
    figures = read_statistics(settings.instance, TODAY - timedelta(1)).overall
    assert (figures.searches, figures.clicked) == (4500, 4500)


def test_log_of_a_process_killed_while_it_records_is_readable_and_goes_on(settings: Settings) -> None:
    chance, written = random.Random(5), 0
    for _ in range(4):
        with program(RECORD, settings.instance, 10**7) as process:
            assert process.stdout
            written += 1 + int(process.stdout.readline())  # flushed: these may not be lost
            time.sleep(chance.uniform(0, 0.1))
            process.send_signal(signal.SIGKILL)
            process.wait()
        figures = read_statistics(settings.instance, TODAY - timedelta(1)).overall
        assert figures.searches >= written
        written = figures.searches
        with closing(sqlite3.connect(settings.instance / EVENTS_FILE)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert database.execute("PRAGMA foreign_key_check").fetchall() == []


@pytest.fixture
def recorded(settings: Settings) -> Settings:
    """Record two searches, one of them with a click at the second place."""
    log = EventLog(settings.instance, days=90)
    first, second = uuid4(), uuid4()
    for query_id in (first, second):
        log.record_query(query_id, time.time(), "shop", ["sleeve_length"], ["7", "8", "9"])
    attributes = {"object": {"object_id": 8}}
    body = {"action_name": "click", "query_id": str(first), "event_attributes": attributes}
    log.add([Event.model_validate(body)])
    log.close()
    return settings


def test_events_are_reported_as_tables_and_files(recorded: Settings, run: Run, tmp_path: Path) -> None:
    output = run("report", "events", "--since", "7d", "--out", tmp_path / "a" / "report")
    lines = output.splitlines()
    assert lines[0].startswith(f"Searches from {TODAY - timedelta(6)} to {TODAY} (UTC).")
    assert ["Sleeve", "length", "2", "0", "1", "0", "50.0", "2.0"] in [line.split() for line in lines]
    names = [tmp_path / "a" / "report" / name for name in ("events.md", "events.csv", "events.png")]
    assert lines[-3:] == list(map(str, names)) and all(name.stat().st_size for name in names)


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (
            ["--collection", "other"],
            f'No searches are recorded since {TODAY - timedelta(29)} in the collection "other".',
        ),
        (["--since", "1d", "--collection", "other"], f"No searches are recorded since {TODAY} in"),
    ],
)
def test_report_without_searches_is_one_line(recorded: Settings, run: Run, args: list[str], line: str) -> None:
    output = run("report", "events", *args, "--out", recorded.instance / "report")
    assert output.startswith(line) and len(output.splitlines()) == 1
    assert not (recorded.instance / "report").exists()


def test_report_says_that_recording_is_off(settings: Settings) -> None:
    output = Run(settings, RPF_EVENT_DAYS="0")("report", "events")
    assert output.endswith("; RPF_EVENT_DAYS is 0, so that none are.\n")
    assert not settings.instance.exists()


@pytest.mark.parametrize(
    "since", ["0d", "30", "3651d", "2026-13-01", str(TODAY + timedelta(1)), "1900-01-01", "d", "-1d"]
)
def test_period_that_cannot_be_used_is_quoted(run: Run, since: str) -> None:
    assert f'"{since}" is not a period' in run("report", "events", "--since", since, status=2)
