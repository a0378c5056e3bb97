"""Debian's nginx with the site file of deploy/, on free ports of loopback."""

import os
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3

from benchmarks.common.site_server import free_port
from tests.support import ROOT

SITE = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
HOST = "fashion.example.org"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


@dataclass
class Front:
    """A running nginx and its ports."""

    https: int
    http: int
    below: int  # the port where the site is served below /shop/search/

    def ask(self, method: str, path: str, port: int = 0, **kwargs: object) -> urllib3.BaseHTTPResponse:
        pool = urllib3.HTTPSConnectionPool(
            "127.0.0.1", port or self.https, cert_reqs=ssl.CERT_NONE, assert_hostname=False
        )
        headers = {"Host": HOST, **kwargs.pop("headers", {})}  # type: ignore[dict-item]
        return pool.request(method, path, headers=headers, retries=False, redirect=False, timeout=60, **kwargs)  # type: ignore[arg-type]


def below_a_path(text: str) -> str:
    """Return the last server of the file, with the three changes that its comment names."""
    *_, server = text.rpartition("server {")
    location, proxy_pass, prefix = re.search(
        r"# Below a path of another site: `(.*?)`, `(.*?)`, `(.*?)`", server
    ).groups()  # type: ignore[union-attr]
    server = server.replace("location / {", f"{location} {{", 1).replace("proxy_pass http://rpf;", f"{proxy_pass};", 1)
    return "server {" + server.replace('X-Forwarded-Prefix "";', f"{prefix};", 1)


@contextmanager
def nginx(folder: Path, upstream: str) -> Iterator[Front]:
    """Serve `upstream` ("unix:PATH" or "HOST:PORT") by HTTPS. Skip the test where nginx or openssl is missing."""
    if NGINX is None or shutil.which("openssl") is None:
        pytest.skip("needs nginx and openssl: apt-get install nginx openssl")
    folder.chmod(0o755)
    front = Front(free_port(), free_port(), free_port())
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={HOST}",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True,
    )  # fmt: skip
    text = SITE.replace("listen 80;", f"listen 127.0.0.1:{front.http};")
    text = text.replace("listen 443 ", f"listen 127.0.0.1:{front.https} ").replace("unix:/run/rpf/rpf.sock", upstream)
    text = re.sub(r"/etc/letsencrypt/\S+/fullchain.pem", f"{folder}/cert.pem", text)
    text = re.sub(r"/etc/letsencrypt/\S+/privkey.pem", f"{folder}/key.pem", text)
    text += below_a_path(text).replace(f"127.0.0.1:{front.https} ", f"127.0.0.1:{front.below} ")
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""  # or workers could not read the test's folder
    (folder / "nginx.conf").write_text(
        f"{user}pid {folder}/pid;\nerror_log {folder}/errors;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}{text}}}\n"
    )
    subprocess.run([NGINX, "-t", "-p", folder, "-c", folder / "nginx.conf"], check=True, capture_output=True)
    process = subprocess.Popen([NGINX, "-p", folder, "-c", folder / "nginx.conf", "-g", "daemon off;"])
    try:
        _wait_ready(front, process)
        yield front
    finally:
        process.terminate()
        process.wait()


def _wait_ready(front: Front, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 60
    while True:
        assert time.monotonic() < until and process.poll() is None, "nginx, or the site behind it, is not ready"
        try:
            if front.ask("GET", "/readyz").status == 200:
                return
        except urllib3.exceptions.HTTPError:
            pass
        time.sleep(0.2)
