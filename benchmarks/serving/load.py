"""Clients of a site, who search with pictures that it has never seen."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import urllib3

from benchmarks.serving.test_server import Site

SEARCH = "/submit"
CLOSE = 2e-3  # likeness of the same picture in another batch, in bfloat16


@dataclass
class Answers:
    """What some clients got."""

    seconds: list[float] = field(default_factory=list)
    wrong: int = 0
    refused: int = 0  # 503
    failed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Clients:
    """Searchers who send the photos again and again, each time as a file of another hash."""

    def __init__(self, site: Site, photos: Sequence[Path], attrs: str, k: int = 50) -> None:
        self._site, self._attrs, self._k = site, attrs, k
        self._photos = [path.read_bytes() for path in photos]
        self._number = count()
        with urllib3.PoolManager(retries=False) as manager:
            self._expected = [self._ask(manager, place)[1] for place in range(len(self._photos))]

    def run(self, clients: int, seconds: float) -> dict[str, Any]:
        """So many clients, each asking anew as soon as it has its answer; and one that asks how the server is."""
        answers, health, until = Answers(), list[float](), time.monotonic() + seconds
        threads = [threading.Thread(target=self._search, args=(answers, until, number)) for number in range(clients)]
        threads.append(threading.Thread(target=self._look, args=(health, until)))
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        spent = time.monotonic() - began
        p50, p95, p99 = (1e3 * float(q) for q in np.quantile(answers.seconds, (0.5, 0.95, 0.99)))
        return {
            "clients": clients,
            "answers": len(answers.seconds),
            "per_second": len(answers.seconds) / spent,
            "p50_ms": p50,
            "p95_ms": p95,
            "p99_ms": p99,
            "wrong": answers.wrong,
            "refused": answers.refused,
            "failed": answers.failed,
            "health_p50_ms": 1e3 * float(np.median(health)),
            "health_max_ms": 1e3 * max(health),
        }

    def _search(self, answers: Answers, until: float, number: int) -> None:
        place = number
        with urllib3.PoolManager(retries=False) as manager:
            while time.monotonic() < until:
                place = (place + 1) % len(self._photos)
                began = time.monotonic()
                try:
                    status, found = self._ask(manager, place)
                except urllib3.exceptions.HTTPError:
                    status, found = 0, {}
                spent = time.monotonic() - began
                with answers.lock:
                    if status == 200:
                        answers.seconds.append(spent)
                        answers.wrong += not _same(found, self._expected[place])
                    elif status == 503:
                        answers.refused += 1
                    else:
                        answers.failed += 1

    def _look(self, health: list[float], until: float) -> None:
        with urllib3.PoolManager(retries=False) as manager:
            while time.monotonic() < until:
                began = time.monotonic()
                assert manager.request("GET", self._site.address + "/healthz").status == 200
                health.append(time.monotonic() - began)
                time.sleep(0.05)

    def _ask(self, manager: urllib3.PoolManager, place: int) -> tuple[int, dict[str, Any]]:
        # Decoders do not read on behind a picture's end.
        data = self._photos[place] + b"%d" % next(self._number)
        picture = ("photo.jpg", data, "image/jpeg")
        answer = manager.request(
            "POST", self._site.address + SEARCH, fields={"image": picture, "attrs": self._attrs, "k": str(self._k)}
        )
        return answer.status, answer.json() if answer.status == 200 else {}


def _same(found: dict[str, Any], expected: dict[str, Any]) -> bool:
    """Whether it is the same ranking, but for items that are as alike as rounding leaves open."""
    shared = len(set(found["ids"]) & set(expected["ids"]))
    pairs = zip(found["similarities"], expected["similarities"], strict=True)
    return shared >= 0.9 * len(expected["ids"]) and all(abs(a - b) < CLOSE for a, b in pairs)
