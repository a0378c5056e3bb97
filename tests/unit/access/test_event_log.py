import logging
import shutil
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from rpf.access import event_log
from rpf.access.event_log import DAY_SECONDS, EVENTS_FILE, EXPIRY_BATCH_SIZE, MAX_PENDING, EventLog
from rpf.access.events import Event

ATTRIBUTES = ("sleeve_length", "collar_design")
RESULTS = ("MH01", "MH02", "MH03")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    log = EventLog(tmp_path, days=90)
    yield log
    log.close()


def event(query_id: UUID, action: str = "click", object_id: str | None = None, ordinal: int | None = None) -> Event:
    attributes: dict[str, Any] = {"position": {"ordinal": ordinal}}
    if object_id is not None:
        attributes["object"] = {"object_id": object_id}
    return Event.model_validate({"action_name": action, "query_id": str(query_id), "event_attributes": attributes})


def record(log: EventLog, seconds: float = 0.0, offset: int = 0, query_id: UUID | None = None) -> UUID:
    """Record a search that was so many seconds ago; return its id."""
    query_id = query_id or uuid4()
    log.record_query(query_id, time.time() - seconds, "shop", ATTRIBUTES, RESULTS, offset)
    return query_id


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(folder / EVENTS_FILE)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def events(folder: Path) -> list[tuple[Any, ...]]:
    return rows(folder, "SELECT action, object_id, position FROM events ORDER BY action, object_id, position")


def test_search_is_stored_with_its_page_of_results(log: EventLog, tmp_path: Path) -> None:
    query_id = uuid4()
    log.record_query(query_id, 1_800_000_000.9, "shop", ATTRIBUTES, RESULTS)
    assert log.flush()
    stored = rows(tmp_path, "SELECT query_id, time, collection, attributes FROM searches")
    assert stored == [(str(query_id), 1_800_000_000, "shop", '["collar_design", "sleeve_length"]')]
    assert rows(tmp_path, "SELECT first, count, ids FROM pages") == [(1, 3, '["MH01", "MH02", "MH03"]')]


def test_further_page_of_a_search_is_no_search(log: EventLog, tmp_path: Path) -> None:
    query_id = record(log)
    for _ in range(2):
        record(log, offset=3, query_id=query_id)
    assert log.flush()
    assert rows(tmp_path, "SELECT count(*) FROM searches") == [(1,)]
    assert rows(tmp_path, "SELECT first FROM pages ORDER BY first") == [(1,), (4,)]


def test_event_gets_its_place_from_the_client_else_from_the_results(log: EventLog, tmp_path: Path) -> None:
    query_id = record(log)
    log.record_query(query_id, time.time(), "shop", ATTRIBUTES, ["MH04"], offset=3)
    log.add([event(query_id, object_id="MH02", ordinal=9), event(query_id, object_id="MH03")])
    log.add([event(query_id, object_id="MH04"), event(query_id, ordinal=2), event(query_id)])
    assert log.flush()
    assert events(tmp_path) == [
        ("click", "", 0), ("click", "", 2), ("click", "MH02", 9), ("click", "MH03", 3), ("click", "MH04", 4),
    ]  # fmt: skip


def test_object_that_the_search_did_not_show_is_not_stored(log: EventLog, tmp_path: Path) -> None:
    query_id = record(log)
    log.add([event(query_id, object_id="ada@example.org", ordinal=1)])
    assert log.flush() and log.dropped == 0
    assert events(tmp_path) == [("click", "", 1)]


def test_event_of_an_unknown_search_is_not_stored(log: EventLog, tmp_path: Path) -> None:
    record(log)
    log.add([event(uuid4(), object_id="MH01", ordinal=1)])
    assert log.flush() and log.dropped == 0
    assert events(tmp_path) == []


def test_repeated_event_counts_once(log: EventLog, tmp_path: Path) -> None:
    query_id = record(log)
    for _ in range(3):
        log.add([event(query_id, object_id="MH01", ordinal=1), event(query_id, "view", "MH01", 1)])
    assert log.flush()
    assert events(tmp_path) == [("click", "MH01", 1), ("view", "MH01", 1)]


def test_searches_beyond_the_retention_are_deleted_with_their_events(log: EventLog, tmp_path: Path) -> None:
    count = 2 * EXPIRY_BATCH_SIZE + 1
    old = [record(log, 91 * DAY_SECONDS) for _ in range(count)]
    log.add([event(query_id, ordinal=1) for query_id in old])
    young = record(log, 89 * DAY_SECONDS)
    log.add([event(young, ordinal=1)])
    assert log.flush()
    record(log, 89 * DAY_SECONDS)
    assert log.flush()
    remaining = rows(tmp_path, "SELECT query_id FROM searches WHERE time < strftime('%s') - 90 * 86400")
    assert remaining == []
    assert str(young) in {query_id for (query_id,) in rows(tmp_path, "SELECT query_id FROM searches")}
    assert len(events(tmp_path)) == 1 and rows(tmp_path, "SELECT count(*) FROM pages") == [(2,)]


def test_log_of_zero_days_stores_nothing(tmp_path: Path) -> None:
    log = EventLog(tmp_path, days=0)
    log.add([event(record(log))])
    assert log.flush()
    log.close()
    assert list(tmp_path.iterdir()) == []


def test_file_is_readable_by_its_owner_only(log: EventLog, tmp_path: Path) -> None:
    record(log)
    assert log.flush()
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}


def test_locked_file_neither_delays_nor_fails_and_is_logged(
    log: EventLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(event_log, "BUSY_SECONDS", 0.05)
    record(log)
    assert log.flush()
    lock = sqlite3.connect(tmp_path / EVENTS_FILE, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    with caplog.at_level(logging.WARNING, "rpf.access"):
        began = time.monotonic()
        first = record(log)
        log.add([event(first)])
        assert time.monotonic() - began < 1
        assert log.flush()
    assert log.dropped == 2
    assert len(caplog.records) == 1 and "database is locked" in caplog.text and str(tmp_path) in caplog.text
    lock.execute("ROLLBACK")
    lock.close()
    second = record(log)
    assert log.flush()
    stored = {query_id for (query_id,) in rows(tmp_path, "SELECT query_id FROM searches")}
    assert str(second) in stored and str(first) not in stored


@pytest.mark.parametrize(
    "error", [sqlite3.OperationalError("database or disk is full"), OSError("Read-only file system")]
)
def test_disk_that_takes_nothing_is_logged_once_a_minute(
    log: EventLog, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def refuse(*args: object) -> None:
        raise error

    monkeypatch.setattr(event_log, "open_private", refuse)
    with caplog.at_level(logging.WARNING, "rpf.access"):
        for _ in range(3):
            record(log)
            assert log.flush()
    assert log.dropped == 3 and len(caplog.records) == 1 and str(error) in caplog.text


def test_full_disk_during_a_batch_stores_none_of_it_and_the_next_one(log: EventLog, tmp_path: Path) -> None:
    record(log)
    assert log.flush()
    (pages,) = rows(tmp_path, "PRAGMA page_count")[0]
    log.close()
    log = EventLog(tmp_path, days=90)
    connection = log_connection(log)
    connection.execute(f"PRAGMA max_page_count = {pages}")
    for _ in range(200):
        record(log)
    assert log.flush()
    stored = rows(tmp_path, "SELECT count(*) FROM searches")[0][0]
    assert stored + log.dropped == 201 and log.dropped > 0
    record(log)  # on a new connection, which has no such limit
    assert log.flush()
    log.close()
    assert rows(tmp_path, "SELECT count(*) FROM searches") == [(stored + 1,)]
    assert rows(tmp_path, "PRAGMA integrity_check") == [("ok",)]


def log_connection(log: EventLog) -> sqlite3.Connection:
    """Open the log's connection in this thread, for its own thread to use."""
    connect = sqlite3.connect
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", lambda *args, **kwargs: connect(*args, **kwargs, check_same_thread=False))
        return log._open()


def test_searches_beyond_the_queue_are_dropped(
    log: EventLog, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    release = threading.Event()
    monkeypatch.setattr(event_log, "open_private", lambda *args: release.wait(60) and None)
    began = time.monotonic()
    for _ in range(MAX_PENDING + event_log.BATCH_SIZE + 10):
        record(log)
    assert time.monotonic() - began < 30
    assert 10 <= log.dropped <= event_log.BATCH_SIZE + 10
    assert "too many of them wait to be written" in caplog.text
    monkeypatch.undo()
    release.set()


def test_deleted_file_is_created_again(log: EventLog, tmp_path: Path) -> None:
    record(log)
    assert log.flush()
    for path in list(tmp_path.iterdir()):
        path.unlink()
    second = record(log)
    assert log.flush()
    assert rows(tmp_path, "SELECT query_id FROM searches") == [(str(second),)]


def test_replaced_file_gets_the_next_searches(log: EventLog, tmp_path: Path) -> None:
    first = record(log)
    assert log.flush()
    log.close()
    shutil.copy(tmp_path / EVENTS_FILE, tmp_path / "backup")
    log = EventLog(tmp_path, days=90)
    record(log)
    assert log.flush()
    for name in ("-wal", "-shm"):
        (tmp_path / f"{EVENTS_FILE}{name}").unlink()
    (tmp_path / "backup").rename(tmp_path / EVENTS_FILE)
    third = record(log)
    assert log.flush()
    log.close()
    stored = rows(tmp_path, "SELECT query_id FROM searches ORDER BY id")
    assert stored == [(str(first),), (str(third),)]


def test_closed_log_has_written_everything_into_one_file(log: EventLog, tmp_path: Path) -> None:
    for _ in range(1000):
        record(log)
    log.close()
    assert [path.name for path in tmp_path.iterdir()] == [EVENTS_FILE]
    assert rows(tmp_path, "SELECT count(*) FROM searches") == [(1000,)]
