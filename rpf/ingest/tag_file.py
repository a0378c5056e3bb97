"""Files of tags: CSV for spreadsheets, JSON lines for programs. docs/catalogue.md describes both."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rpf.attributes import Attribute
from rpf.errors import ConfigError
from rpf.ingest.tag import Tag
from rpf.search.description import AttributeDescription
from rpf.utils.files import replace_file
from rpf.utils.text import text_cell

SUFFIXES = (".csv", ".jsonl")
MISSING = {"en": "none", "vi": "không có", "zh": "无"}  # the name of a part that is missing


class TagFormat(NamedTuple):
    """What a file of tags tells of each image."""

    attributes: Sequence[Attribute]
    language: str
    minimal: float  # probability of a value, or of a missing part, that is told
    with_ids: bool  # of items

    def name(self, attribute: Attribute, described: AttributeDescription) -> str | None:
        """Return the value's name, or the word for a missing part; None where neither is sure enough."""
        if described.is_missing:
            sure = described.presence is None or 1 - described.presence >= self.minimal
            return MISSING[self.language] if sure else None
        if described.value is None or described.probability is None or described.probability < self.minimal:
            return None
        return attribute.value_name(described.value, self.language)


def check_suffix(path: Path) -> None:
    """Raise ConfigError for a file name of another format."""
    if path.suffix not in SUFFIXES:
        raise ConfigError('"%(path)s": the name must end in .csv or .jsonl.', path=path)


def write_tags(path: Path, tags: Iterable[Tag], form: TagFormat) -> int:
    """Write a file of tags in the format of its suffix, atomically; return their number."""
    count, as_line = 0, _as_csv if path.suffix == ".csv" else _as_json
    with replace_file(path) as file:
        if path.suffix == ".csv":
            file.write(_csv_line(_header(form)).encode("utf-8-sig"))  # a byte order mark, by which Excel knows UTF-8
        for tag in tags:
            file.write(as_line(tag, form).encode())
            count += 1
    return count


def _header(form: TagFormat) -> list[str]:
    columns = [f"{attribute.key}{end}" for attribute in form.attributes for end in ("", "_probability", "_presence")]
    return ["path", *(["id"] if form.with_ids else []), *map(text_cell, columns)]


def _as_csv(tag: Tag, form: TagFormat) -> str:
    cells: list[Any] = [text_cell(tag.path), *([tag.item_id] if form.with_ids else [])]
    for attribute in form.attributes:
        described = tag.attributes[attribute.key]
        name, rounded = form.name(attribute, described), described.rounded()
        cells += [text_cell(name or ""), None if name is None else rounded.probability, rounded.presence]
    return _csv_line(cells)


def _csv_line(cells: Sequence[Any]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _as_json(tag: Tag, form: TagFormat) -> str:
    attributes = {}
    for attribute in form.attributes:
        described = tag.attributes[attribute.key]
        name, rounded = form.name(attribute, described), described.rounded()
        values = {attribute.value_name(value, form.language): share for value, share in rounded.values.items()}
        attributes[attribute.key] = {
            "value": None if name is None else rounded.value,
            "name": name,
            "probability": None if name is None else rounded.probability,
            "presence": rounded.presence,
            "values": values or None,
        }
    ids = {"id": tag.item_id} if form.with_ids else {}
    return json.dumps({"path": tag.path, **ids, "attributes": attributes}, ensure_ascii=False) + "\n"
