"""POST /api/v1/batch and GET /api/v1/jobs/{id}."""

import hashlib
import os
from dataclasses import asdict
from pathlib import Path

from flask import Response, request, url_for
from werkzeug.exceptions import NotFound, RequestEntityTooLarge, UnsupportedMediaType

from webapp import extensions
from webapp.api.access import allows_collection, current_key_id
from webapp.api.blueprint import bp, collection_argument, respond
from webapp.api.idempotency import once
from webapp.api.product_schemas import JobProblem, JobStatus
from webapp.middleware.request_body import InvalidField, chunks

MAX_BATCH_BYTES = 64 * 2**20
MAX_BATCH_LINES = 500_000
KINDS = ("application/x-ndjson", "application/jsonl", "application/json-lines")
TOO_LARGE = "A batch may have up to 64 MB and 500000 lines. Send several."
NO_JOB = "There is no such job; finished ones are deleted after 7 days."


@bp.post("/batch")
def post_batch() -> Response:
    """Take a batch of changes in JSON lines, for the worker."""
    if request.mimetype not in KINDS:
        raise UnsupportedMediaType(f"Send JSON lines as {KINDS[0]}.")
    request.max_content_length = MAX_BATCH_BYTES
    if (request.content_length or 0) > MAX_BATCH_BYTES:
        raise RequestEntityTooLarge(TOO_LARGE)
    name = collection_argument()
    extensions.engine_loader.engine.collection(name)  # raises UnknownCollection
    with extensions.job_store.upload() as (job_id, path):
        digest, total = _save(path)
        if not total:
            raise InvalidField("body", "The batch has no lines.")

        def add() -> Response:
            extensions.job_store.add(job_id, path, name, total)
            response = _respond(job_id, 202)
            response.headers["Location"] = url_for("v1.get_job", job_id=job_id)
            return response

        response = once(extensions.answer_store, current_key_id(), digest, add)
    extensions.job_worker.start()
    return response


@bp.get("/jobs/<job_id>")
def get_job(job_id: str) -> Response:
    """Tell how far a batch is."""
    return _respond(job_id)


def _save(path: Path) -> tuple[str, int]:
    """Write the body to a file; return its SHA-256 and its number of lines."""
    digest, lines, size, last = hashlib.sha256(), 0, 0, b"\n"
    with path.open("xb") as file:
        for chunk in chunks(request.stream, MAX_BATCH_BYTES + 1):
            size += len(chunk)
            lines += chunk.count(b"\n")
            if size > MAX_BATCH_BYTES or lines > MAX_BATCH_LINES:
                raise RequestEntityTooLarge(TOO_LARGE)
            digest.update(chunk)
            file.write(chunk)
            last = chunk[-1:]
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest(), lines + (last != b"\n")


def _respond(job_id: str, status: int = 200) -> Response:
    entry = extensions.job_store.get(job_id)
    if entry is None or not allows_collection(entry[0].collection):
        raise NotFound(NO_JOB)
    job, problems = entry
    facts = {field: value for field, value in asdict(job).items() if field in JobStatus.model_fields}
    listed = [JobProblem(line=line, detail=detail) for line, detail in problems]
    return respond(JobStatus(**facts, problems=listed), status)
