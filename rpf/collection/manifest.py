"""The manifest: the one small file that says what belongs to a collection."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from rpf.errors import CollectionError, UnknownCollection
from rpf.utils.files import write_atomic

FORMAT = 1
FILE = "manifest.json"
INDEX = "index"  # the folder of indexes
MAX_BYTES = 16 * 2**20
MAX_TEXT = 4096
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TOMBSTONES = re.compile(r"tombstones-[0-9]{1,20}\.npy")


def valid_name(name: str) -> bool:
    """Whether `name` can name a collection: 1 to 64 ASCII letters, digits, - and _."""
    return _NAME.fullmatch(name) is not None


def collection_folder(collections: Path, name: str) -> Path:
    """Where a collection of that name lies or would lie. Raises CollectionError for what is no name."""
    if not valid_name(name):
        template = 'A collection\'s name has 1 to 64 letters, digits, - and _, which "%(name)s" has not.'
        raise CollectionError(template, name=name)
    return collections / name


@dataclass(frozen=True)
class Manifest:
    """What belongs to a collection, in one generation of it."""

    format: int
    generation: int
    checkpoint: str  # sha256 of the checkpoint file; "" if unknown
    attributes: tuple[str, ...]
    dim: int  # numbers per attribute
    count: int  # live items
    root: str  # the image folder: absolute, or relative to the collection's folder
    segments: tuple[str, ...]
    tombstones: str  # a file name; "" if nothing is removed
    title: str = ""
    index: str = ""  # the folder in index/ of what speeds up the search; "" if there is none

    def image_root(self, folder: Path) -> Path:
        """The image folder, resolved, of the collection in `folder`; it need not exist."""
        try:
            return (folder.resolve() / self.root).resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise CollectionError(
                "The image folder of the collection %(name)s cannot be used: %(why)s.", name=folder.name, why=error
            ) from error


# What tells one manifest on disk from another: its inode, its time and its text. The text alone would miss a
# collection that was deleted and made anew.
Stamp = tuple[int, int, bytes]


def read_manifest(folder: Path) -> tuple[Manifest, Stamp]:
    """Read and check the manifest of the collection in `folder`.

    Raises UnknownCollection if there is none, CollectionError if it cannot be used.
    """
    path = folder / FILE
    if not path.is_file():
        raise UnknownCollection('There is no collection named "%(name)s".', name=folder.name)
    try:
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            text = stream.read(MAX_BYTES + 1)
        return parse_manifest(_load(text)), (status.st_ino, status.st_mtime_ns, text)
    except (OSError, ValueError) as error:
        raise damaged(folder, error) from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Swap the manifest on disk for this one, atomically and durably."""
    write_atomic(folder / FILE, json.dumps(asdict(manifest), ensure_ascii=False, indent=1).encode())


def damaged(folder: Path, why: object) -> CollectionError:
    """The error for a collection that is not as it should be."""
    return CollectionError("The collection %(name)s is damaged: %(why)s.", name=folder.name, why=why)


def _load(text: bytes) -> object:
    if len(text) > MAX_BYTES:
        raise ValueError("its manifest is too large")
    try:
        return json.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its manifest is not JSON ({error})") from error


def parse_manifest(data: object) -> Manifest:
    """Check parsed JSON key by key; raises ValueError that says what is wrong."""
    if not isinstance(data, dict):
        raise ValueError("its manifest is not an object")
    if data.get("format") != FORMAT:
        raise ValueError(f"its format is {data.get('format')!r:.40}, this program reads {FORMAT}")
    known = {field.name for field in fields(Manifest)}
    if not known - {"title", "index"} <= data.keys() <= known:
        raise ValueError(f"its manifest has wrong keys: {sorted(known ^ data.keys())!r:.200}")
    segments, attributes = _texts(data, "segments"), _texts(data, "attributes")
    tombstones, index = _text(data, "tombstones"), _text({"index": "", **data}, "index")
    if not all(valid_name(name) for name in (*segments, index or "none")):
        raise ValueError("a segment's or the index's name is not a plain name")
    if not attributes or not all(key.strip() for key in attributes):
        raise ValueError("it has no attributes, or one without a name")
    if tombstones and not _TOMBSTONES.fullmatch(tombstones):
        raise ValueError("the tombstones' name is not a plain name")
    manifest = Manifest(
        format=_number(data, "format"),
        generation=_number(data, "generation"),
        checkpoint=_text(data, "checkpoint"),
        attributes=attributes,
        dim=_number(data, "dim"),
        count=_number(data, "count"),
        root=_text(data, "root"),
        segments=segments,
        tombstones=tombstones,
        title=_text({"title": "", **data}, "title"),
        index=index,
    )
    if not manifest.dim or not manifest.root:
        raise ValueError("its dim or its root is empty")
    return manifest


def _number(data: Mapping[str, object], key: str) -> int:
    value = data[key]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise ValueError(f"its {key} is not a number in range")
    return value


def _text(data: Mapping[str, object], key: str) -> str:
    value = data[key]
    if not isinstance(value, str) or not usable_text(value):
        raise ValueError(f"its {key} is not a text")
    return value


def _texts(data: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = data[key]
    if not isinstance(value, list | tuple):
        raise ValueError(f"its {key} are not a list")
    texts = tuple(text for text in value if isinstance(text, str) and usable_text(text))
    if len(texts) != len(value) or len(set(texts)) != len(texts):
        raise ValueError(f"its {key} are not a list of different texts")
    return texts


def usable_text(text: str) -> bool:
    """Whether a text can be stored and used as a path: not too long, no NUL, no half of a surrogate pair."""
    if len(text) > MAX_TEXT or "\0" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
