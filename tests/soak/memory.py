"""Memory of a site under uploads of large images: `python -m tests.soak.memory`.

Sends 400 uploads of 2 to 15 MB, 16 at a time, by the page form and by /submit; all must be accepted, and the memory
after all of them must be within 5% of that after half. Then sends 16 images of 50 megapixels together, for the peak.
Works in a temporary folder, on loopback, with the built-in model.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import urllib3

from benchmarks.common.site_server import Site, serve
from rpf.inference.load import load_model
from rpf.ingest.pipeline import ImageRecord
from rpf.settings import Settings
from tests.e2e.ordinary.doors import UPLOADED, open_form
from tests.e2e.ordinary.images import FORMATS, SIZES, make
from tests.support.collection_builder import index_images
from wardrobe import draw

NAME, ITEMS = "garments", 24
CLIENTS = 16
MIN_BYTES, MAX_BYTES = 2e6, 15e6
STEPS = 8
GROWTH = 0.05
MB = 1e6


class Uploads:
    """Clients of a site, and the statuses of its responses."""

    def __init__(self, site: Site) -> None:
        self.statuses: Counter[int] = Counter()
        self._site = site
        token, self._cookie = open_form(urllib3.PoolManager(), f"{site.address}/c/{NAME}/")
        self._form = {"a": "sleeve_length", "csrf_token": token}

    def send(self, images: Sequence[bytes], numbers: range) -> None:
        """Send the images in turn, CLIENTS at a time, each as a file that is new to the site."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            self.statuses.update(pool.map(lambda number: self._send(images[number % len(images)], number), numbers))

    def _send(self, image: bytes, number: int) -> int:
        file = ("photo", image + b"%d" % number)  # decoders do not read on behind an image's end
        if number % 2:
            address, fields, headers = "submit", {"attrs": "sleeve length"}, {}
        else:
            address, fields, headers = f"c/{NAME}/search", self._form, self._cookie
        url = f"{self._site.address}/{address}"
        try:
            with urllib3.PoolManager(retries=False, timeout=120) as http:
                answer = http.request("POST", url, fields={**fields, "image": file}, headers=headers, redirect=False)
                if answer.status == 303:  # open the results and the image beside them, as a browser does
                    answer = http.request("GET", self._site.address + answer.headers["Location"])
                    if shown := UPLOADED.search(answer.data):
                        answer = http.request("GET", self._site.address + shown[1].decode())
        except urllib3.exceptions.HTTPError:
            return 0
        return answer.status


def peak_during(site: Site, work: Callable[[], object]) -> int:
    """Do the work and return the site's peak memory meanwhile, in bytes, sampled 50 times a second."""
    largest = 0
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work)
        while not done.done():
            largest = max(largest, site.resident_bytes())
            time.sleep(0.02)
        done.result()
    return largest


def settled(site: Site) -> int:
    """Return the memory in use after two idle seconds, in bytes."""
    time.sleep(2)
    return site.resident_bytes()


def prepare(folder: Path) -> Settings:
    """Index a few garments with the built-in model."""
    settings = Settings(collections=folder / "collections", collection=NAME, instance=folder / "instance")
    (folder / "images").mkdir()
    for seed in range(ITEMS):
        draw(seed, size=300).image.save(folder / "images" / f"{seed:03}.jpg")
    sources = [ImageRecord(f"{seed:03}.jpg") for seed in range(ITEMS)]
    index_images(settings.collections / NAME, folder / "images", sources, load_model(settings))
    return settings


def main() -> int:
    """Send all images and print the memory; return 0 if it stayed within GROWTH and all were accepted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uploads", type=int, default=400)
    uploads = parser.parse_args().uploads
    drawn = [
        (megapixels, make(name, megapixels))
        for megapixels, name in product(SIZES, FORMATS)
        if 3 <= megapixels <= FORMATS[name].max_megapixels
    ]
    images = [image for _, image in drawn if MIN_BYTES <= len(image) <= MAX_BYTES]
    largest = [image for megapixels, image in drawn if megapixels == SIZES[-1]]
    with TemporaryDirectory() as name, serve(prepare(Path(name)), Path(name) / "log", RPF_RATE_LIMIT="off") as site:
        clients, levels = Uploads(site), [settled(site)]
        print(f"{uploads} uploads of {len(images)} images, {CLIENTS} at a time; at first {levels[0] / MB:.0f} MB")
        for step in range(STEPS):
            numbers = range(uploads * step // STEPS, uploads * (step + 1) // STEPS)
            peak = peak_during(site, partial(clients.send, images, numbers))
            levels.append(settled(site))
            print(f"after {numbers.stop}: {levels[-1] / MB:.0f} MB, peak {peak / MB:.0f} MB", flush=True)
        peak = peak_during(site, partial(clients.send, largest, range(uploads, uploads + CLIENTS)))
        print(f"{CLIENTS} of 50 megapixels together: peak {peak / MB:.0f} MB, then {settled(site) / MB:.0f} MB")
    growth = levels[-1] / levels[STEPS // 2] - 1
    print(f"from half of the uploads to all: {100 * growth:+.1f}%; answers: {dict(clients.statuses)}")
    return 1 if growth > GROWTH or clients.statuses.keys() != {200} else 0


if __name__ == "__main__":
    sys.exit(main())
