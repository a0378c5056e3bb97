"""Refusals of large bodies, as real clients see them."""

import http.client
import json
import shutil
import subprocess
import urllib.error
import urllib.request

import pytest

from benchmarks.common.site_server import HOST, Site

NODE = shutil.which("node")


REFUSALS = [
    ("/submit", 413, "application/json"),
    ("/nowhere", 404, "application/octet-stream"),
    ("/healthz", 405, "application/octet-stream"),
    ("/submit", 415, "text/plain"),
    ("/c/tiny/search", 400, "multipart/form-data; boundary=--edge7d1a"),
]


@pytest.mark.parametrize(("path", "status", "kind"), REFUSALS)
def test_refusal_of_a_large_body_reaches_urllib(site: Site, path: str, status: int, kind: str) -> None:
    for size in (3_000_000, 20_000_000):
        request = urllib.request.Request(site.address + path, bytes(size), {"Content-Type": kind})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=60)
        assert refused.value.code == status
        refused.value.close()


def test_refusal_of_a_chunked_body_reaches_the_client(site: Site) -> None:
    connection = http.client.HTTPConnection(HOST, site.port, timeout=60)
    chunks = (bytes(2**16) for _ in range(64))
    connection.request("POST", "/nowhere", chunks, {"Connection": "close"}, encode_chunked=True)
    assert connection.getresponse().status == 404
    connection.close()


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_refusal_of_a_large_body_reaches_fetch(site: Site) -> None:
    script = """
    for (const [path, , kind] of JSON.parse(process.argv[2])) {
      const options = { method: "POST", body: new Uint8Array(8e6), headers: { "Content-Type": kind } };
      console.log((await fetch(process.argv[1] + path, options)).status);
    }
    """
    command = [NODE, "--input-type=module", "-e", script, site.address, json.dumps(REFUSALS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == [str(status) for _, status, _ in REFUSALS], done.stderr
