"""POST /api/v1/batch and GET /api/v1/jobs/{id}: lines in their order, problems by line, bounds, what survives."""

import json
import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from rpf.collection import Collection
from rpf.products.table import read_products
from rpf.utils.locks import locked
from tests.support.shop import PRODUCTS, product
from tests.unit.webapp.api.test_search import validate
from webapp.api import batches, job_worker, jobs
from webapp.api.job_worker import parse_line
from webapp.api.jobs import JobStore

KIND = "application/x-ndjson"
MAX_SECONDS = 60.0


@pytest.fixture
def folder(site: Flask) -> Path:
    shop: Path = site.extensions["rpf"].settings.collections / "shop"
    return shop


def lines(*entries: dict[str, Any] | bytes) -> bytes:
    return b"\n".join(one if isinstance(one, bytes) else json.dumps(one).encode() for one in entries)


def post(client: FlaskClient, body: bytes, **headers: str) -> TestResponse:
    return client.post("/api/v1/batch", data=body, content_type=KIND, headers=headers)


def finished(client: FlaskClient, response: TestResponse) -> dict[str, Any]:
    assert response.status_code == 202, response.text
    waiting = validate(response, "JobStatus")
    assert waiting["state"] in ("waiting", "running", "done")
    deadline = time.monotonic() + MAX_SECONDS
    while time.monotonic() < deadline:
        job = validate(client.get(response.headers["Location"]), "JobStatus")
        if job["state"] in ("done", "failed"):
            return job
        time.sleep(0.05)
    raise AssertionError(job)


def test_batch_is_done_in_the_order_of_its_lines_with_problems_by_line(writer: FlaskClient, folder: Path) -> None:
    body = lines(
        {"put": product("P1", 5)},
        b"",
        {"delete": "P2"},
        {"put": {"id": "P8", "title": "New", "photos": [{"source": "gone.jpg"}]}},
        b"{not json",
        {"put": {"id": "P9", "price": -1}},
        {"delete": "P8"},
        {"put": {"id": "P8", "title": "Again"}},
        {"put": {"id": "P8", "title": "And again"}},
        {"put": product("P3")},
        {"delete": "no-such"},
        {"shout": "P1"},
    )
    job = finished(writer, post(writer, body))
    assert {key: job[key] for key in ("state", "total", "done", "added", "changed", "unchanged", "deleted")} == {
        "state": "done", "total": 12, "done": 12, "added": 2, "changed": 2, "unchanged": 1, "deleted": 2
    }  # fmt: skip
    problems = {one["line"]: one["detail"] for one in job["problems"]}
    assert problems.keys() == {4, 5, 6, 12} and job["problem_count"] == 4
    assert "gone.jpg" in problems[4] and "not valid JSON" in problems[5] and problems[6].startswith("put.price")
    known = read_products(folder)
    assert known.keys() == {"P0", "P1", "P3", "P4", "P8"}
    assert known["P1"].product.price == 5 and known["P8"].product.title == "And again"
    assert len(Collection.open(folder)) == 16
    assert not list((folder.parent.parent / "instance" / "jobs").glob("*.jsonl"))


def test_overlong_line_of_a_batch_is_one_problem(writer: FlaskClient) -> None:
    overlong = b'{"put": {"id": "P1", "title": "' + b"x" * 3 * 2**20 + b'"}}'
    job = finished(writer, post(writer, lines({"put": product("P1", 5)}, overlong, {"delete": "P2"}, overlong)))
    problems = {one["line"]: one["detail"] for one in job["problems"]}
    assert problems == dict.fromkeys((2, 4), "The line has more than 1 MB.")
    assert (job["total"], job["done"], job["changed"], job["deleted"]) == (4, 4, 1, 1)


def test_batch_embeds_new_photos(writer: FlaskClient, folder: Path, wardrobe: dict[Path, dict[str, int]]) -> None:
    for number, path in enumerate(list(wardrobe)[20:36]):
        shutil.copy(path, folder / "images" / f"new-{number}.jpg")
    body = lines(*({"put": {"id": f"N{at}", "photos": [{"source": f"new-{at}.jpg"}]}} for at in range(16)))
    job = finished(writer, post(writer, body))
    assert (job["added"], job["problem_count"]) == (16, 0) and len(Collection.open(folder)) == 36
    search = writer.post("/api/v1/search", json={"img_path": "new-9.jpg", "limit": 1}).get_json()
    assert search["results"][0]["product"]["id"] == "N9" and search["total"] == 21


def test_batch_with_an_idempotency_key_is_one_job(writer: FlaskClient) -> None:
    body, key = lines({"put": product("P1", 5)}), {"Idempotency-Key": "nightly"}
    first, second = post(writer, body, **key), post(writer, body, **key)
    assert second.get_json()["id"] == first.get_json()["id"]
    assert second.headers["Location"] == first.headers["Location"] and second.status_code == 202
    other = post(writer, lines({"delete": "P1"}), **key)
    assert other.status_code == 422 and "another request" in other.get_json()["detail"]
    assert finished(writer, first)["changed"] == 1


def test_batch_waits_while_another_process_writes_the_collection(writer: FlaskClient, folder: Path) -> None:
    with locked(folder, 0):
        response = post(writer, lines({"put": product("P1", 5)}))
        time.sleep(0.5)
        assert writer.get(response.headers["Location"]).get_json()["state"] == "waiting"
    assert finished(writer, response)["state"] == "done"


def test_long_batch_lets_other_writers_in(writer: FlaskClient, site: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_worker, "HOLD_SECONDS", 0.0)
    monkeypatch.setattr(job_worker, "LINES_AT_ONCE", 1)
    response = post(writer, lines(*({"put": product("P1", price)} for price in range(1, 8))))
    answers = [writer.put("/api/v1/products/P2", json=product("P2", price)) for price in (3, 4)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert finished(writer, response)["done"] == 7


def test_job_of_a_collection_that_is_gone_fails_and_the_next_goes_on(
    writer: FlaskClient, site: Flask, folder: Path
) -> None:
    with locked(folder.parent.parent / "instance" / "jobs", 0):  # as another process that works
        first = post(writer, lines({"put": product("P1", 5)}))
        second = writer.post("/api/v1/batch?collection=named", data=lines({"delete": "x"}), content_type=KIND)
        folder.rename(folder.with_name("moved"))
    job = finished(writer, first)
    assert job["state"] == "failed" and "shop" in job["detail"] and job["done"] == 0
    assert finished(writer, second)["state"] == "done"


def test_unusable_batches_are_refused(writer: FlaskClient, site: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    assert writer.post("/api/v1/batch", json={}).status_code == 415
    assert post(writer, b"").get_json()["errors"][0]["field"] == "body"
    assert writer.post("/api/v1/batch?collection=no-such", data=b"{}", content_type=KIND).status_code == 404
    monkeypatch.setattr(batches, "MAX_BATCH_BYTES", 1000)
    assert post(writer, b"{}\n" * 1000).status_code == 413
    monkeypatch.setattr(batches, "MAX_BATCH_BYTES", 10_000)
    monkeypatch.setattr(batches, "MAX_BATCH_LINES", 10)
    assert post(writer, b"{}\n" * 11).status_code == 413
    monkeypatch.setattr(jobs, "MAX_WAITING_JOBS", 0)
    response = post(writer, b"{}")
    assert response.status_code == 503 and response.headers["Retry-After"]
    assert writer.get("/api/v1/jobs/no-such").status_code == 404
    assert os.listdir(site.extensions["rpf_jobs"].folder) == ["jobs.sqlite"]


def test_batch_of_more_than_a_forms_limit_is_taken(writer: FlaskClient) -> None:
    """Send 50 MB of lines, more than any form of the site may have."""
    line = json.dumps({"put": {"id": "P1", "columns": dict.fromkeys(map(str, range(100)), "x" * 10_000)}}).encode()
    job = finished(writer, post(writer, (line + b"\n") * 50))
    assert (job["total"], job["changed"], job["unchanged"]) == (50, 1, 49)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"[]", "neither"),
        (b"{}", "neither"),
        (b'{"put": null}', "neither"),
        (b'{"put": {"id": "a"}, "delete": "b"}', "neither"),
        (b'{"delete": ""}', "delete: "),
        (b'{"delete": 5}', "delete: "),
        (b'{"put": {"title": "x"}}', "put.id: "),
        (b'{"put": {"id": "a\\u0000"}}', "put.id: "),
        (b'{"put": {"id": "\\ud800"}}', "the product: "),
        (b"[" * 10_000, "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b'"' + b"x" * 2**20, "1 MB"),
    ],
)
def test_unusable_lines_say_what_is_wrong(line: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_line(line)


def test_worker_goes_on_with_the_first_line_that_is_not_done(
    site: Flask, writer: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_worker, "LINES_AT_ONCE", 2)
    response = post(writer, lines(*({"put": product(name, 3)} for name in PRODUCTS)))
    worker, store = site.extensions["rpf_job_worker"], site.extensions["rpf_jobs"]
    assert worker.stop()
    job, _ = store.get(response.get_json()["id"])
    job.done, job.state, job.place = 2, "running", len(lines(*({"put": product(name, 3)} for name in PRODUCTS[:2]))) + 1
    job.added = job.changed = job.unchanged = 0
    store.lines(job.id).write_bytes(
        lines(b"x" * (job.place - 1), *({"put": product(name, 4)} for name in PRODUCTS[2:]))
    )
    store.save(job)
    again = job_worker.JobWorker(store, site.extensions["rpf"])
    again.start()
    status = finished(writer, response)
    assert again.stop()
    assert (status["done"], status["changed"], status["problem_count"]) == (5, 3, 0)


def test_expired_jobs_and_leftovers_are_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = JobStore(tmp_path)
    ids = []
    for state in ("done", "waiting"):
        with store.upload() as (job_id, path):
            path.write_bytes(b"{}")
            store.add(job_id, path, "shop", 1)
        job, _ = store.get(job_id) or pytest.fail()
        job.state = state
        store.save(job, [(1, "x" * 9999)] * 1500)
        ids.append(job_id)
    (store.folder / ".0123.tmp").write_bytes(b"")
    job, problems = store.get(ids[0]) or pytest.fail()
    assert (job.problem_count, len(problems), len(problems[0][1])) == (1500, 1000, 500)
    now = time.time()
    monkeypatch.setattr(jobs.time, "time", lambda: now + jobs.KEPT_SECONDS + 10)
    store.delete_expired()
    assert store.get(ids[0]) is None and store.get(ids[1]) is not None
    assert sorted(path.suffix for path in store.folder.iterdir()) == [".jsonl", ".sqlite"]


def test_one_worker_of_several_works_at_a_time(site: Flask, writer: FlaskClient) -> None:
    store, loader = site.extensions["rpf_jobs"], site.extensions["rpf"]
    workers = [job_worker.JobWorker(store, loader) for _ in range(3)]
    for worker in workers:
        worker.start()
    responses = [post(writer, lines({"put": product("P1", price)})) for price in range(1, 6)]
    assert [finished(writer, response)["changed"] for response in responses] == [1] * 5
    stops = [threading.Thread(target=worker.stop) for worker in workers]
    for stop in stops:
        stop.start()
    for stop in stops:
        stop.join(20)
        assert not stop.is_alive()
