"""The site, as it runs, over a collection that other processes change."""

import json
import shutil
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.error import HTTPError

import numpy as np

from benchmarks.common.site_server import serve
from rpf.collection import Collection
from rpf.engine import SearchEngine, SearchRequest
from rpf.settings import Settings
from tests.support.commands import forked

ATTRIBUTE = "sleeve_length"
ALL = 1000
PAUSE = 0.02  # seconds between the requests of a thread, so that they leave time to the commands
LONGEST = 120  # seconds for anything, against hanging


def ask(address: str, count: int) -> tuple[list[int], list[float]]:
    """Search with the image 000.jpg, and return the ids and similarities."""
    body = json.dumps({"img_path": "000.jpg", "attrs": ATTRIBUTE, "k": count}).encode()
    request = urllib.request.Request(f"{address}/submit", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=LONGEST) as answer:
        results = json.load(answer)
    return results["ids"], results["similarities"]


class Asking:
    """Threads that search and browse all the time, with their answers and failures."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.answers: dict[int, list[tuple[int, list[int], list[float]]]] = {}  # thread -> (count, ids, similarities)
        self.pages = 0
        self.failures: list[str] = []
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._search, args=(number,)) for number in range(3)]
        self._threads.append(threading.Thread(target=self._browse))

    def __enter__(self) -> "Asking":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    def until_all_have_answers(self) -> None:
        """Wait for two more answers in every thread, of which at least one is to a request sent from now on."""
        before = {number: len(answers) for number, answers in self.answers.items()}
        pages, began = self.pages, time.monotonic()
        while self.pages < pages + 2 or any(
            len(answers) < before[number] + 2 for number, answers in self.answers.items()
        ):
            assert not self.failures and time.monotonic() < began + LONGEST, self.failures
            time.sleep(0.01)

    def _search(self, number: int) -> None:
        answers = self.answers.setdefault(number, [])
        self._repeat(lambda turn: answers.append(((count := (1, ALL)[turn % 2]), *ask(self.address, count))))

    def _browse(self) -> None:
        paths = ["", f"results?item=2&a={ATTRIBUTE}", "item/2", "about"]

        def look(turn: int) -> None:
            with urllib.request.urlopen(f"{self.address}/c/shop/{paths[turn % len(paths)]}", timeout=LONGEST) as page:
                page.read()
            self.pages += 1

        self._repeat(look)

    def _repeat(self, work: Callable[[int], None]) -> None:
        turn = 0
        while not self._done.wait(PAUSE) and not self.failures:
            try:
                work(turn)
            except HTTPError as error:
                self.failures.append(f"{error.code} {error.read()[:500]!r}")
            except Exception as error:
                self.failures.append(repr(error))
            turn += 1


def test_a_running_site_picks_up_every_change_without_a_failed_request(
    living: Settings, wardrobe: dict[Path, dict[str, int]], tmp_path: Path
) -> None:
    folder, images = living.collections / "shop", list(wardrobe)
    engine = SearchEngine(living)
    query = engine.embed(folder / "images" / "000.jpg")
    states: list[list[int]] = []  # the ids of each state that may be seen, in turn
    similarity: dict[int, float] = {}  # of an item, whose id is never another's

    def note() -> list[int]:
        """Return the ids on disk now, and note their similarities."""
        hits = engine.search("shop", SearchRequest(query, {ATTRIBUTE: 1.0}, k=ALL)).hits
        similarity.update({hit.item.id: hit.similarity for hit in hits})
        return Collection.open(folder).ids.tolist()

    states.append(note())
    with ExitStack() as stack:
        process = stack.enter_context(forked(living, tmp_path / "commands"))
        address = stack.enter_context(serve(living, tmp_path / "log")).address
        asking = stack.enter_context(Asking(address))

        def change(*args: object) -> None:
            asking.until_all_have_answers()
            assert process.run(*args) == 0, (tmp_path / "commands").read_text()
            new = note()
            began = time.monotonic()
            while sorted(ask(address, ALL)[0]) != new:  # for a moment, while another request opens it
                assert time.monotonic() < began + LONGEST
                time.sleep(PAUSE)
            old = states[-1]
            if args[0] == "add":  # each image is a batch here, and a step
                states.extend(new[:count] for count in range(len(old) + 1, len(new)))
            states.append(new)
            asking.until_all_have_answers()

        change("build-index", "shop", "--method", "pca")
        change("add", "shop", "--copy", "--batch", 1, *images[12:18])
        change("remove", "shop", 1, 4, 14)
        change("optimize", "shop")
        change("build-index", "shop", "--method", "exact")  # the index goes, which is mapped and searched
        change("build-index", "shop", "--method", "hnsw")
        change("add", "shop", "--copy", "--batch", 1, *images[18:22])
        change("build-index", "shop", "--method", "pca")
        shutil.copy(images[30], folder / "images" / "004.jpg")
        damaged = next(living.indexes.glob("*/*/index/components-0.npy"))
        np.save(tmp_path / "components-0.npy", np.load(damaged) * 2)
        (tmp_path / "components-0.npy").replace(damaged)  # beside the file that the site has mapped
        change("repair", "shop")
        change("remove", "shop", *range(15, 20))
    assert not asking.failures
    assert "Traceback" not in (tmp_path / "log").read_text()

    def best(state: list[int]) -> list[int]:
        return sorted(state, key=lambda item_id: (-similarity[item_id], item_id))

    rankings = [best(state) for state in states]
    observed = set()
    for answers in asking.answers.values():
        newest = 0  # later answers of a thread never come from an earlier state
        for count, ids, similarities in answers:
            np.testing.assert_allclose(similarities, [similarity[item_id] for item_id in ids], atol=2e-6)
            may = [place for place in range(newest, len(states)) if rankings[place][:count] == ids]
            assert may, (count, ids, newest)
            newest = may[0]
            observed.add(tuple(sorted(ids)) if count == ALL else ())
    assert all(tuple(state) in observed for state in (states[0], states[-1]))
    assert len(observed) > 6
