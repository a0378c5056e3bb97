"""A running site: `gunicorn wsgi:app` in a separate process, on a free port of the loopback address."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import urllib3

from rpf.errors import RPFError
from rpf.settings import Settings
from rpf.utils.paths import SHIPPED_FOLDER

HOST = "127.0.0.1"
MAX_START_SECONDS = 300.0


class SiteStartError(RPFError):
    """The site ended, or was not ready in time."""


@dataclass
class Site:
    """The process of a site, its port and its log."""

    port: int
    process: "subprocess.Popen[bytes]"
    log: Path
    start_seconds: float = 0.0  # until it was ready

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"

    def status(self, path: str) -> int:
        """Return the HTTP status of a GET; 0 without a connection."""
        try:
            return int(urllib3.request("GET", self.address + path, retries=False, redirect=False).status)
        except urllib3.exceptions.HTTPError:
            return 0

    def resident_bytes(self) -> int:
        """Sum the memory of the server's processes."""
        return sum(int(process.memory_info().rss) for process in self._processes())

    def processor_seconds(self) -> float:
        """Sum the processor time of the server's processes."""
        return sum(sum(process.cpu_times()[:2]) for process in self._processes())  # user and system

    def _processes(self) -> list[psutil.Process]:
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]


def free_port() -> int:
    """Find a port of the loopback address that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def serve(
    settings: Settings,
    log: Path,
    *,
    ready: bool = True,
    args: tuple[str, ...] = (),
    prefix: tuple[str, ...] = (),
    folder: Path = SHIPPED_FOLDER,
    path: str = "",
    **environment: str,
) -> Iterator[Site]:
    """Run the site with these settings; enter once it can search (or, not `ready`, answers).

    log: file for its output; args: gunicorn's; prefix: a command that runs gunicorn; folder: where it is started;
    path: what the site is served below; environment: further variables. Raises SiteStartError.
    """
    port = free_port()
    variables = {
        **os.environ,
        "RPF_BIND": f"{HOST}:{port}",
        "RPF_COLLECTIONS": str(settings.collections.resolve()),
        "RPF_COLLECTION": settings.collection,
        "RPF_CHECKPOINT": str(settings.checkpoint.resolve()),
        "RPF_INSTANCE": str(settings.instance.resolve()),
        **environment,
    }
    start = time.monotonic()
    with log.open("wb") as output:
        command = [*prefix, sys.executable, "-m", "gunicorn", *args, "wsgi:app"]
        site = Site(port, subprocess.Popen(command, cwd=folder, env=variables, stdout=output, stderr=output), log)
    try:
        while site.status(path + ("/readyz" if ready else "/healthz")) != 200:
            if site.process.poll() is not None or time.monotonic() - start > MAX_START_SECONDS:
                raise SiteStartError("The site did not start: %(log)s", log=log.read_text()[-2000:])
            time.sleep(0.05)
        site.start_seconds = time.monotonic() - start
        yield site
    finally:
        site.process.send_signal(signal.SIGQUIT)  # SIGTERM would wait for connections that clients keep open
        site.process.wait()
