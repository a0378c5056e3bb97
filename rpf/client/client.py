"""Client of the API: one method for each route."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

import urllib3

from rpf.errors import RPFError

TIMEOUT_SECONDS = 60.0
RETRIES = 5
LATER = (429, 503)  # statuses after which the same request may succeed
POLL_SECONDS = 0.5
BATCH_KIND = "application/x-ndjson"
JSON = dict[str, Any]


class APIError(RPFError):
    """A request that was refused, or that failed. `problem` is the response, as RFC 9457 has it."""

    def __init__(self, status: int, problem: JSON) -> None:
        super().__init__("%(status)d: %(detail)s", status=status, detail=str(problem.get("detail", "no detail")))
        self.status, self.problem = status, problem


class RPFClient(AbstractContextManager["RPFClient"]):
    """Client of one site, for one thread or several. All methods raise APIError, and urllib3's HTTPError without one.

    After a broken connection, 429 and 503 a request is sent again; changes carry an Idempotency-Key, so that they are
    made once.
    """

    def __init__(
        self,
        address: str,
        key: str = "",
        *,
        collection: str = "",
        timeout: float = TIMEOUT_SECONDS,
        retries: int = RETRIES,
    ) -> None:
        """address: of the site, such as "https://search.example"; collection: else the site's default one."""
        self._address, self._collection = f"{address.rstrip('/')}/api/v1", collection
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        policy = urllib3.Retry(
            retries, allowed_methods=None, status_forcelist=LATER, backoff_factor=0.5, raise_on_status=False, redirect=0
        )
        self._http = urllib3.PoolManager(timeout=timeout, retries=policy)

    def __exit__(self, *exc: object) -> None:
        self._http.clear()

    def search(self, image: bytes | str | Path | None = None, **fields: Any) -> JSON:
        """Search, by the bytes or the file of an image or by the fields img_path, image_url, item, product, values.

        fields: as the API has them, such as attributes, filters, limit. Returns the response.
        """
        return self._ask_about("search", image, self._with_collection(fields))

    def describe(self, image: bytes | str | Path | None = None, **fields: Any) -> JSON:
        """Return the description of each attribute of an image: its bytes, its file, or img_path or image_url."""
        described: JSON = self._ask_about("describe", image, fields)["attributes"]
        return described

    def product(self, product_id: str) -> JSON:
        """Return a product with its variants and photos."""
        return self._request("GET", self._product_path(product_id))

    def put_product(self, product: Mapping[str, Any], *, refresh_photos: bool = False) -> JSON:
        """Add a product, or replace the one with its id. Returns what has changed, and photos that could not be had."""
        options = {"refresh_photos": "true"} if refresh_photos else {}
        return self._change(
            "PUT", self._product_path(str(product["id"]), **options), _dump(product), "application/json"
        )

    def delete_product(self, product_id: str) -> bool:
        """Delete a product; return whether there was one."""
        return bool(self._change("DELETE", self._product_path(product_id))["deleted"])

    def batch(self, put: Iterable[Mapping[str, Any]] = (), delete: Iterable[str] = ()) -> JSON:
        """Start a batch, in which products are put first, then deleted. Returns the job."""
        lines = [*({"put": product} for product in put), *({"delete": product_id} for product_id in delete)]
        body = b"".join(_dump(line) + b"\n" for line in lines)
        return self._change("POST", self._path("batch", **self._with_collection({})), body, BATCH_KIND)

    def job(self, job_id: str) -> JSON:
        """Return how far a batch is."""
        return self._request("GET", f"/jobs/{quote(job_id, safe='')}")

    def wait_for_job(self, job_id: str, timeout: float = 3600.0) -> JSON:
        """Return a batch when it is finished. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while (job := self.job(job_id))["state"] in ("waiting", "running"):
            if time.monotonic() >= deadline:
                raise TimeoutError(f"The job {job_id} has done {job['done']} of {job['total']} lines.")
            time.sleep(POLL_SECONDS)
        return job

    def collections(self) -> list[JSON]:
        """Return the collections that the key is for."""
        return list(self._request("GET", "/collections")["collections"])

    def attributes(self, language: str = "en") -> list[JSON]:
        """Return the attributes of the collection with their values, named in a language."""
        return list(
            self._request("GET", self._path("attributes", language=language, **self._with_collection({})))["attributes"]
        )

    def send_events(self, events: Sequence[Mapping[str, Any]]) -> JSON:
        """Report events about results, in the shape of UBI. Returns how many were taken, and what is wrong."""
        return self._request("POST", "/events", _dump(list(events)), "application/json")

    def _with_collection(self, fields: Mapping[str, Any]) -> JSON:
        return {**({"collection": self._collection} if self._collection else {}), **fields}

    def _product_path(self, product_id: str, **options: str) -> str:
        return self._path(f"products/{quote(product_id, safe='')}", **self._with_collection(options))

    def _path(self, path: str, **options: str) -> str:
        return f"/{path}{f'?{urlencode(options)}' if options else ''}"

    def _ask_about(self, route: str, image: bytes | str | Path | None, fields: Mapping[str, Any]) -> JSON:
        if image is None:
            return self._request("POST", f"/{route}", _dump(fields), "application/json")
        data = image if isinstance(image, bytes) else Path(image).read_bytes()
        texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
        body, kind = urllib3.encode_multipart_formdata({**texts, "image": ("image", data)})
        return self._request("POST", f"/{route}", body, kind)

    def _change(self, method: str, path: str, body: bytes = b"", kind: str = "") -> JSON:
        return self._request(method, path, body, kind, {"Idempotency-Key": f'"{uuid4()}"'})

    def _request(
        self, method: str, path: str, body: bytes = b"", kind: str = "", headers: Mapping[str, str] | None = None
    ) -> JSON:
        given = {**self._headers, **({"Content-Type": kind} if kind else {}), **(headers or {})}
        response = self._http.request(method, self._address + path, body=body or None, headers=given)
        try:
            content = response.json()
        except ValueError:  # such as a proxy's page
            content = {"detail": response.data[:200].decode(errors="replace")}
        if response.status >= 400 or not isinstance(content, dict):
            raise APIError(response.status, content if isinstance(content, dict) else {})
        return content


def _dump(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, default=str).encode()
