"""Doors: the ways for an image into the program, each of which takes a file and returns its ranking."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from urllib.parse import urljoin

import pytest
import urllib3
from PIL import Image

from benchmarks.common.site_server import Site
from rpf.engine import Collection, Query, SearchEngine, SearchRequest
from rpf.settings import Settings
from tests.support.commands import Run
from tests.support.nginx import Front

ATTRS = "sleeve length; neckline design; skirt length"
K = 40
CURL = shutil.which("curl")

UPLOADED = re.compile(rb'(?:src|href)="([^"]+/upload/[^"]+)"')  # the uploaded image beside its results

Ranking = dict[int, float]  # item id -> similarity, best first


class Refused(AssertionError):
    """Refusal of an image by a door; the text begins with the status."""


@dataclass
class Doors:
    """A running site over the collection "tiny", and the commands."""

    settings: Settings
    engine: SearchEngine
    site: Site
    front: Callable[[], Front]
    photo: Path  # inside the image folder of "tiny"
    folder: Path  # for collections of its settings
    resident_bytes: int  # of the site at its start

    def page_form(self, image: Path) -> Ranking:
        """Search as a browser does: the form, its results, and the image beside them."""
        http = urllib3.PoolManager(retries=False)
        token, cookie = open_form(http, f"{self.site.address}/c/tiny/")
        fields = [("image", (image.name, image.read_bytes())), ("csrf_token", token)]
        fields += [("a", key) for key in self.keys]
        search = f"{self.site.address}/c/tiny/search"
        answer = http.request("POST", search, fields=fields, headers=cookie, redirect=False)
        _check(answer.status, answer.data, 303)
        address = urljoin(search, answer.headers["Location"])
        results = http.request("GET", address)
        _check(results.status, results.data)
        shown = UPLOADED.search(results.data)
        assert shown
        thumbnail = http.request("GET", urljoin(search, shown[1].decode()))
        _check(thumbnail.status, thumbnail.data)
        assert thumbnail.data[:4] == b"RIFF"
        exported = http.request("GET", address.replace("/results?", "/results.json?")).json()["results"]
        return {row["id"]: row["similarity"] for row in exported}

    def submit_form(self, image: Path) -> Ranking:
        """Post a form, its body in one piece."""
        fields = {"image": (image.name, image.read_bytes()), "attrs": ATTRS, "k": str(K)}
        return self._submit(fields=fields)

    def submit_curl(self, image: Path) -> Ranking:
        """Post a form by curl, which sends large ones in chunks and waits for "100 Continue" first."""
        if CURL is None:
            pytest.skip("needs curl: apt-get install curl")
        command = [CURL, "--silent", "--show-error", "--write-out", "\n%{http_code}", "--form", f'image=@"{image}"']
        command += ["--form-string", f"attrs={ATTRS}", "--form-string", f"k={K}", f"{self.site.address}/submit"]
        done = subprocess.run(command, capture_output=True)
        body, _, status = done.stdout.rpartition(b"\n")
        return _ranking(int(status), body or done.stderr)

    def submit_path(self, image: Path) -> Ranking:
        """Post the path of an image that the site may read."""
        body = {"img_path": str(image), "attrs": ATTRS, "k": K}
        return self._submit(json=body)

    def submit_nginx(self, image: Path) -> Ranking:
        """Post a form to nginx before the site."""
        fields = {"image": (image.name, image.read_bytes()), "attrs": ATTRS, "k": str(K)}
        answer = self.front().ask("POST", "/submit", fields=fields)
        return _ranking(answer.status, answer.data)

    def search(self, image: Path) -> Ranking:
        """Search by the command line."""
        output = _output(Run(self.settings), "search", "tiny", image, "--attrs", ATTRS, "-k", K, "--json")
        return {row["id"]: row["similarity"] for row in json.loads(output)["results"]}

    def index(self, image: Path) -> Ranking:
        """Index a folder that holds the image, and search with what was stored of it."""
        folder = Path(mkdtemp(dir=self.folder))
        (folder / "images").mkdir()
        shutil.copy(image, folder / "images")
        settings = self.settings.model_copy(update={"collections": folder})
        output = _output(Run(settings), "index", "indexed", folder / "images")
        return self._stored(folder / "indexed", image, output)

    def add(self, image: Path) -> Ranking:
        """Add the image to a collection, and search with what was stored of it."""
        settings = self.settings.model_copy(update={"collections": self.folder})
        if not (self.folder / "added").is_dir():
            shutil.copytree(self.photo.parent, self.folder / "wardrobe")
            _output(Run(settings), "index", "added", self.folder / "wardrobe")
        output = _output(Run(settings), "add", "added", "--copy", image)
        return self._stored(self.folder / "added", image, output)

    def in_process(self, image: Path) -> Ranking:
        """Rank by the engine alone: the reference of every door."""
        return self._ranked(self.engine.embed(image, self.keys))

    def upright(self, image: Image.Image) -> Ranking:
        """Rank by decoded pixels: the reference of every format."""
        embedded = self.engine.model.embed([image])
        return self._ranked(Query(embedded.embedding[0], None, image.size))

    @cached_property
    def keys(self) -> list[str]:
        return list(self.engine.collection("tiny").vocabulary.parse(ATTRS))

    def _submit(self, **body: Any) -> Ranking:
        # A connection of its settings: an idle one may be closed by the site just as it is used again.
        with urllib3.PoolManager(retries=False, timeout=60) as http:
            answer = http.request("POST", f"{self.site.address}/submit", **body)
        return _ranking(answer.status, answer.data)

    def _stored(self, folder: Path, image: Path, output: str) -> Ranking:
        collection = Collection.open(folder)
        for item in collection.items(collection.ids.tolist()):
            if item.path == image.name:
                query = Query(collection.vectors(item.id), None, (item.width, item.height))
                return self._ranked(query)
        raise Refused(f"skipped: {output}")

    def _ranked(self, query: Query) -> Ranking:
        hits = self.engine.search("tiny", SearchRequest(query, dict.fromkeys(self.keys, 1.0), K)).hits
        return {hit.item.id: hit.similarity for hit in hits}


def open_form(http: urllib3.PoolManager, address: str) -> tuple[str, dict[str, str]]:
    """Return the CSRF token of the page with the form, and the header that brings its cookie back."""
    page = http.request("GET", address)
    token = re.search(rb'name="csrf_token"[^>]*value="([^"]+)"', page.data)
    assert token
    return token[1].decode(), {"Cookie": page.headers["Set-Cookie"].partition(";")[0]}


def _output(run: Run, *args: object) -> str:
    try:
        return run(*args)
    except AssertionError as error:
        raise Refused(f"status: {error}") from None


def _check(status: int, answer: bytes, expected: int = 200) -> None:
    if status != expected:
        raise Refused(f"{status}: {answer[:500].decode(errors='replace')}")


def _ranking(status: int, answer: bytes) -> Ranking:
    _check(status, answer)
    body = json.loads(answer)
    return dict(zip(body["ids"], body["similarities"], strict=True))


DOORS: dict[str, Callable[[Doors, Path], Ranking]] = {
    "page form": Doors.page_form,
    "/submit form": Doors.submit_form,
    "/submit curl": Doors.submit_curl,
    "/submit path": Doors.submit_path,
    "nginx": Doors.submit_nginx,
    "search": Doors.search,
    "index": Doors.index,
    "add": Doors.add,
}
