"""Several sites on one collection folder and one instance folder, and a site on a copy of a collection."""

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
import urllib3

from benchmarks.common.site_server import Site, serve
from rpf.access.keys import KeyStore
from rpf.client import RPFClient
from rpf.collection import Collection
from rpf.errors import RPFError
from rpf.products.table import read_products
from rpf.settings import Settings
from tests.conftest import with_instance
from tests.support import ROOT
from tests.support.commands import Run, forked
from tests.support.hostile import form
from tests.support.shop import PRODUCTS, product

MAX_SECONDS = 120.0
COPY = ROOT / "deploy" / "copy-collection.sh"


@pytest.fixture(scope="module")
def common(tmp_path_factory: pytest.TempPathFactory, shop_settings: Settings) -> Settings:
    """Return settings over a copy of the collections "shop" and "named"."""
    folder = tmp_path_factory.mktemp("several-sites")
    shutil.copytree(shop_settings.collections, folder / "collections")
    return with_instance(shop_settings, folder / "instance").model_copy(update={"collections": folder / "collections"})


@pytest.fixture(scope="module")
def token(common: Settings) -> str:
    """Create a write key."""
    return KeyStore(common.instance).create("write", "sync")[1]


@pytest.fixture(scope="module")
def sites(common: Settings, token: str) -> Iterator[list[Site]]:
    """Start three sites; a test may kill the last two."""
    folder = common.instance.parent
    with ExitStack() as stack:
        yield [stack.enter_context(serve(common, folder / f"log-{number}")) for number in range(3)]


def get(site: Site, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
    return urllib3.request("GET", site.address + path, headers=headers, retries=False, redirect=False)


def wait(condition: Callable[[], object]) -> None:
    until = time.monotonic() + MAX_SECONDS
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_photo_added_by_command_is_known_to_all_sites(
    common: Settings, sites: list[Site], wardrobe: dict[Path, dict[str, int]], tmp_path: Path
) -> None:
    assert [site.status("/c/shop/item/21") for site in sites] == [404] * 3
    photo = shutil.copy(list(wardrobe)[30], tmp_path / "added.jpg")
    Run(common)("add", "shop", "--copy", photo)
    assert Collection.open(common.collections / "shop").ids[-1] == 21
    wait(lambda: [site.status("/c/shop/item/21") for site in sites] == [200] * 3)
    assert [site.status("/c/shop/results?item=21&a=sleeve_length") for site in sites] == [200] * 3


def test_form_upload_and_permalink_may_each_reach_another_site(sites: list[Site], photo: Path) -> None:
    first, second, third = sites
    page = get(first, "/c/shop/")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.data.decode())
    assert token
    body, headers = form(photo.read_bytes(), a="sleeve_length", csrf_token=token[1])
    headers["Cookie"] = page.headers["Set-Cookie"].partition(";")[0]
    sent = urllib3.request("POST", f"{second.address}/c/shop/search", body=body, headers=headers, redirect=False)
    assert sent.status == 303, sent.data
    permalink = re.sub(r"^https?://[^/]+", "", sent.headers["Location"])
    assert [get(site, permalink).status for site in (third, first)] == [200, 200]


def test_repeated_request_to_another_site_gets_the_first_answer(sites: list[Site], token: str) -> None:
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "once", "Content-Type": "application/x-ndjson"}
    bodies = [
        urllib3.request("POST", f"{site.address}/api/v1/batch", body=b'{"delete": "P9"}\n', headers=headers).json()
        for site in sites
    ]
    assert len({body["id"] for body in bodies}) == 1


def test_batch_goes_on_in_another_site_when_its_site_is_killed(common: Settings, sites: list[Site], token: str) -> None:
    lines = [product(name, price) for price in range(1, 300) for name in PRODUCTS]
    with RPFClient(sites[2].address, token) as client:
        job_id = client.batch(lines)["id"]
    with RPFClient(sites[0].address, token) as client:
        for number, site in enumerate(reversed(sites[1:]), 1):
            wait(lambda done=200 * number: client.job(job_id)["done"] >= done)
            for process in (site.process, *psutil.Process(site.process.pid).children()):
                process.send_signal(signal.SIGKILL)
        job = client.wait_for_job(job_id, MAX_SECONDS)
    assert (job["state"], job["done"], job["problem_count"]) == ("done", job["total"], 0)
    known = read_products(common.collections / "shop")
    assert {known[name].product.price for name in PRODUCTS} == {299}
    assert all(len(known[name].items) == 4 for name in PRODUCTS)


needs_rsync = pytest.mark.skipif(not shutil.which("rsync") or not shutil.which("flock"), reason="needs rsync and flock")


@needs_rsync
def test_site_on_a_copy_notices_each_new_copy_and_never_fails(
    common: Settings, sites: list[Site], wardrobe: dict[Path, dict[str, int]], tmp_path: Path
) -> None:
    source, target = common.collections / "named", tmp_path / "collections" / "named"
    target.parent.mkdir()

    def copy() -> None:
        subprocess.run([COPY, source, target], check=True, timeout=MAX_SECONDS)

    copy()
    local = with_instance(common, tmp_path / "instance").model_copy(
        update={"collections": tmp_path / "collections", "collection": "named"}
    )
    run = Run(common)
    with serve(local, tmp_path / "log") as site:
        for number in range(3):
            photo = shutil.copy(list(wardrobe)[number], tmp_path / f"{number}.jpg")
            run("remove", "named", 2 + number)
            run("add", "named", "--copy", photo)
            if number == 1:
                run("optimize", "named")
            newest = int(Collection.open(source).ids[-1])
            copy()
            wait(lambda newest=newest: site.status(f"/c/named/item/{newest}") == 200)
            assert site.status(f"/c/named/results?item={newest}&a=sleeve_length") == 200
            assert site.status(f"/c/named/item/{2 + number}") == 404
    assert {path.name for path in (target / "segments").iterdir()} == set(Collection.open(target).manifest.segments)
    assert "Traceback" not in (tmp_path / "log").read_text()


@needs_rsync
def test_careless_copy_while_a_command_writes_opens_or_is_refused(
    living: Settings, wardrobe: dict[Path, dict[str, int]], tmp_path: Path
) -> None:
    source, opened, refused = living.collections / "shop", 0, 0
    with forked(living, tmp_path / "commands") as process:
        process.start("add", "shop", "--copy", "--batch", 1, *list(wardrobe)[12:40])
        for number in range(12):
            copy = tmp_path / str(number) / "shop"
            copy.parent.mkdir()
            subprocess.run(["rsync", "-a", f"{source}/", f"{copy}/"], check=False, timeout=MAX_SECONDS)
            try:
                collection = Collection.open(copy)
                assert len(collection.items(collection.ids.tolist())) == len(collection)
                assert all(len(vectors) for _, vectors in collection.chunks(0))
                opened += 1
            except RPFError:
                refused += 1
            shutil.rmtree(copy)
        assert process.wait()[-1] == "0"
    assert opened + refused == 12
