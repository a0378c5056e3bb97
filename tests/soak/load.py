"""Mixed load on a real site for some minutes, with faults: `python -m tests.soak.load --minutes 10`.

Workers are killed, the disk is full for uploads, the collection is changed underneath. Every answer is checked; the
only errors may be 503, and broken connections of a worker that was killed or replaced.
Works in a temporary folder, on loopback.
"""

import argparse
import json
import math
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import urllib3

from benchmarks.common.site_server import Site, serve
from rpf.collection import Collection
from rpf.engine import SearchEngine, SearchRequest
from rpf.ingest.pipeline import ImageRecord
from rpf.ingest.scan import find_images
from rpf.settings import Settings
from tests.e2e.ordinary.images import make
from tests.support import ROOT
from tests.support.collection_builder import index_images
from tests.support.hostile import form, requests
from wardrobe import draw

NAME = "soak"
ITEMS, MORE = 60, 6  # garments that stay, and that come and go
LARGE = ("jpeg", "jpeg exif turned", "png", "webp", "heic", "avif")  # formats of photographs beside the garments
LARGE_MEGAPIXELS = 12
CLIENTS = 8
CLOSE = 5e-3
ATTRS = "sleeve length; neckline design"


class Soak:
    """The site's expected rankings, and counts of its answers and of the faults."""

    def __init__(self, folder: Path, until: float) -> None:
        self.folder, self.until = folder, until
        self.settings = Settings(collections=folder / "collections", collection=NAME, instance=folder / "instance")
        self.statuses: Counter[tuple[str, int]] = Counter()
        self.wrong: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.replaced = 0.0  # when a worker was last, on the monotonic clock
        images = folder / "images"
        images.mkdir()
        for seed in range(ITEMS + MORE):
            draw(seed, size=300).image.save((images if seed < ITEMS else folder) / f"{seed:03}.jpg")
        engine = SearchEngine(self.settings)
        index_images(
            self.settings.collections / NAME, images, [ImageRecord(name) for name in find_images(images)], engine.model
        )
        self.photos = [path.read_bytes() for path in sorted(images.iterdir())]
        self.photos += [make(name, LARGE_MEGAPIXELS) for name in LARGE]
        keys = engine.collection(NAME).vocabulary.parse(ATTRS)
        self.expected = [
            {
                hit.item.id: hit.similarity
                for hit in engine.search(NAME, SearchRequest(engine.embed(photo), dict.fromkeys(keys, 1.0), 1000)).hits
            }
            for photo in self.photos
        ]

    # ---- what clients do ----

    def submit(self, site: Site, http: urllib3.PoolManager, rng: random.Random) -> None:
        """Search with an image, and check the ranking of the garments that stay."""
        place = rng.randrange(len(self.photos))
        photo = self.photos[place] + (b"%d" % rng.randrange(10**9) if rng.random() < 0.5 else b"")
        body, headers = form(photo, attrs=ATTRS, k="1000")
        answer = self._ask(http, "submit", "POST", site.address + "/submit", body=body, headers=headers)
        if answer is None or answer.status != 200:
            return
        ranking, expected = answer.json(), self.expected[place]
        pairs = zip(ranking["ids"], ranking["similarities"], strict=True)
        similarities = {item_id: similarity for item_id, similarity in pairs if item_id in expected}
        if similarities.keys() != expected.keys():
            self._note(f"submit {place}: {len(similarities)} of {ITEMS} garments")
        elif any(abs(similarity - expected[item_id]) > CLOSE for item_id, similarity in similarities.items()):
            self._note(f"submit {place}: other similarities")
        elif ranking["similarities"] != sorted(ranking["similarities"], reverse=True):
            self._note(f"submit {place}: not in order")

    def look(self, site: Site, http: urllib3.PoolManager, rng: random.Random) -> None:
        """Open pages and images."""
        item = rng.randrange(1, ITEMS + 1)
        path, sign = rng.choice(
            [("", b"</html>"), ("about", b"</html>"), (f"item/{item}", b"</html>"), (f"thumb/{item}", b"RIFF"),
             (f"results?item={item}&a=sleeve_length", b"</html>"), (f"image/{item}", b"RIFF"),
             (f"results.csv?item={item}&a=sleeve_length", b"rank,id,path")]
        )  # fmt: skip
        answer = self._ask(http, "look", "GET", f"{site.address}/c/{NAME}/{path}")
        if answer is not None and answer.status == 200 and sign not in answer.data:
            self._note(f"{path}: something else")

    def upload(self, site: Site, http: urllib3.PoolManager, rng: random.Random) -> None:
        """Search by the page form and open the results."""
        page = self._ask(http, "form", "GET", f"{site.address}/c/{NAME}/")
        if page is None or page.status != 200:
            return
        token = re.search(rb'name="csrf_token"[^>]*value="([^"]+)"', page.data)
        assert token
        photo = self.photos[rng.randrange(len(self.photos))] + b"%0100000d" % rng.randrange(10**9)
        body, headers = form(photo, a="sleeve_length", csrf_token=token[1].decode())
        headers["Cookie"] = page.headers["Set-Cookie"].partition(";")[0]
        redirect = self._ask(
            http, "upload", "POST", f"{site.address}/c/{NAME}/search", body=body, headers=headers, redirect=False
        )
        if redirect is None or redirect.status != 303:
            return
        results = self._ask(http, "results", "GET", site.address + redirect.headers["Location"])
        signs = b'<li class="hit', b'class="nothing-seen"'  # the latter for photos without sleeves
        if results is not None and results.status == 200 and not any(sign in results.data for sign in signs):
            self._note("results: none")

    def annoy(self, site: Site, http: urllib3.PoolManager, rng: random.Random) -> None:
        """Send a hostile request, on a new connection, which the server may close."""
        hostile = rng.choice([request for request in HOSTILE if not request.raw])
        options = {"body": hostile.body, "headers": hostile.headers, "redirect": False}
        with urllib3.PoolManager() as connection:
            self._ask(connection, "hostile", hostile.method, site.address + hostile.path, **options)

    def _ask(self, http: urllib3.PoolManager, kind: str, method: str, url: str, **kwargs: Any) -> Any:
        began = time.monotonic()
        try:
            answer = http.request(method, url, retries=False, timeout=90.0, **kwargs)
            status = answer.status
        except (urllib3.exceptions.HTTPError, UnicodeError, ValueError) as error:
            if isinstance(error, urllib3.exceptions.HTTPError) and self.replaced < began - 5 and kind != "hostile":
                self._note(f"{kind}: {type(error).__name__} though no worker was replaced")
            answer, status = None, 0
        with self.lock:
            self.statuses[kind, status] += 1
        if (status >= 500 and status != 503) or (400 <= status < 500 and kind in ("submit", "upload")):
            self._note(f"{kind}: {status} for {method} {urllib3.util.parse_url(url).path}")
        return answer

    def _note(self, what: str) -> None:
        with self.lock:
            self.wrong[what] += 1

    def client(self, site: Site, number: int) -> None:
        """Send requests until the time is up."""
        rng = random.Random(number)
        acts = [self.submit] * 5 + [self.look] * 4 + [self.upload] * 2 + [self.annoy]
        with urllib3.PoolManager() as http:
            while time.monotonic() < self.until:
                rng.choice(acts)(site, http, rng)

    # ---- what breaks ----

    def kill(self, site: Site) -> None:
        """Kill a worker."""
        self.replaced = math.inf
        os.kill(psutil.Process(site.process.pid).children()[0].pid, signal.SIGKILL)
        self._wait_ready(site)
        self.replaced = time.monotonic()

    def reload(self, site: Site) -> None:
        """Replace the worker by SIGHUP."""
        self.replaced = math.inf
        old = psutil.Process(site.process.pid).children()[0]
        site.process.send_signal(signal.SIGHUP)
        psutil.wait_procs([old], timeout=60)
        self._wait_ready(site)
        self.replaced = time.monotonic()

    def fill(self, site: Site) -> None:
        """Refuse writes of files over 40 KB for some seconds (SQLite has one of 32)."""
        served = psutil.Process(site.process.pid).children()[0]
        whole = served.rlimit(psutil.RLIMIT_FSIZE)
        served.rlimit(psutil.RLIMIT_FSIZE, (40_960, whole[1]))
        time.sleep(5)
        with suppress(psutil.NoSuchProcess):
            served.rlimit(psutil.RLIMIT_FSIZE, whole)

    def change(self, site: Site) -> None:
        """Add garments, remove them and merge the segments."""
        for seed in range(ITEMS, ITEMS + MORE):
            shutil.copy(self.folder / f"{seed:03}.jpg", self.folder / "images")
        self._command("add", NAME, str(self.folder / "images"), "--again")
        ids = Collection.open(self.settings.collections / NAME).ids.tolist()
        self._command("remove", NAME, *[str(item_id) for item_id in ids if item_id > ITEMS])
        self._command("optimize", NAME)
        for seed in range(ITEMS, ITEMS + MORE):
            (self.folder / "images" / f"{seed:03}.jpg").unlink()

    def _command(self, *words: str) -> None:
        folders = {"RPF_COLLECTIONS": str(self.settings.collections), "RPF_INSTANCE": str(self.settings.instance)}
        command = [sys.executable, "-m", "rpf", *words]
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, **folders}, capture_output=True, text=True)
        if done.returncode:
            self._note(f"{words[0]}: {done.stderr[-300:]}")

    def _wait_ready(self, site: Site) -> None:
        until = time.monotonic() + 120
        while site.status("/readyz") != 200:
            if time.monotonic() > until:
                self._note("not ready again after 2 minutes")
                return
            time.sleep(0.2)

    def breaker(self, site: Site) -> None:
        """Cause one fault after the other, until the time is up."""
        acts: list[Callable[[Site], None]] = [self.change, self.kill, self.fill, self.reload]
        while time.monotonic() < self.until:
            for act in acts:
                if time.monotonic() < self.until:
                    act(site)
                    self.faults[act.__name__] += 1
                    time.sleep(3)


HOSTILE = requests()


def main() -> int:
    """Run the load, and return 0 if nothing was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    minutes = parser.parse_args().minutes
    with TemporaryDirectory() as name:
        soak = Soak(Path(name), time.monotonic() + 60 * minutes)
        with serve(soak.settings, Path(name) / "log", RPF_RATE_LIMIT="off") as site:
            soak.until, before = time.monotonic() + 60 * minutes, site.resident_bytes()
            threads = [threading.Thread(target=soak.client, args=(site, number)) for number in range(CLIENTS)]
            threads.append(threading.Thread(target=soak.breaker, args=(site,)))
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            soak._wait_ready(site)
            after = site.resident_bytes()
        log = (Path(name) / "log").read_text()
        if "Traceback" in log:
            soak.wrong["the log has a traceback:\n" + log[log.index("Traceback") :][:2000]] += 1
        broken = [
            path.name
            for path in (Path(name) / "instance" / "thumbnails").glob("[!.]*")
            if path.read_bytes()[:4] != b"RIFF"
        ]
        soak.wrong.update(f"broken thumbnail {path}" for path in broken)
    print(
        json.dumps({f"{kind} {status}": number for (kind, status), number in sorted(soak.statuses.items())}, indent=1)
    )
    print("faults:", dict(soak.faults))
    print(f"memory: {before / 1e6:.0f} MB at first, {after / 1e6:.0f} MB at the end")
    print(f"wrong: {soak.wrong.total()}")
    for what, number in soak.wrong.most_common(30):
        print(f"  {number} times: {what}")
    return 1 if soak.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
