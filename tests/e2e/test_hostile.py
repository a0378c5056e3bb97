"""Hostile requests to a real server: answered at little cost, without server errors or growing memory."""

import http.client
import socket
from contextlib import suppress

from benchmarks.common.site_server import HOST, Site
from tests.support.hostile import Hostile, requests

PROCESSOR_SECONDS = 2.0  # of the site, for a request; a clock would also count what other tests take
TIMEOUT = 60.0
GROWTH = 64 * 2**20


def send(site: Site, one: Hostile) -> int:
    """Send a request, and return the status, or 0 where the server closed the connection without one."""
    if one.raw:
        with socket.create_connection((HOST, site.port), TIMEOUT) as wire:
            wire.sendall(one.raw)
            wire.shutdown(socket.SHUT_WR)
            answer = wire.recv(65536)
        return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0
    connection = http.client.HTTPConnection(HOST, site.port, timeout=TIMEOUT)
    try:
        connection.putrequest(one.method, one.path, skip_accept_encoding=True)
        for name, value in one.headers.items():
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(one.body)))
        connection.endheaders()
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before all of it was sent
            connection.send(one.body)
        return connection.getresponse().status
    finally:
        connection.close()


def test_hostile_requests_cost_little_and_cause_no_server_errors(site: Site) -> None:
    wanted = requests()
    assert len(wanted) >= 300
    problems, sizes = [], []
    for _ in range(2):
        for one in wanted:
            before = site.processor_seconds()
            try:
                status = send(site, one)
            except OSError:
                status = -1
            spent = site.processor_seconds() - before
            fine = status == 200 or 400 <= status < 500 or status in (301, 302, 303, 308) or (status == 0 and one.raw)
            if not fine or spent > PROCESSOR_SECONDS:
                problems.append((one.name, status, round(spent, 2)))
        sizes.append(site.resident_bytes())
    assert problems == []
    assert sizes[1] - sizes[0] < GROWTH
    assert site.status("/readyz") == 200


def test_hostile_requests_leave_no_traceback(site: Site) -> None:
    log = site.log.read_text()
    assert "Traceback" not in log
    assert '"level": "ERROR"' not in log
