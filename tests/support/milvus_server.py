"""Milvus server for tests, from the package `milvus`, which contains the server's program."""

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import milvus

from benchmarks.common.site_server import free_port


class MilvusServer:
    """Server process that can be frozen, killed, and started again on the same data and address."""

    def __init__(self, folder: Path, cache: Path) -> None:
        """Take `folder` for the data, which `remove` deletes; the program is unpacked into `cache`: 0.5 GB, once."""
        self._folder, self._programs = folder, cache / "bin"
        config = milvus.MilvusServerConfig(data_dir=str(folder))
        config.update(**{key: free_port() for key in config.configurable_items if key.endswith("_port")})
        config.set("common.session.ttl", 3)  # seconds until a server sees that the one before was killed
        config.resolve()
        milvus._initialize_data_files(str(cache))
        # The etcd in it listens at the ports 2379 and 2380 by default, whatever the package sets.
        client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        settings = {
            "name": "default",
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"default={peer}",
        }
        (folder / "etcd.yaml").write_text(json.dumps(settings))  # JSON is YAML
        self.uri = f"http://127.0.0.1:{config.get('proxy_port')}"
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it reports that it is healthy."""
        settings = {
            "DEPLOY_MODE": "STANDALONE",
            "ETCD_CONFIG_PATH": str(self._folder / "etcd.yaml"),
            "METRICS_PORT": str(self._port),
            "MILVUS_RUN_DIR": str(self._folder / "run"),
            "LD_LIBRARY_PATH": str(self._programs),
        }
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "milvus", "run", "standalone"],
                cwd=self._folder,
                env=os.environ | settings,
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + 120
        while not self._healthy():
            assert self._process.poll() is None, "the Milvus server ended"
            assert time.monotonic() < until, "the Milvus server does not start"
            time.sleep(0.1)

    def kill(self) -> None:
        """Kill the server by SIGKILL, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Stop the server from answering, with its connections left open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self._folder)

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/healthz", timeout=5) as answer:
                return b"OK" in answer.read()
        except OSError:
            return False
