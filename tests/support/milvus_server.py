"""A Milvus server of its own for tests, from the package `milvus`, which carries the server's program."""

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
    """One process, which can be frozen, killed, and started again on the same data and address."""

    def __init__(self, folder: Path) -> None:
        """Its program and its data go into `folder`, which `remove` deletes: half a gigabyte."""
        self._folder = folder
        config = milvus.MilvusServerConfig(data_dir=str(folder))
        config.update(**{key: free_port() for key in config.configurable_items if key.endswith("_port")})
        config.set("common.session.ttl", 1)  # seconds until a server sees that the one before was killed
        config.resolve()
        milvus._initialize_data_files(str(folder))
        # The etcd in it listens at the ports 2379 and 2380 of its own default, whatever the package sets.
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
        """Returns when it says that it is well."""
        programs = self._folder / "bin"
        settings = {
            "DEPLOY_MODE": "STANDALONE",
            "ETCD_CONFIG_PATH": str(self._folder / "etcd.yaml"),
            "METRICS_PORT": str(self._port),
            "MILVUS_RUN_DIR": str(self._folder / "run"),
            "LD_LIBRARY_PATH": str(programs),
        }
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [programs / "milvus", "run", "standalone"],
                cwd=self._folder,
                env=os.environ | settings,
                stdout=log,
                stderr=log,
            )
        until = time.monotonic() + 120
        while not self._well():
            assert self._process.poll() is None, "the Milvus server ended"
            assert time.monotonic() < until, "the Milvus server does not start"
            time.sleep(0.1)

    def kill(self) -> None:
        """SIGKILL; nothing happens where it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """It answers nothing more, and its connections stay."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        self.kill()
        shutil.rmtree(self._folder)

    def _well(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/healthz", timeout=5) as answer:
                return b"OK" in answer.read()
        except OSError:
            return False
