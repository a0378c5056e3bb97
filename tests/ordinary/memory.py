"""Memory of a site that large images are sent to: `python -m tests.ordinary.memory`.

Sends 400 uploads of 2 to 15 MB, 16 at once, by the page form and by /submit; all must be accepted, and the memory
after all of them must be within 5% of that after half. Then sends 16 images of 50 megapixels at once, for the peak.
Works in a temporary folder, on loopback, with the built-in model.
"""

import argparse
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import urllib3

from rpf.bench.site import Site, serve
from rpf.data.wardrobe import draw
from rpf.engine import load_model
from rpf.indexing import Source, index
from rpf.settings import Settings
from tests.ordinary.images import FORMATS, SIZES, make

NAME, ITEMS = "garments", 24
CLIENTS = 16
MIN_BYTES, MAX_BYTES = 2e6, 15e6
GROWTH = 0.05
MB = 1e6


class Uploads:
    """Clients of a site, and what it answered."""

    def __init__(self, site: Site) -> None:
        self.statuses: Counter[int] = Counter()
        self._site = site
        self._http = urllib3.PoolManager(maxsize=CLIENTS, retries=False, timeout=120)
        page = self._http.request("GET", f"{site.address}/c/{NAME}/")
        token = re.search(rb'name="csrf_token"[^>]*value="([^"]+)"', page.data)
        assert token
        self._form = {"a": "sleeve_length", "csrf_token": token[1].decode()}
        self._cookie = {"Cookie": page.headers["Set-Cookie"].partition(";")[0]}

    def send(self, images: Sequence[bytes], numbers: range) -> None:
        """Send the images in turn, CLIENTS at once, each as a file that the site has not seen."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            self.statuses.update(pool.map(lambda number: self._send(images[number % len(images)], number), numbers))

    def _send(self, image: bytes, number: int) -> int:
        file = ("photo", image + b"%d" % number)  # decoders do not read on behind an image's end
        if number % 2:
            address, fields, headers = "submit", {"attrs": "sleeve length"}, {}
        else:
            address, fields, headers = f"c/{NAME}/search", self._form, self._cookie
        try:
            url = f"{self._site.address}/{address}"
            answer = self._http.request("POST", url, fields={**fields, "image": file}, headers=headers, redirect=False)
            if answer.status == 303:
                answer = self._look(answer.headers["Location"])
        except urllib3.exceptions.HTTPError:
            return 0
        return answer.status

    def _look(self, results: str) -> urllib3.BaseHTTPResponse:
        """Open the results and the uploaded image beside them, as a browser does."""
        answer = self._http.request("GET", self._site.address + results)
        shown = re.search(rb'(?:src|href)="([^"]+/upload/[^"]+)"', answer.data)
        return self._http.request("GET", self._site.address + shown[1].decode()) if shown else answer


@contextmanager
def peak(site: Site, most: list[int]) -> Iterator[None]:
    """Append the largest memory that the site has meanwhile, looked at 50 times a second."""
    done, seen = threading.Event(), [0]

    def look() -> None:
        while not done.wait(0.02):
            seen[0] = max(seen[0], site.resident_bytes())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        most.append(seen[0])


def settled(site: Site) -> int:
    """The memory that is left when nothing is going on."""
    time.sleep(2)
    return site.resident_bytes()


def prepare(folder: Path) -> Settings:
    settings = Settings(folder / "collections", NAME, instance=folder / "instance")
    (folder / "images").mkdir()
    for seed in range(ITEMS):
        draw(seed, size=300).picture.save(folder / "images" / f"{seed:03}.jpg")
    sources = [Source(f"{seed:03}.jpg") for seed in range(ITEMS)]
    index(settings.collections / NAME, folder / "images", sources, load_model(settings))
    return settings


def main() -> int:
    """0 if all went well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uploads", type=int, default=400)
    uploads = parser.parse_args().uploads
    began = time.monotonic()
    whole = [
        (megapixels, make(name, megapixels))
        for megapixels, name in product(SIZES, FORMATS)
        if 3 <= megapixels <= FORMATS[name].max_megapixels
    ]
    images = [image for _, image in whole if MIN_BYTES <= len(image) <= MAX_BYTES]
    largest = [image for megapixels, image in whole if megapixels == SIZES[-1]]
    total = sum(len(images[number % len(images)]) for number in range(uploads))
    print(f"{len(images)} images of 2 to 15 MB made in {time.monotonic() - began:.0f} s")
    print(f"{uploads} uploads, {total / 1e9:.1f} GB")
    with TemporaryDirectory() as name, serve(prepare(Path(name)), Path(name) / "log", RPF_RATE_LIMIT="off") as site:
        clients, peaks, levels = Uploads(site), list[int](), [settled(site)]
        began = time.monotonic()
        steps = 8
        for step in range(steps):
            with peak(site, peaks):
                clients.send(images, range(uploads * step // steps, uploads * (step + 1) // steps))
            levels.append(settled(site))
            print(
                f"after {uploads * (step + 1) // steps} uploads, {time.monotonic() - began:.0f} s: "
                f"{levels[-1] / MB:.0f} MB, peak {peaks[-1] / MB:.0f} MB", flush=True,
            )  # fmt: skip
        with peak(site, peaks):
            clients.send(largest, range(uploads, uploads + CLIENTS))
        after = settled(site)
        print(f"16 images of 50 megapixels at once: peak {peaks[-1] / MB:.0f} MB, {after / MB:.0f} MB afterwards")
    growth = levels[-1] / levels[len(levels) // 2] - 1
    print(f"at first {levels[0] / MB:.0f} MB; from half of the uploads to all: {100 * growth:+.1f}%")
    print(f"answers: {dict(clients.statuses)}")
    refused = {status for status in clients.statuses if status != 200}
    return 1 if growth > GROWTH or refused else 0


if __name__ == "__main__":
    sys.exit(main())
