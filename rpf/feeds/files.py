"""Bytes of a feed file: its kind, its encoding, its lines."""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from rpf.errors import FeedError
from rpf.feeds.problems import NUL, ProblemLog

MAX_LINE_LENGTH = 2**21  # characters
HEAD_BYTES = 4_096

_OTHER_FILES = {
    b"PK\x03\x04": "a ZIP archive or a spreadsheet; unpack it, or save it as CSV",
    b"\x1f\x8b": "compressed; unpack it",
    b"%PDF": "a PDF document; export the products as CSV",
    b"\xd0\xcf\x11\xe0": "a spreadsheet of an old format; save it as CSV",
}

Kind = Literal["xml", "json", "table"]


class FeedRecord(NamedTuple):
    """One row of a table, object of JSON or item of XML: its cells that are not empty, by column."""

    line: int
    cells: dict[str, str | list[str]]


def detect_kind(path: Path) -> Kind:
    """Tell XML, JSON lines and tables apart by how the file begins. Raises FeedError for what is none of them."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    for start, what in _OTHER_FILES.items():
        if head.startswith(start):
            raise FeedError('The feed "%(path)s" is %(what)s.', path=path, what=what)
    start = head.removeprefix(codecs.BOM_UTF8).removeprefix(codecs.BOM_UTF16_LE).removeprefix(codecs.BOM_UTF16_BE)
    start = start.replace(b"\0", b"").lstrip()  # the other byte of UTF-16
    if not start:
        raise FeedError('The feed "%(path)s" is empty.', path=path)
    if start.startswith(b"["):
        raise FeedError('The feed "%(path)s" is one JSON list. Write one object a line (jq -c ".[]" does).', path=path)
    if start.startswith(b"<"):
        return "xml"
    return "json" if start.startswith(b"{") else "table"


def detect_encoding(path: Path, log: ProblemLog) -> str:
    """Return UTF-8, UTF-16 where a byte order mark says so, or Windows-1252 where the file is no UTF-8.

    The first line that is no UTF-8 is reported.
    """
    with path.open("rb") as file:
        head = file.read(len(codecs.BOM_UTF8))
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        file.seek(0)
        for number, line in enumerate(iter(lambda: file.readline(4 * MAX_LINE_LENGTH), b""), 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                if head == codecs.BOM_UTF8:
                    log.add(number, "", "This line is no UTF-8, though the file begins as such. Export it again.")
                    break
                log.add(number, "", "This line is no UTF-8: the file is read as Windows-1252. Export it as UTF-8.")
                return "cp1252"
    return "utf-8-sig"


def read_lines(path: Path, log: ProblemLog) -> Iterator[str]:
    """Yield the lines of a feed in any encoding, with their line breaks as csv wants them; NUL becomes `problems.NUL`.

    Raises FeedError for a line that is too long for a table and for JSON lines.
    """
    number = 0
    with path.open(encoding=detect_encoding(path, log), errors="replace", newline="") as file:
        while line := file.readline(MAX_LINE_LENGTH):
            number += 1
            if len(line) == MAX_LINE_LENGTH:
                raise FeedError(
                    'Line %(line)s of the feed "%(path)s" has more than %(limit)s characters. Export a table with a '
                    "row for each variant, or one JSON object a line.",
                    line=number, path=path, limit=f"{MAX_LINE_LENGTH:,}",
                )  # fmt: skip
            yield line.replace("\0", NUL) if "\0" in line else line
