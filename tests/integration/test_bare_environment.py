"""Commands and the site with no environment but a path: without a home folder, and in an ASCII locale."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import urllib3

from benchmarks.common.site_server import free_port
from rpf.settings import Settings
from tests.support import ROOT
from tests.support.commands import environment

NAMES = ("Áo dài/váy đỏ.jpg", "裙子.jpg")
# Python takes LC_ALL=C for a mistake and uses UTF-8; the two variables forbid that, as a locale such as Latin-1 does.
ASCII = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture(scope="module")
def bare(
    tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path, photo: Path
) -> tuple[Settings, dict[str, str]]:
    """Index images with names in UTF-8 by the command; return the settings and the environment."""
    base = tmp_path_factory.mktemp("bare")
    for name in NAMES:
        (base / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, base / "images" / name)
    settings = Settings(
        collections=base / "collections", collection="shop", checkpoint=tiny_checkpoint, instance=base / "instance"
    )
    variables = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **environment(settings), **ASCII}
    done = run(variables, "index", "shop", base / "images")
    assert "2 added, 0 unchanged, 0 skipped" in done.stdout, done.stderr
    return settings, variables


def run(variables: Mapping[str, str], *args: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "rpf", *map(str, args)]
    return subprocess.run(command, cwd="/", env=variables, capture_output=True, encoding="utf-8", errors="replace")


def test_search_in_a_bare_environment_reads_names_and_attributes(bare: tuple[Settings, dict[str, str]]) -> None:
    settings, variables = bare
    query = settings.collections.parent / "images" / NAMES[0]
    done = run(variables, "search", "shop", query, "--attrs", "chiều dài tay áo; 裙长", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["attributes"] == ["sleeve_length", "skirt_length"]
    assert {row["path"] for row in answer["results"]} == set(NAMES)


def test_site_in_a_bare_environment_shows_images(bare: tuple[Settings, dict[str, str]]) -> None:
    settings, variables = bare
    address = f"127.0.0.1:{free_port()}"
    log = settings.instance.parent / "log"
    command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py"), "wsgi:app"]
    with log.open("wb") as output:
        site = subprocess.Popen(
            command, cwd="/", env={**variables, "RPF_BIND": address}, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        until = time.monotonic() + 120
        while status(f"http://{address}/readyz") != 200:
            assert site.poll() is None and time.monotonic() < until, log.read_text(errors="replace")
            time.sleep(0.1)
        assert [status(f"http://{address}/c/shop/thumb/{item_id}") for item_id in (1, 2)] == [200, 200]
    finally:
        site.terminate()
        assert site.wait(60) == 0
    assert "Traceback" not in log.read_text(errors="replace")


def status(address: str) -> int:
    try:
        return int(urllib3.request("GET", address, retries=False).status)
    except urllib3.exceptions.HTTPError:
        return 0
