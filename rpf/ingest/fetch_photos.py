"""Photos that a feed names by addresses: fetched in parallel into a folder, again only where they have changed."""

import hashlib
import threading
from collections import defaultdict
from collections.abc import Collection, Container, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from urllib.parse import urlsplit

from rpf.errors import TooLarge
from rpf.ingest.scan import SUFFIXES
from rpf.products.table import Address
from rpf.utils.files import write_atomic
from rpf.utils.progress import Progress
from rpf.utils.remote import Unfetchable, fetch_if_changed

MAX_PHOTO_BYTES = 64 * 2**20
PHOTO_SECONDS = 60.0  # for one photo, with all retries
RETRIES = 3  # where a server is overloaded
THREADS = 8
THREADS_PER_HOST = 4


class FetchOutcome(NamedTuple):
    """A photo after the attempt to fetch it."""

    url: str
    address: Address | None  # None where there is no photo, not even an earlier one
    problem: str  # "" where the photo is the newest


def fetch_photos(
    urls: Collection[str], folder: Path, known: Mapping[str, Address], hosts: Container[str], progress: Progress
) -> Iterator[FetchOutcome]:
    """Fetch photos into a folder. A photo that does not come now stays as it was.

    known: what is there of earlier calls, by URL; hosts: that may lie in a private network.
    """
    limits: defaultdict[str, threading.Semaphore] = defaultdict(lambda: threading.Semaphore(THREADS_PER_HOST))
    for url in urls:
        limits[urlsplit(url).netloc]  # made here, in one thread

    def fetch(url: str) -> FetchOutcome:
        earlier = known.get(url)
        if earlier and not (folder / earlier.path).is_file():
            earlier = None
        etag, modified = (earlier.etag, earlier.modified) if earlier else ("", "")
        try:
            with limits[urlsplit(url).netloc]:
                fetched = fetch_if_changed(
                    url, MAX_PHOTO_BYTES, hosts, etag=etag, modified=modified, seconds=PHOTO_SECONDS, retries=RETRIES
                )
            if fetched is None:
                return FetchOutcome(url, earlier, "")
            path = photo_path(url)
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            write_atomic(folder / path, fetched.data)
        except Unfetchable as error:
            return FetchOutcome(url, earlier, error.reason)
        except TooLarge as error:
            return FetchOutcome(url, earlier, str(error))
        return FetchOutcome(url, Address(path, fetched.etag, fetched.modified), "")

    with ThreadPoolExecutor(THREADS) as pool:
        for done, outcome in enumerate(pool.map(fetch, urls)):
            progress("fetching photos", done, len(urls))
            yield outcome
        progress("fetching photos", len(urls), len(urls))


def photo_path(url: str) -> str:
    """Return the path under which the photo at an address is kept."""
    name = hashlib.sha256(url.encode()).hexdigest()
    suffix = PurePosixPath(urlsplit(url).path).suffix.lower()
    return f"{name[:2]}/{name}{suffix if suffix in SUFFIXES else '.jpg'}"
