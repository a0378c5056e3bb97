"""Request bodies: parsing and limits of forms and JSON, and draining of refused bodies."""

import io
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import IO, Any

from flask import Flask, Request, request
from gunicorn.http.errors import ParseException
from multipart import MultipartError, MultipartSegment, PushMultipartParser
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.formparser import FormDataParser

from rpf.errors import QueryError
from webapp.i18n import N_
from webapp.images.local import MAX_UPLOAD_BYTES

MAX_TEXT_BYTES = 64 * 1024  # of a JSON body, and of all text fields of a form together
MAX_FORM_PARTS = 1000
MAX_FORM_BYTES = 48 * 2**20  # above an image's limit: one that is a little too large gets its message beside the field
MAX_DRAIN_BYTES = 64 * 2**20
CHUNK_BYTES = 64 * 1024
MAX_HEADER_BYTES = 16 * 1024  # of a part, such as a long file name

TOO_MUCH_TEXT = N_("The text fields of a form may have up to 64 KB together.")
TOO_MANY_PARTS = N_("A form may have up to 1000 fields.")
JSON_TOO_LARGE = N_("A JSON body may have up to 64 KB.")
NO_BOUNDARY = N_("The form cannot be read: its Content-Type names no boundary.")
CUT_OFF = N_("The form cannot be read: it is cut off, or its boundary is not the one that its Content-Type names.")
MALFORMED = N_("The form cannot be read: it is malformed.")
ENCODED = N_("A body with a Content-Encoding cannot be read. Send it uncompressed.")


class InvalidField(QueryError):
    """Field of a request that is missing, unknown, repeated, or of the wrong type or range."""

    def __init__(self, field: str, template: str, **params: object) -> None:
        super().__init__(template, field=field, **params)
        self.field = field


def repeated(field: str) -> InvalidField:
    """Return the error for a field that is in the request more than once."""
    return InvalidField(field, "%(field)s is in the request more than once.")


def init_app(app: Flask) -> None:
    """Parse forms by `FormParser`, refuse compressed bodies, and drain bodies that were not read."""
    app.config["MAX_CONTENT_LENGTH"] = MAX_FORM_BYTES
    app.request_class = SiteRequest
    app.before_request(_refuse_encoded)
    app.wsgi_app = BodyDrain(app.wsgi_app)  # type: ignore[method-assign]


def read_json() -> dict[str, object]:
    """Return the request's JSON object. Raise BadRequest, InvalidField for a repeated key, RequestEntityTooLarge."""
    value = parse_json(read_bytes(MAX_TEXT_BYTES, JSON_TOO_LARGE))
    if not isinstance(value, dict):
        raise BadRequest("The body is not a JSON object.")
    return value


def read_bytes(limit: int, too_large: str) -> bytes:
    """Return the request's body. Raise RequestEntityTooLarge with this message for more than `limit` bytes."""
    if (request.content_length or 0) > limit:
        raise RequestEntityTooLarge(too_large)
    body = b"".join(chunks(request.stream, limit + 1))
    if len(body) > limit:  # chunked, so that its length was not known
        raise RequestEntityTooLarge(too_large)
    return body


def parse_json(body: bytes) -> object:
    """Return a value from its JSON text. Raise BadRequest, InvalidField for a repeated key."""
    try:
        return json.loads(body, object_pairs_hook=unique_keys)
    except (ValueError, RecursionError):
        raise BadRequest("The body is not valid JSON.") from None


class FormParser(FormDataParser):
    """Form parser that raises BadRequest for a malformed form, which its base would take for an empty one.

    A file is cut off one byte above MAX_UPLOAD_BYTES, by which its reader knows that it is too large.
    """

    def parse(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str] | None = None
    ) -> tuple[IO[bytes], MultiDict[str, str], MultiDict[str, FileStorage]]:
        self.silent = False
        if mimetype == "application/x-www-form-urlencoded":
            text = b"".join(chunks(stream, MAX_TEXT_BYTES + 1))
            if len(text) > MAX_TEXT_BYTES:
                raise RequestEntityTooLarge(TOO_MUCH_TEXT)
            stream = io.BytesIO(text)
        try:
            if mimetype == "multipart/form-data":
                return stream, *self._parse_parts(stream, (options or {}).get("boundary", ""))
            return super().parse(stream, mimetype, content_length, options)
        except MultipartError:
            raise BadRequest(MALFORMED if stream.read(1) else CUT_OFF) from None
        except ValueError:
            raise BadRequest(MALFORMED) from None

    def _parse_parts(self, stream: IO[bytes], boundary: str) -> tuple[MultiDict[str, str], MultiDict[str, FileStorage]]:
        if not boundary:
            raise BadRequest(NO_BOUNDARY)
        fields: list[tuple[str, str]] = []
        files: list[tuple[str, FileStorage]] = []
        part, room = MultipartSegment([]), MAX_TEXT_BYTES
        content: IO[bytes] = io.BytesIO()
        # Latin-1, in which a file name may be any bytes.
        parser = PushMultipartParser(boundary, max_header_size=MAX_HEADER_BYTES, header_charset="latin-1")
        for event in parser.parse_blocking(stream.read):
            if isinstance(event, MultipartSegment):
                part = event
                if len(fields) + len(files) == MAX_FORM_PARTS:
                    raise RequestEntityTooLarge(TOO_MANY_PARTS)
                content = io.BytesIO() if part.filename is None else self.stream_factory(None, None, None)
            elif event:
                if part.filename is None and content.tell() + len(event) > room:
                    raise RequestEntityTooLarge(TOO_MUCH_TEXT)
                content.write(event[: MAX_UPLOAD_BYTES + 1 - content.tell()])
            else:
                size = content.tell()
                content.seek(0)
                if part.filename is None:
                    room -= size
                    fields.append((part.name, content.read().decode("utf-8", "replace")))
                else:
                    files.append((part.name, FileStorage(content, part.filename, part.name, part.content_type)))
        return self.cls(fields), self.cls(files)


class SiteRequest(Request):
    """Request whose form is parsed by `FormParser`."""

    form_data_parser_class = FormParser


class BodyDrain:
    """Middleware that reads the rest of a request's body, up to MAX_DRAIN_BYTES, before the response goes out.

    A server that closes a connection with unread input resets it, and the client never sees the response.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        response = self._app(environ, start_response)
        length = environ.get("CONTENT_LENGTH") or "0"
        # Only where the server ends the stream: elsewhere a read past the end would block.
        if environ.get("wsgi.input_terminated") and length.isdecimal() and int(length) <= MAX_DRAIN_BYTES:
            with suppress(OSError, ValueError, ParseException):  # the client is gone, or its chunks are malformed
                for _ in chunks(environ["wsgi.input"], MAX_DRAIN_BYTES):
                    pass
        return response


def chunks(stream: IO[bytes], limit: int) -> Iterator[bytes]:
    """Yield the content of a stream, up to `limit` bytes."""
    while limit and (chunk := stream.read(min(CHUNK_BYTES, limit))):
        limit -= len(chunk)
        yield chunk


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a JSON object of its pairs. Raise InvalidField for a key that is repeated."""
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        raise repeated(next(key for key in keys if keys.count(key) > 1))
    return dict(pairs)


def _refuse_encoded() -> None:
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType(ENCODED)
