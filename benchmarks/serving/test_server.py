"""`gunicorn wsgi:app` in a process of its own, on a free port of this machine's loopback address."""

import os
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


class NotServed(RPFError):
    """The site did not start, or ended."""


@dataclass
class Site:
    """A running site."""

    port: int
    process: "subprocess.Popen[bytes]"
    log: Path
    seconds: float = 0.0  # from its start until it was ready

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"

    def status(self, path: str) -> int:
        """The HTTP status of a GET; 0 where nobody listens yet."""
        try:
            return int(urllib3.request("GET", self.address + path, retries=False, redirect=False).status)
        except urllib3.exceptions.HTTPError:
            return 0

    def resident_bytes(self) -> int:
        """Memory of the server's processes together."""
        parent = psutil.Process(self.process.pid)
        return sum(int(one.memory_info().rss) for one in (parent, *parent.children(recursive=True)))


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


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
    longest: float = 300.0,
    **environment: str,
) -> Iterator[Site]:
    """The site with these settings, its output in the file `log`, once it can search (or, not `ready`, answers).

    args: gunicorn's; prefix: a command that runs gunicorn; folder: where it is started; path: what the site is served
    below; environment: further variables. Raises NotServed.
    """
    port = free_port()
    whole = {
        **os.environ,
        "RPF_BIND": f"{HOST}:{port}",
        "RPF_COLLECTIONS": str(settings.collections.resolve()),
        "RPF_COLLECTION": settings.collection,
        "RPF_CHECKPOINT": str(settings.checkpoint.resolve()),
        "RPF_INSTANCE": str(settings.instance.resolve()),
        **environment,
    }
    began = time.monotonic()
    with log.open("wb") as out:
        command = [*prefix, sys.executable, "-m", "gunicorn", *args, "wsgi:app"]
        site = Site(port, subprocess.Popen(command, cwd=folder, env=whole, stdout=out, stderr=out), log)
    try:
        while site.status(path + ("/readyz" if ready else "/healthz")) != 200:
            if site.process.poll() is not None or time.monotonic() - began > longest:
                raise NotServed("The site did not start: %(log)s", log=log.read_text()[-2000:])
            time.sleep(0.05)
        site.seconds = time.monotonic() - began
        yield site
    finally:
        site.process.terminate()
        site.process.wait()
