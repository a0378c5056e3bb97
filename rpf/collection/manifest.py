"""The manifest: the small file that lists the contents of a collection."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from rpf.errors import CollectionError, UnknownCollection
from rpf.utils.files import write_atomic
from rpf.utils.text import usable_text

FORMAT = 2  # written; 1 is read too
MANIFEST_FILE = "manifest.json"
MAX_MANIFEST_BYTES = 16 * 2**20
MAX_NAMES = 20  # in a message
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_UUID = re.compile(r"([0-9a-f]{32})?")
_TOMBSTONES = re.compile(r"(tombstones-[0-9]{1,20}\.npy)?")


def valid_name(name: str) -> bool:
    """Return whether `name` can name a collection: 1 to 64 ASCII letters, digits, - and _."""
    return _NAME.fullmatch(name) is not None


def collection_folder(collections: Path, name: str) -> Path:
    """Return the folder of the collection of that name. Raises CollectionError for an invalid name."""
    if not valid_name(name):
        raise CollectionError('"%(name)s" cannot name a collection; use 1 to 64 letters, digits, - and _.', name=name)
    return collections / name


@dataclass(frozen=True)
class CollectionSpec:
    """The facts that a collection is created with."""

    checkpoint: str  # sha256 of the checkpoint file; "" if unknown
    attributes: tuple[str, ...]
    dim: int  # embedding dimension of each attribute
    root: str  # the image folder: absolute, or relative to the collection's folder
    title: str = ""

    def image_root(self, folder: Path) -> Path:
        """Resolve the image folder of the collection in `folder`; it need not exist."""
        try:
            return (folder.resolve() / self.root).resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise CollectionError(
                "The image folder of the collection %(name)s cannot be used: %(why)s.", name=folder.name, why=error
            ) from error


@dataclass(frozen=True)
class Manifest:
    """Contents of one generation of a collection."""

    spec: CollectionSpec
    generation: int = 0
    count: int = 0  # live items
    segments: tuple[str, ...] = ()
    tombstones: str = ""  # a file name; "" if nothing is removed
    uuid: str = ""  # 32 hexadecimal digits; "" in format 1, until the first write
    incomplete: bool = False  # rows without vectors are items that wait to be re-embedded


# Identity of a manifest on disk: inode, time and text. The text alone would miss a collection that was deleted and
# created again.
Stamp = tuple[int, int, bytes]


def read_manifest(folder: Path) -> tuple[Manifest, Stamp]:
    """Read and check the manifest of the collection in `folder`.

    Raises UnknownCollection if there is none, CollectionError if it cannot be used.
    """
    try:
        stamp = read_stamp(folder)
        return parse_manifest(stamp[-1]), stamp
    except FileNotFoundError:
        names = sorted(path.parent.name for path in folder.parent.glob(f"*/{MANIFEST_FILE}"))[:MAX_NAMES]
        if names:
            raise UnknownCollection(
                'There is no collection named "%(name)s"; there are %(examples)s.',
                name=folder.name, examples=", ".join(names),
            ) from None  # fmt: skip
        raise UnknownCollection('There is no collection named "%(name)s".', name=folder.name) from None
    except (OSError, ValueError) as error:
        raise damaged(folder, error) from error


def read_stamp(folder: Path) -> Stamp:
    """Read the identity of the manifest, without checking it. Raises FileNotFoundError, OSError."""
    path = folder / MANIFEST_FILE
    if not path.is_file():  # opening a pipe would wait for its writer
        raise FileNotFoundError(path)
    with path.open("rb") as stream:
        status = os.fstat(stream.fileno())
        return status.st_ino, status.st_mtime_ns, stream.read(MAX_MANIFEST_BYTES + 1)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest on disk, atomically and durably."""
    values = asdict(manifest)
    data = {"format": FORMAT, **values.pop("spec"), **values}
    write_atomic(folder / MANIFEST_FILE, json.dumps(data, ensure_ascii=False, indent=1).encode())


def damaged(folder: Path, why: object) -> CollectionError:
    """Make the error for a damaged collection."""
    return CollectionError("The collection %(name)s is damaged: %(why)s.", name=folder.name, why=why)


def parse_manifest(text: bytes) -> Manifest:
    """Parse a manifest's JSON and check it key by key. Raises ValueError with the reason."""
    if len(text) > MAX_MANIFEST_BYTES:
        raise ValueError("its manifest is too large")
    try:
        data = json.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its manifest is not JSON ({error})") from error
    if not isinstance(data, dict):
        raise ValueError("its manifest is not an object")
    if type(data.get("format")) is not int or not 1 <= data["format"] <= FORMAT:
        raise ValueError(f"its format is {data.get('format')!r:.40}, this program reads 1 and {FORMAT}")
    values = {"title": "", "uuid": "", "incomplete": False, **data}
    if data["format"] == 1:
        values.pop("index", None)  # the search index was a part of a collection then
    if values.keys() != {"format", *_KINDS}:
        raise ValueError(f"its manifest has wrong keys: {sorted(values.keys() ^ {'format', *_KINDS})!r:.200}")
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    _check_kinds(values)
    spec = CollectionSpec(*(values[field.name] for field in fields(CollectionSpec)))
    check_spec(spec)
    manifest = Manifest(spec, *(values[field.name] for field in fields(Manifest) if field.name != "spec"))
    if not all(map(valid_name, manifest.segments)) or not _TOMBSTONES.fullmatch(manifest.tombstones):
        raise ValueError("the name of a segment, or of the tombstones, is not a plain name")
    if not _UUID.fullmatch(manifest.uuid):
        raise ValueError("its uuid is not 32 hexadecimal digits")
    return manifest


def check_spec(spec: CollectionSpec) -> None:
    """Raise ValueError for facts that no collection can have."""
    _check_kinds(asdict(spec))
    if not spec.attributes or not all(key.strip() for key in spec.attributes):
        raise ValueError("it has no attributes, or one without a name")
    if not spec.dim or not spec.root:
        raise ValueError("its dim or its root is empty")


def _check_kinds(values: Mapping[str, object]) -> None:
    for key, kind in _KINDS.items():
        if key in values and not _is(kind, values[key]):
            raise ValueError(f"its {key} has an unexpected value")


def _is(kind: type, value: object) -> bool:
    """Return whether a value is a text that can be stored, several different ones, a number in range, or a boolean."""
    if isinstance(value, tuple):
        return kind is tuple and all(_is(str, text) for text in value) and len(set(value)) == len(value)
    if type(value) is int:
        return kind is int and 0 <= value < 2**63
    return type(value) is kind and (not isinstance(value, str) or usable_text(value))


_KINDS: dict[str, type] = {
    "checkpoint": str, "attributes": tuple, "dim": int, "root": str, "title": str,
    "generation": int, "count": int, "segments": tuple, "tombstones": str, "uuid": str, "incomplete": bool,
}  # fmt: skip
