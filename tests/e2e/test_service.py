"""The server under load, with slow clients, restarted, drained, killed, and on a full disk."""

import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import urllib3

from benchmarks.common.site_server import HOST, Site, serve
from rpf.settings import Settings
from tests.conftest import with_instance
from tests.support.hostile import form

SOON = 60.0
THREADS = 4  # of the impatient site
POST = b"POST /submit HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def submit(site: Site, photo: Path, number: int = 0) -> tuple[int, Any]:
    """Search with the photo, as a file that no cache knows."""
    body, headers = form(photo.read_bytes() + b"%d" % number, attrs="sleeve length")
    answer = urllib3.request("POST", site.address + "/submit", body=body, headers=headers, retries=False, timeout=SOON)
    return answer.status, answer


@pytest.fixture
def photos(wardrobe: dict[Path, dict[str, int]]) -> list[Path]:
    return list(wardrobe)


def test_concurrent_searches_get_their_own_results_and_healthz_stays_quick(site: Site, photos: list[Path]) -> None:
    alone = {photo: submit(site, photo, 1)[1].json() for photo in photos}
    with ThreadPoolExecutor(32) as pool:
        futures = [(photo, pool.submit(submit, site, photo, 2)) for photo in photos * 5]
        while not all(future.done() for _, future in futures):
            assert site.status("/healthz") == 200
    for photo, future in futures:
        status, answer = future.result()
        assert status == 200
        ranking = answer.json()
        assert ranking["ids"][0] == alone[photo]["ids"][0]
        assert ranking["similarities"] == pytest.approx(alone[photo]["similarities"], abs=5e-3)


def test_clients_that_keep_an_ended_connection_open_delay_no_others(site: Site) -> None:
    ended = []
    for _ in range(8):
        wire = socket.create_connection((HOST, site.port), SOON)
        wire.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        ended.append(wire)
    assert all(wire.recv(12) == b"HTTP/1.1 200" for wire in ended)
    began = time.monotonic()
    assert site.status("/healthz") == 200
    assert time.monotonic() - began < 1.9  # seconds that gunicorn waits for one of them
    for wire in ended:
        while wire.recv(4096):  # until the server ends it
            pass
        wire.close()


@pytest.fixture(scope="module")
def impatient(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Start a site with four threads and place for two searches.

    It gives requests 1 second to arrive and 2 to be answered.
    """
    folder = tmp_path_factory.mktemp("impatient")
    variables = {"RPF_REQUEST_TIMEOUT": "1", "RPF_MAX_QUEUE": "2"}
    args = ("--threads", str(THREADS))
    with serve(with_instance(settings, folder), folder / "log", args=args, **variables) as site:
        yield site


def test_overload_is_503_with_retry_after(impatient: Site, photos: list[Path]) -> None:
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda number: submit(impatient, photos[number % 40], number), range(120)))
    refused = [answer for status, answer in answers if status == 503]
    assert refused
    assert len(refused) < 120
    assert {status for status, _ in answers} == {200, 503}
    for answer in refused:
        assert int(answer.headers["Retry-After"]) > 0
        assert "Too many searches" in answer.json()["detail"]
    assert submit(impatient, photos[0], 999)[0] == 200


def test_slow_requests_do_not_occupy_the_threads(impatient: Site) -> None:
    slow = []
    for start in (
        POST + b"Content-Length: 1000\r\n\r\n{",
        POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: ",
    ):
        for _ in range(THREADS // 2):  # more requests than threads
            wire = socket.create_connection((HOST, impatient.port), SOON)
            wire.sendall(start)
            slow.append(wire)
    dripping = threading.Event()

    def drip() -> None:
        while not dripping.wait(0.2):
            for wire in slow:
                with suppress(OSError):
                    wire.send(b"x")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        until(lambda: impatient.status("/healthz") == 200)
        for wire in slow:
            with suppress(ConnectionResetError):
                while wire.recv(65536):  # until the server ends it
                    pass
    finally:
        dripping.set()
        thread.join()
        for wire in slow:
            wire.close()
    assert impatient.status("/healthz") == 200


def test_unread_responses_do_not_occupy_a_thread(impatient: Site) -> None:
    slow = []
    for _ in range(2 * THREADS):
        wire = socket.socket()
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wire.connect((HOST, impatient.port))
        wire.sendall(b"GET /c/tiny/image/1 HTTP/1.1\r\nHost: a\r\n\r\n" * 200)
        slow.append(wire)
    until(lambda: impatient.status("/healthz") == 200)
    for wire in slow:
        wire.close()


def test_disconnected_client_frees_its_place_in_the_queue(impatient: Site, photos: list[Path]) -> None:
    body, headers = form(photos[0].read_bytes(), attrs="sleeve length")
    head = f"POST /submit HTTP/1.1\r\nHost: a\r\nContent-Type: {headers['Content-Type']}\r\n"
    head += f"Content-Length: {len(body)}\r\n\r\n"
    for cut in (0, 10, len(body) // 2, len(body)):
        for _ in range(4):
            with socket.create_connection((HOST, impatient.port)) as wire:
                wire.sendall(head.encode() + body[:cut])
    until(lambda: submit(impatient, photos[0])[0] == 200)
    assert "Traceback" not in impatient.log.read_text()


def workers(site: Site) -> list[psutil.Process]:
    """List the worker processes: none for a moment while one is replaced."""
    return psutil.Process(site.process.pid).children()


def worker(site: Site) -> psutil.Process:
    return workers(site)[0]


@contextmanager
def searching(site: Site, photos: list[Path]) -> Iterator[set[int]]:
    """Search with four clients meanwhile, and collect the statuses they get, 0 where the connection broke."""
    stop, statuses = threading.Event(), set[int]()

    def ask(number: int) -> None:
        while not stop.wait(0.02):  # and leaves time to the worker that starts
            number += 100
            try:
                statuses.add(submit(site, photos[number % 40], number)[0])
            except urllib3.exceptions.HTTPError:
                statuses.add(0)

    with ThreadPoolExecutor(4) as pool:
        clients = [pool.submit(ask, number) for number in range(4)]
        try:
            yield statuses
        finally:
            stop.set()
    for client in clients:
        client.result()


@pytest.fixture(scope="module")
def sturdy(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Start a site for the tests below, each of which leaves it running, but for the last."""
    folder = tmp_path_factory.mktemp("sturdy")
    with serve(with_instance(settings, folder), folder / "log") as site:
        yield site


def test_full_disk_refuses_uploads_only(sturdy: Site, photos: list[Path]) -> None:
    first = urllib3.request("GET", sturdy.address + "/c/tiny/", retries=False)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', first.data.decode())
    assert token
    cookie = first.headers["Set-Cookie"].partition(";")[0]

    def search(padding: int) -> Any:
        body, headers = form(photos[0].read_bytes() + bytes(padding), a="sleeve_length", csrf_token=token[1])
        headers |= {"Cookie": cookie}
        return urllib3.request(
            "POST", sturdy.address + "/c/tiny/search", body=body, headers=headers, retries=False, redirect=False
        )

    served = worker(sturdy)
    whole = served.rlimit(psutil.RLIMIT_FSIZE)
    served.rlimit(psutil.RLIMIT_FSIZE, (40_960, whole[1]))  # bytes of a file: stands for a full disk
    for padding in (100_000, 1_000_000):  # the larger one is written to a file while it arrives
        answer = search(padding)
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert "cannot be saved at the moment" in answer.data.decode()
    thumb = urllib3.request("GET", sturdy.address + "/c/tiny/thumb/1", retries=False)
    assert (thumb.status, thumb.data[:4]) == (200, b"RIFF")
    assert submit(sturdy, photos[0])[0] == 200
    served.rlimit(psutil.RLIMIT_FSIZE, whole)
    assert search(100_000).status == 303
    assert [path.name for path in (sturdy.log.parent / "uploads").iterdir() if path.suffix == ".tmp"] == []
    assert list((sturdy.log.parent / "thumbnails").glob(".*")) == []


def test_killed_worker_is_replaced_and_leaves_nothing_broken(sturdy: Site, photos: list[Path]) -> None:
    with searching(sturdy, photos) as statuses:
        first = worker(sturdy)
        until(lambda: 200 in statuses and sturdy.status("/c/tiny/thumb/1") == 200)
        os.kill(first.pid, signal.SIGKILL)
        until(lambda: workers(sturdy) not in ([], [first]) and sturdy.status("/readyz") == 200)
    assert statuses <= {200, 503, 0}
    assert submit(sturdy, photos[0])[0] == 200
    for path in (sturdy.log.parent / "thumbnails").glob("[!.]*"):
        assert path.read_bytes()[:4] == b"RIFF"


def test_sighup_reloads_without_a_failed_request(sturdy: Site, photos: list[Path]) -> None:
    first = worker(sturdy)
    with searching(sturdy, photos) as statuses:
        sturdy.process.send_signal(signal.SIGHUP)
        until(lambda: not first.is_running() and sturdy.status("/readyz") == 200)
    assert 200 in statuses and statuses <= {200, 503}
    assert submit(sturdy, photos[0])[0] == 200


def test_sigterm_finishes_requests_and_ends(sturdy: Site, photos: list[Path]) -> None:
    before = sturdy.log.read_text().count('"route": "/submit"')
    with ThreadPoolExecutor(12) as pool:
        begun = [pool.submit(submit, sturdy, photos[number], 7) for number in range(12)]
        time.sleep(0.1)
        sturdy.process.terminate()
        statuses = [
            future.result()[0] for future in begun if not isinstance(future.exception(), urllib3.exceptions.HTTPError)
        ]
    assert sturdy.process.wait(SOON) == 0
    assert statuses and set(statuses) == {200}
    lines = [json.loads(line) for line in sturdy.log.read_text().splitlines() if line.startswith("{")]
    assert sum(line.get("route") == "/submit" for line in lines) == before + len(statuses)
