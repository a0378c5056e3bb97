"""JSON lines: one object a line, values as text."""

import json
from collections.abc import Iterator
from typing import Any

from rpf.feeds.files import FeedRecord
from rpf.feeds.problems import NUL, ProblemLog

MAX_DEPTH = 10  # of objects in objects


def read_json_lines(lines: Iterator[str], log: ProblemLog) -> Iterator[FeedRecord]:
    """Yield the objects; report lines that are none. {"price": {"amount": 5}} is the column "price.amount"."""
    # Numbers stay as they are written: 19.90 is not 19.9, and an id of twenty digits keeps them.
    decoder = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=lambda name: "")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = decoder.decode(line.strip())
            if not isinstance(value, dict):
                raise ValueError("no object")
            texts: dict[str, list[str]] = {}
            _flatten("", value, texts, 0)
        except (ValueError, RecursionError):
            log.add(number, "", 'The line is no JSON object: it is left out. Write one such as {"id": "A1"} a line.')
            log.broken_rows += 1
            continue
        yield FeedRecord(number, {column: some[0] if len(some) == 1 else some for column, some in texts.items()})


def _flatten(column: str, value: Any, texts: dict[str, list[str]], depth: int) -> None:
    """Add a value to its column, the values of an object or of a list of objects to one column each."""
    if depth > MAX_DEPTH:
        raise ValueError("too deep")
    if isinstance(value, dict):
        for key, inner in value.items():
            _flatten(f"{column}.{_text(key)}" if column else _text(key), inner, texts, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _flatten(column, inner, texts, depth + 1)
    elif text := _text(value):
        texts.setdefault(column, []).append(text)


def _text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).lower()
    text = str(value).replace("\0", NUL)
    return text.encode(errors="replace").decode()  # half of a surrogate pair, as "\ud800" makes one, is no text
