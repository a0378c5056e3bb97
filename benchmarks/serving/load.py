"""Concurrent clients of a site, which search with images that are not in its cache."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import urllib3

from benchmarks.common.site_server import Site

MAX_DIFFERENCE = 2e-3  # of an image's similarities in another batch, in bfloat16
HEALTH_SECONDS = 0.05  # between two looks at /healthz
K = 50


class Clients:
    """Clients that post the images to /submit again and again, each time as a file of another hash."""

    def __init__(self, site: Site, images: Sequence[Path], attrs: str) -> None:
        self._site, self._attrs = site, attrs
        self._images = [path.read_bytes() for path in images]
        self._number = count()
        with urllib3.PoolManager(retries=False) as http:
            self._expected = [self._submit(http, at)[1] for at in range(len(self._images))]

    def run(self, clients: int, seconds: float) -> dict[str, Any]:
        """Measure concurrent clients, each with one request after the other, and one that polls /healthz."""
        latencies, outcomes, health = list[float](), list[str](), list[float]()
        start = time.monotonic()
        end = start + seconds
        with ThreadPoolExecutor(clients + 1) as pool:
            poll = pool.submit(self._poll_health, health, end)
            list(pool.map(partial(self._search, latencies, outcomes, end), range(clients)))
            poll.result()
        duration = time.monotonic() - start
        p50, p95, p99 = (1e3 * float(q) for q in np.quantile(latencies, (0.5, 0.95, 0.99)))
        return {
            "clients": clients,
            "answers": len(latencies),
            "per_second": len(latencies) / duration,
            "p50_ms": p50,
            "p95_ms": p95,
            "p99_ms": p99,
            **{outcome: outcomes.count(outcome) for outcome in ("wrong", "refused", "failed")},
            "health_p50_ms": 1e3 * float(np.median(health)),
            "health_max_ms": 1e3 * max(health),
        }

    def _search(self, latencies: list[float], outcomes: list[str], end: float, at: int) -> None:
        with urllib3.PoolManager(retries=False) as http:
            while time.monotonic() < end:
                at = (at + 1) % len(self._images)
                start = time.monotonic()
                try:
                    status, answer = self._submit(http, at)
                except urllib3.exceptions.HTTPError:
                    status, answer = 0, {}
                if status == 200:
                    latencies.append(time.monotonic() - start)
                if status != 200 or not _same_ranking(answer, self._expected[at]):
                    outcomes.append({200: "wrong", 503: "refused"}.get(status, "failed"))

    def _poll_health(self, health: list[float], end: float) -> None:
        with urllib3.PoolManager(retries=False) as http:
            while time.monotonic() < end:
                start = time.monotonic()
                assert http.request("GET", self._site.address + "/healthz").status == 200
                health.append(time.monotonic() - start)
                time.sleep(HEALTH_SECONDS)

    def _submit(self, http: urllib3.PoolManager, at: int) -> tuple[int, dict[str, Any]]:
        data = self._images[at] + b"%d" % next(self._number)  # decoders do not read on behind an image's end
        fields: Any = {"image": ("image.jpg", data, "image/jpeg"), "attrs": self._attrs, "k": str(K)}
        answer = http.request("POST", self._site.address + "/submit", fields=fields)
        return answer.status, answer.json() if answer.status == 200 else {}


def _same_ranking(answer: dict[str, Any], expected: dict[str, Any]) -> bool:
    """Compare two rankings, but for items whose similarities differ by no more than rounding."""
    common = len(set(answer["ids"]) & set(expected["ids"]))
    pairs = zip(answer["similarities"], expected["similarities"], strict=True)
    return common >= 0.9 * len(expected["ids"]) and all(abs(a - b) < MAX_DIFFERENCE for a, b in pairs)
