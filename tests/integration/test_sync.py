"""A shop's feed and its collection: what a sync adds, changes, removes and keeps, however it was interrupted."""

import csv
import json
import os
import random
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from rpf.collection import Collection
from rpf.products.table import read_products
from rpf.settings import Settings
from tests.support.commands import Forked, Run, forked

COLOURS = ("red", "blue")
KILLS = max(3, int(os.environ.get("TEST_KILLS", "4")) // 10)
Rows = list[dict[str, object]]


@pytest.fixture
def shop(tmp_path: Path, tiny_checkpoint: Path) -> Settings:
    return Settings(
        collections=tmp_path / "collections",
        collection="shop",
        checkpoint=tiny_checkpoint,
        instance=tmp_path / "instance",
    )


@pytest.fixture
def run(shop: Settings) -> Run:
    return Run(shop)


@pytest.fixture
def media(tmp_path: Path, wardrobe: dict[Path, dict[str, int]]) -> Path:
    """Copy twenty garments; of each product there are two photos in either colour but for the last one."""
    folder = tmp_path / "media"
    folder.mkdir()
    for number, path in enumerate(list(wardrobe)[:20]):
        shutil.copy(path, folder / f"P{number // 4}-{COLOURS[number // 2 % 2]}-{number % 2}.jpg")
    return folder


def rows(products: Sequence[str] = ("P0", "P1", "P2", "P3", "P4"), prefix: str = "") -> Rows:
    return [
        {"id": f"{name}-{colour}-{size}", "group": name, "title": f"Shirt {name}", "price": 20 + int(name[1:]),
         "colour": colour, "size": size, "category": "Men > Tops", "material": "Cotton",
         "images": ",".join(f"{prefix}{name}-{colour}-{number}.jpg" for number in range(2))}
        for name in products for colour in COLOURS for size in "SM"
    ]  # fmt: skip


def write_feed(file: Path, content: Rows) -> Path:
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, list(content[0]))
        writer.writeheader()
        writer.writerows(content)
    return file


def state(settings: Settings, name: str = "shop") -> dict[str, Any]:
    """Return all products with the paths of their photos, and the paths of all items."""
    collection = Collection.open(settings.collections / name)
    paths = {item.id: item.path for item in collection.items(collection.ids.tolist())}
    listed = list(read_products(settings.collections / name).values())
    return {
        "products": {one.product.id: one.product for one in listed},
        "photos": {one.product.id: {source: paths[item] for source, item in one.items.items()} for one in listed},
        "items": sorted(paths.values()),
    }


def report(settings: Settings) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((settings.collections / "shop" / "sync-report.json").read_bytes())
    return content


def test_sync_adds_changes_and_removes(run: Run, shop: Settings, media: Path, tmp_path: Path) -> None:
    feed = write_feed(tmp_path / "feed.csv", rows())
    out = run("index", "shop", "--feed", feed, "--images", media, "--currency", "EUR", "--facet", "material")
    assert "5 products added, 0 changed, 0 unchanged, 0 removed; photos: 20 added" in out
    first = state(shop)
    assert len(first["items"]) == 20 and all(len(photos) == 4 for photos in first["photos"].values())
    shirt = first["products"]["P1"]
    assert (shirt.title, shirt.price, shirt.currency, len(shirt.variants)) == ("Shirt P1", 21, "EUR", 4)
    ids = Collection.open(shop.collections / "shop").ids.tolist()

    out = run("sync", "shop", feed, "--images", media, "--currency", "EUR")
    assert "0 products added, 0 changed, 5 unchanged, 0 removed; photos: 0 added, 20 unchanged, 0 removed" in out
    assert state(shop) == first and Collection.open(shop.collections / "shop").ids.tolist() == ids

    changed = [{**row, "price": 99} if row["group"] == "P1" else row for row in rows(("P0", "P1", "P2", "P3"))]
    out = run("sync", "shop", write_feed(feed, changed), "--images", media, "--currency", "EUR")
    assert "0 products added, 1 changed, 3 unchanged, 1 removed; photos: 0 added, 16 unchanged, 4 removed" in out
    now = state(shop)
    assert now["products"]["P1"].price == 99 and "P4" not in now["products"]
    assert now["items"] == [path for path in first["items"] if not path.startswith("P4")]
    assert Collection.open(shop.collections / "shop").ids.tolist() == ids[:16]  # nothing was embedded again
    assert report(shop)["products"]["removed"] == ["P4"]


def test_dry_run_changes_nothing(run: Run, shop: Settings, media: Path, tmp_path: Path) -> None:
    feed = write_feed(tmp_path / "feed.csv", rows())
    out = run("sync", "shop", feed, "--images", media, "--dry-run")
    assert "would add P0 Shirt P0" in out and "5 products added" in out and not shop.collections.exists()
    run("sync", "shop", feed, "--images", media)
    before = state(shop)
    out = run("sync", "shop", write_feed(feed, rows(("P0", "P5"))), "--images", media, "--dry-run")
    assert "would add P5" in out and "would remove P4" in out and state(shop) == before


def test_feed_that_lacks_a_third_of_the_products_changes_nothing(
    run: Run, shop: Settings, media: Path, tmp_path: Path
) -> None:
    feed = write_feed(tmp_path / "feed.csv", rows())
    run("sync", "shop", feed, "--images", media)
    before = state(shop)
    write_feed(feed, rows(("P0", "P1", "P7")))
    message = run("sync", "shop", feed, "--images", media, status=2)
    assert "lacks 3 of the 5 products" in message and "--allow-removals" in message and state(shop) == before
    out = run("sync", "shop", feed, "--images", media, "--allow-removals", status=3)  # P7 has no photos
    assert state(shop)["products"].keys() == {"P0", "P1", "P7"} and "1 products have no photo" in out
    assert report(shop)["without_photo"] == ["P7"]


def test_missing_photos_keep_their_products_and_their_items(
    run: Run, shop: Settings, media: Path, tmp_path: Path
) -> None:
    feed = write_feed(tmp_path / "feed.csv", rows())
    run("sync", "shop", feed, "--images", media)
    before = state(shop)
    media.rename(tmp_path / "elsewhere")
    media.mkdir()  # as where a disk is not mounted
    write_feed(feed, [{**row, "title": "New"} for row in rows()])
    run("sync", "shop", feed, "--images", media, status=3)
    now = state(shop)
    assert now["photos"] == before["photos"] and now["items"] == before["items"]
    assert {product.title for product in now["products"].values()} == {"New"}
    assert len(report(shop)["photos"]["skipped"]) == 20
    media.rmdir()
    (tmp_path / "elsewhere").rename(media)
    (media / "P0-red-0.jpg").write_bytes(b"no image any more")
    run("sync", "shop", feed, "--images", media, status=3)
    assert "P0-red-0.jpg" not in state(shop)["photos"]["P0"]


def test_verify_tells_what_is_wrong_with_products(run: Run, shop: Settings, media: Path, tmp_path: Path) -> None:
    feed = write_feed(tmp_path / "feed.csv", rows())
    run("sync", "shop", feed, "--images", media)
    run("verify", "shop")
    file = shop.collections / "shop" / "products.sqlite"
    file.write_bytes(b"not a database")
    file.with_name(f"{file.name}-wal").unlink(missing_ok=True)
    assert "Delete products.sqlite there" in run("verify", "shop", status=1)
    assert "cannot be used" in run("sync", "shop", feed, "--images", media, status=2)


def test_broken_rows_are_told_by_line_and_the_rest_is_indexed(
    run: Run, shop: Settings, media: Path, tmp_path: Path
) -> None:
    content = rows()
    content[2]["price"] = "a lot"
    content[5]["images"] = "../outside.jpg"
    feed = write_feed(tmp_path / "feed.csv", content)
    lines = run("sync", "shop", feed, "--images", media, stream="stderr")
    assert "line 4, price" in lines and "line 7, images" in lines
    assert len(state(shop)["products"]) == 5 and len(report(shop)["problems"]) == 2
    message = run("sync", "shop", write_feed(feed, [{"name": "x", "colour": "y"}]), "--images", media, status=2)
    assert "mapping" in message


class Photos(SimpleHTTPRequestHandler):
    """Serve a folder with ETags; some paths are refused."""

    refused: ClassVar[set[str]] = set()
    fetched: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        file = Path(self.translate_path(self.path))
        if file.name in self.refused or not file.is_file():
            self.send_error(404)
            return
        tag = f'"{file.stat().st_mtime_ns}"'
        if self.headers["If-None-Match"] == tag:
            self.send_response(304)
            self.end_headers()
            return
        self.fetched.append(file.name)
        data = file.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", tag)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(media: Path) -> Iterator[str]:
    """Serve the photos on loopback."""
    Photos.refused, Photos.fetched = set(), []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Photos, directory=str(media)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()


def test_photos_are_fetched_once_and_kept_where_they_do_not_answer(
    shop: Settings, server: str, media: Path, tmp_path: Path
) -> None:
    run = Run(shop, RPF_IMAGE_HOSTS=server)
    feed = write_feed(tmp_path / "feed.csv", rows(("P0", "P1", "P2"), f"http://{server}/"))
    assert "RPF_IMAGE_HOSTS" in Run(shop)("sync", "shop", feed, status=3, stream="stderr")  # loopback is private
    Photos.refused = {"P1-red-0.jpg"}
    run("sync", "shop", feed, status=3)
    before = state(shop)
    assert len(before["items"]) == 11 and len(Photos.fetched) == 11
    Photos.refused = {"P2-red-0.jpg"}
    shutil.copy(media / "P4-red-0.jpg", media / "P0-red-0.jpg")
    run("sync", "shop", feed, status=3)
    assert sorted(Photos.fetched[11:]) == ["P0-red-0.jpg", "P1-red-0.jpg"]
    now = state(shop)
    assert len(now["items"]) == 12 and set(before["items"]) < set(now["items"])
    assert all(len(photos) == 4 for photos in now["photos"].values())


def two_feeds(folder: Path) -> list[Path]:
    """Write two feeds, each with a product that the other lacks, and with other prices."""
    return [
        write_feed(folder / "0.csv", rows(("P0", "P1", "P2", "P3"))),
        write_feed(folder / "1.csv", [{**row, "price": 7} for row in rows(("P4", "P1", "P2", "P3"))]),
    ]


def undisturbed(
    process: Forked, shop: Settings, feeds: Sequence[Path], args: Sequence[object]
) -> tuple[list[dict[str, Any]], float]:
    """Sync one feed after another; return the state after each, and the seconds that the last one held the lock."""
    states, seconds = [], 0.0
    for feed in feeds:
        process.start("sync", "whole", feed, *args)
        assert process.heard() == "locked"
        began = time.monotonic()
        assert process.heard() == "free"
        seconds = time.monotonic() - began
        assert process.wait() == ["0"]
        states.append(state(shop, "whole"))
    return states, seconds


def test_killed_syncs_end_in_the_state_of_an_undisturbed_one(shop: Settings, media: Path, tmp_path: Path) -> None:
    """Kill -9 at random moments between the first and the last write, then let the same sync end."""
    feeds, args = two_feeds(tmp_path), ["--images", media, "--batch", 2]
    rng = random.Random(int(os.environ.get("TEST_SEED", "18")))
    with forked(shop, tmp_path / "log") as process:
        ends, seconds = undisturbed(process, shop, feeds, args)
        killed = 0
        for feed, end in [*zip(feeds, ends, strict=True)] * KILLS:
            process.start("sync", "shop", feed, *args)
            assert process.heard() == "locked"
            time.sleep(rng.uniform(0, seconds))
            process.kill()
            killed += process.wait()[-1] == "-9"
            assert process.run("sync", "shop", feed, *args) == 0
            assert state(shop) == end
    assert killed >= KILLS


def test_two_syncs_at_once_end_in_the_state_of_the_last_one(shop: Settings, media: Path, tmp_path: Path) -> None:
    """Let one wait for the other, which ends or is killed -9; then the one that waits is killed."""
    feeds, args = two_feeds(tmp_path), ["--images", media, "--batch", 2, "--wait", 60]
    rng = random.Random(int(os.environ.get("TEST_SEED", "18")))
    with forked(shop, tmp_path / "log-0") as first, forked(shop, tmp_path / "log-1") as second:
        ends, seconds = undisturbed(first, shop, feeds, args)
        latest = seconds / 2  # to kill at: measured while other tests ran, a sync may be twice as fast later
        killed = 0
        for _ in range(KILLS):
            first.start("sync", "shop", feeds[0], *args)
            second.start("sync", "shop", feeds[0], *args)
            assert first.wait() == second.wait() == ["locked", "free", "0"]
            assert state(shop) == ends[0]

            first.start("sync", "shop", feeds[0], *args)
            assert first.heard() == "locked"
            second.start("sync", "shop", feeds[1], *args)
            time.sleep(rng.uniform(0, latest))
            first.kill()
            killed += first.wait()[-1] == "-9"
            assert second.wait() == ["locked", "free", "0"]
            assert state(shop) == ends[1]

            first.start("sync", "shop", feeds[0], *args)
            assert first.heard() == "locked"
            second.start("sync", "shop", feeds[1], *args)
            time.sleep(rng.uniform(0, latest))
            second.kill()
            killed += second.wait()[-1] == "-9"
            assert first.wait() == ["free", "0"]
            assert first.run("sync", "shop", feeds[0], *args) == 0  # should the killed one have got the lock
            assert state(shop) == ends[0]
    assert killed >= KILLS
