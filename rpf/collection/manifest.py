"""The manifest: the small file that lists the contents of a collection."""

import json
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, TypeVar

from annotated_types import Predicate
from pydantic import Field, Strict, StrictBool, TypeAdapter, ValidationError

from rpf.errors import CollectionError, UnknownCollection
from rpf.utils.files import write_atomic
from rpf.utils.text import usable_text

FORMAT = 2  # written; 1 is read too
MANIFEST_FILE = "manifest.json"
MAX_MANIFEST_BYTES = 16 * 2**20
MAX_NAMES = 20  # in a message
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
Text = Annotated[str, Strict(), Predicate(usable_text)]
FilledText = Annotated[Text, Predicate(str.strip)]
Count = Annotated[int, Strict(), Field(ge=0, lt=2**63)]
T = TypeVar("T")


def valid_name(name: str) -> bool:
    """Return whether `name` can name a collection: 1 to 64 ASCII letters, digits, - and _."""
    return _NAME.fullmatch(name) is not None


def collection_folder(collections: Path, name: str) -> Path:
    """Return the folder of the collection of that name. Raises CollectionError for an invalid name."""
    if not valid_name(name):
        raise CollectionError('"%(name)s" cannot name a collection; use 1 to 64 letters, digits, - and _.', name=name)
    return collections / name


def _differ(texts: tuple[str, ...]) -> bool:
    return len(set(texts)) == len(texts)


@dataclass(frozen=True)
class CollectionSpec:
    """The facts that a collection is created with."""

    checkpoint: Text  # sha256 of the checkpoint file; "" if unknown
    attributes: Annotated[tuple[FilledText, ...], Field(min_length=1), Predicate(_differ)]
    dim: Annotated[Count, Field(gt=0)]  # embedding dimension of each attribute
    root: Annotated[Text, Field(min_length=1)]  # the image folder: absolute, or relative to the collection's folder
    title: Text = ""

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
    generation: Count = 0
    count: Count = 0  # live items
    segments: Annotated[tuple[Annotated[Text, Predicate(valid_name)], ...], Predicate(_differ)] = ()
    # A file name; "" if nothing is removed.
    tombstones: Annotated[Text, Field(pattern=r"^(tombstones-[0-9]{1,20}\.npy)?$")] = ""
    # 32 hexadecimal digits; "" in format 1, until the first write.
    uuid: Annotated[Text, Field(pattern="^([0-9a-f]{32})?$")] = ""
    incomplete: StrictBool = False  # rows without vectors are items that wait to be re-embedded


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


@contextmanager
def reporting(folder: Path) -> Iterator[None]:
    """Raise what the system refuses in the block as CollectionError."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise CollectionError(
            "The collection %(name)s cannot be written: %(why)s.", name=folder.name, why=error
        ) from error


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
    if values.pop("format") == 1:
        values.pop("index", None)  # the search index was a part of a collection then
    spec_keys, keys = ({field.name for field in fields(kind)} for kind in (CollectionSpec, Manifest))
    if wrong := values.keys() ^ (spec_keys | keys - {"spec"}):
        raise ValueError(f"its manifest has wrong keys: {sorted(wrong)!r:.200}")
    return _validate(TypeAdapter(Manifest), {"spec": {key: values.pop(key) for key in spec_keys}, **values})


def check_spec(spec: CollectionSpec) -> None:
    """Raise ValueError for facts that no collection can have."""
    _validate(TypeAdapter(CollectionSpec), asdict(spec))


def _validate(adapter: TypeAdapter[T], values: dict[str, Any]) -> T:
    try:
        return adapter.validate_python(values)
    except ValidationError as error:
        key = next(part for part in error.errors()[0]["loc"] if part != "spec")
        raise ValueError(f"its {key} has an unexpected value") from None
