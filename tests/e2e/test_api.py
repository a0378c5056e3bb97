"""/api/v1 by the client, on a site of two processes: changes are seen by both, batches survive kill -9."""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
import urllib3

from benchmarks.common.site_server import Site, serve
from benchmarks.serving import batch
from rpf.access.keys import KeyStore
from rpf.client import APIError, RPFClient
from rpf.collection import Collection
from rpf.products.table import read_products
from rpf.settings import Settings
from tests.conftest import with_instance
from tests.support import ROOT
from tests.support.commands import Run
from tests.support.shop import PRODUCTS, product

TWO = ("--workers", "2")
MAX_SECONDS = 90.0
FRESH_SECONDS = 1.0  # in which a change is seen everywhere
SENT = {"Connection": "close"}  # so that each request may go to the other process


def copied(shop_settings: Settings, folder: Path) -> tuple[Settings, str]:
    """Copy the shop; return its settings, and a write key."""
    shutil.copytree(shop_settings.collections, folder / "collections")
    settings: Settings = with_instance(shop_settings, folder / "instance").model_copy(
        update={"collections": folder / "collections"}
    )
    return settings, KeyStore(settings.instance).create("write", "sync")[1]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, shop_settings: Settings) -> tuple[Settings, str]:
    return copied(shop_settings, tmp_path_factory.mktemp("two-processes"))


@pytest.fixture
def settings(shop: tuple[Settings, str]) -> Settings:
    return shop[0]


@pytest.fixture
def token(shop: tuple[Settings, str]) -> str:
    return shop[1]


@pytest.fixture(scope="module")
def site(shop: tuple[Settings, str]) -> Iterator[Site]:
    """Start a site of two processes. Its tests change the products P1 and P2, and put them as they need them."""
    with serve(shop[0], shop[0].instance.parent / "log", args=TWO, RPF_METRICS="1") as running:
        wait_for_both(running)
        yield running


@pytest.fixture
def client(site: Site, token: str) -> Iterator[RPFClient]:
    with RPFClient(site.address, token) as connected:
        yield connected


def wait_for_both(site: Site) -> None:
    """Wait until both processes can search."""
    ready: set[str] = set()
    deadline = time.monotonic() + MAX_SECONDS
    while len(ready) < 2 and time.monotonic() < deadline:
        lines = urllib3.request("GET", f"{site.address}/metrics", headers=SENT).data.decode().splitlines()
        if "rpf_ready 1.0" in lines:
            ready |= {line for line in lines if line.startswith("process_start_time_seconds")}
        time.sleep(0.02)
    assert len(ready) == 2


def prices(site: Site, token: str, count: int = 16) -> set[Any]:
    """Ask for a product by new connections, of which each may reach the other process."""
    headers = {**SENT, "Authorization": f"Bearer {token}"}
    body = {"item": 9, "fields": ["product"], "attributes": ["sleeve length"]}
    shown = set()
    for _ in range(count):
        answer = urllib3.request("POST", f"{site.address}/api/v1/search", json=body, headers=headers)
        assert answer.status == 200, answer.data
        shown |= {one["product"]["price"] for one in answer.json()["results"] if one["product"]["id"] == "P1"}
    return shown


def test_change_is_seen_by_searches_of_both_processes_within_a_second(
    site: Site, client: RPFClient, token: str
) -> None:
    for price in (5, 6, 7):
        assert client.put_product(product("P1", price))["change"] == "changed"
        changed = time.monotonic()
        while (shown := prices(site, token, 8)) != {price}:
            assert time.monotonic() < changed + FRESH_SECONDS, shown
    client.delete_product("P1")
    assert prices(site, token) == set()


def test_client_covers_the_api(site: Site, client: RPFClient, settings: Settings) -> None:
    client.put_product(product("P1"))
    photo = settings.collections / "shop" / "images" / "P0-red-0.jpg"
    body = client.search(photo, attributes=["sleeve length"], limit=3)
    assert len(body["results"]) == 3 and body["total"] == 5
    assert client.search(photo.read_bytes(), attributes={"sleeve_length": 1.0}, limit=3)["results"] == body["results"]
    assert client.search(img_path="P0-red-0.jpg", attributes=["sleeve length"], limit=3)["results"] == body["results"]
    assert client.describe(photo) == client.describe(img_path="P0-red-0.jpg")
    assert [one["name"] for one in client.collections()] == ["shop", "named"]
    assert client.attributes("vi")[0]["values"]
    assert client.product("P1")["columns"] == {"cost": "7"}
    event = {"action_name": "click", "query_id": body["query_id"]}
    assert client.send_events([event, {}])["accepted"] == 1
    job = client.wait_for_job(client.batch([product("P1", 3), {"id": "a/b c?", "title": "Odd"}], ["P2"])["id"])
    assert (job["state"], job["changed"], job["added"], job["deleted"]) == ("done", 1, 1, 1)
    assert client.product("a/b c?")["title"] == "Odd" and client.delete_product("a/b c?")
    with pytest.raises(APIError, match=r"404: There is no product") as error:
        client.product("P2")
    assert error.value.status == 404
    with RPFClient(site.address, collection="named") as named, pytest.raises(APIError, match="401"):
        named.search(item=1)


def test_client_loads_no_torch(site: Site, token: str) -> None:
    program = (
        "import sys; from rpf.client import RPFClient;"
        "print(RPFClient(sys.argv[1], sys.argv[2]).search(item=1)['total'] > 2,"
        " [name for name in ('torch', 'numpy', 'flask', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, site.address, token],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("True []\n", "")


def test_batch_goes_on_in_another_process_when_its_process_is_killed(
    site: Site, client: RPFClient, settings: Settings
) -> None:
    job_id = client.batch(long_batch())["id"]
    master = psutil.Process(site.process.pid)
    killed = 0
    while killed < 3 and (job := client.job(job_id))["state"] in ("waiting", "running"):
        if job["done"] > 100 * (killed + 1):
            master.children()[0].send_signal(signal.SIGKILL)  # the one that has run for longest
            killed += 1
        time.sleep(0.02)
    job = client.wait_for_job(job_id, MAX_SECONDS)
    assert killed and (job["state"], job["done"], job["problem_count"]) == ("done", job["total"], 0)
    check_long_batch(settings)


def test_sync_beside_puts_loses_and_doubles_nothing(
    site: Site, client: RPFClient, settings: Settings, tmp_path: Path
) -> None:
    folder = settings.collections / "shop"
    feed = tmp_path / "feed.csv"
    photos = {name: ",".join(photo["source"] for photo in product(name)["photos"]) for name in PRODUCTS}
    lines = [f'{name},Shirt {name},{price},"{photos[name]}"' for price, name in enumerate(PRODUCTS, 20)]
    feed.write_text("\n".join(["id,title,price,images", *lines]))
    run = Run(settings)
    args = "sync", "shop", feed, "--images", folder / "images", "--allow-removals", "--wait", MAX_SECONDS
    run(*args)
    before, ids = read_products(folder), set(Collection.open(folder).ids.tolist())
    ended = threading.Event()

    def put() -> int:
        """Put two products of the feed, and one that it lacks, until the end, and once after it."""
        for price in itertools.count(100):
            last_round = ended.is_set()
            for name in ("P1", "P2", "P5"):
                client.put_product(product(name, price, photos=product(name if name != "P5" else "P0")["photos"]))
            if last_round:
                return price
        raise AssertionError

    with ThreadPoolExecutor(1) as pool:
        puts = pool.submit(put)
        for _ in range(3):
            run(*args)
        ended.set()
        last = puts.result()
    now = read_products(folder)
    assert last > 100 and {now[name].product.price for name in ("P1", "P2", "P5")} == {last}
    run(*args)
    assert read_products(folder) == before and set(Collection.open(folder).ids.tolist()) == ids


def test_batch_goes_on_when_the_site_is_started_again(shop_settings: Settings, tmp_path: Path) -> None:
    settings, token = copied(shop_settings, tmp_path)
    job_id = ""
    for start in range(3):
        with serve(settings, tmp_path / f"log-{start}", args=TWO) as site, RPFClient(site.address, token) as client:
            job_id = job_id or client.batch(long_batch())["id"]
            if start == 2:
                job = client.wait_for_job(job_id, MAX_SECONDS)
                assert (job["state"], job["done"], job["problem_count"]) == ("done", job["total"], 0)
                break
            while client.job(job_id)["done"] < 200 * (start + 1):
                time.sleep(0.02)
            workers = psutil.Process(site.process.pid).children()
            for process in (site.process, *workers):
                process.send_signal(signal.SIGKILL)
    check_long_batch(settings)


def test_batch_benchmark_measures_batches_beside_indexing(shop_settings: Settings, tmp_path: Path) -> None:
    plan = {"products": 4, "photos": 2, "without_photos": 3}
    report = batch.measure(plan, shop_settings, tmp_path, lambda phase, done, total: None)
    rows = {row["batch"]: row for row in report["batches"]}
    assert [row["batch"] for row in report["batches"]].count("`rpf index`") == 2
    assert (rows["new, with photos"]["lines"], rows["deleted"]["lines"]) == (4, 3)
    assert rows["new, with photos"]["photos_per_second"] > 0 and rows["new prices"]["photos_per_second"] is None
    assert not any(row.get("problems") for row in report["batches"])
    assert sum(line.startswith("| ") for line in batch.as_markdown(report)) == 8


def long_batch() -> list[dict[str, Any]]:
    """Change the prices of all products many times, and add some."""
    changes = [product(name, price) for price in range(1, 300) for name in PRODUCTS]
    return [*changes, *({"id": f"N{number}", "title": "New"} for number in range(200))]


def check_long_batch(settings: Settings) -> None:
    known = read_products(settings.collections / "shop")
    assert {known[name].product.price for name in PRODUCTS} == {299}
    assert len(known) == 205 and all(len(known[name].items) == 4 for name in PRODUCTS)
