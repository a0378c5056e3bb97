"""A gunicorn of its own for a test, on a free port of the loopback address."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError, URLError

from rpf.settings import Settings

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def serve(settings: Settings, log: Path, *, ready: bool = True, args: tuple[str, ...] = ()) -> Iterator[str]:
    """The address of `gunicorn wsgi:app` with these settings, once it can search (or, not `ready`, once it answers)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "RPF_BIND": f"127.0.0.1:{port}",
        "RPF_COLLECTIONS": str(settings.collections),
        "RPF_COLLECTION": settings.collection,
        "RPF_CHECKPOINT": str(settings.checkpoint),
        "RPF_INSTANCE": str(settings.instance),
    }
    with log.open("w") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *args, "wsgi:app"], cwd=ROOT, env=environment, stdout=out, stderr=out
        )
    address = f"http://127.0.0.1:{port}"
    try:
        while status(address + ("/readyz" if ready else "/healthz")) != 200:
            assert server.poll() is None, log.read_text()
            time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait()


def status(address: str) -> int:
    """The HTTP status of a GET; 0 where nobody listens yet."""
    try:
        with urllib.request.urlopen(address) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code
    except (URLError, ConnectionError):
        return 0
