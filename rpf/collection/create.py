"""Creation of a collection, or the check that an existing one has the facts that a writer expects."""

import shlex
from pathlib import Path
from uuid import uuid4

from rpf.collection.items import ITEMS_FILE, ItemTable
from rpf.collection.manifest import (
    CollectionSpec,
    Manifest,
    check_spec,
    collection_folder,
    damaged,
    read_manifest,
    write_manifest,
)
from rpf.collection.segments import SEGMENTS_FOLDER
from rpf.errors import CollectionError, UnknownCollection
from rpf.utils.files import sync_folder


def check_name_and_spec(folder: Path, spec: CollectionSpec) -> None:
    """Raise CollectionError where no collection with these facts can be created."""
    collection_folder(folder.parent, folder.name)
    try:
        check_spec(spec)
    except ValueError as error:
        raise CollectionError(
            "The collection %(name)s cannot be created: %(why)s.", name=folder.name, why=error
        ) from error


def find_or_create(folder: Path, spec: CollectionSpec | None) -> Manifest:
    """Return the manifest of the collection in `folder` (resolved, locked); create it from `spec` if there is none.

    Raises CollectionError if the collection is damaged or has other facts than `spec`; UnknownCollection if there is
    neither a collection nor a spec.
    """
    segments = folder / SEGMENTS_FOLDER
    if segments.is_symlink():  # cleanup would delete the files of another folder
        raise damaged(folder, f"its folder {segments.name} is a symbolic link")
    try:
        manifest = read_manifest(folder)[0]
    except UnknownCollection:
        if segments.is_dir() and any(segments.iterdir()):
            raise damaged(folder, "it has segments and no manifest") from None
        if spec is None:
            raise
        segments.mkdir(exist_ok=True)
        ItemTable(folder, new=True).close()  # before the manifest, which promises that it exists
        manifest = Manifest(spec, uuid=uuid4().hex)
        write_manifest(folder, manifest)
        sync_folder(folder.parent)
        return manifest
    segments.mkdir(exist_ok=True)
    if not (folder / ITEMS_FILE).exists():  # a new one would give the ids of the old one again
        raise damaged(folder, f"{ITEMS_FILE} is missing")
    if spec is not None:
        _require_same(folder, manifest.spec, spec)
    return manifest


def _require_same(folder: Path, have: CollectionSpec, want: CollectionSpec) -> None:
    if have.checkpoint != want.checkpoint:
        raise CollectionError(
            'The collection "%(name)s" was made with another checkpoint. Give that one by --checkpoint, index under '
            "another name, or embed the collection again with: rpf re-embed %(name)s", name=folder.name,
        )  # fmt: skip
    if (have.attributes, have.dim) != (want.attributes, want.dim):
        raise CollectionError(
            'The collection "%(name)s" has other attributes or another embedding dimension: %(have)s, not %(want)s.',
            name=folder.name, have=(*have.attributes, have.dim), want=(*want.attributes, want.dim),
        )  # fmt: skip
    old, new = have.image_root(folder), want.image_root(folder)
    if old != new:
        hint = "For a part of them: rpf add" if new.is_relative_to(old) else "If that folder was moved: rpf relocate"
        raise CollectionError(
            'The images of the collection "%(name)s" lie in "%(have)s", not in "%(want)s". %(hint)s '
            "%(name)s %(quoted)s", name=folder.name, have=old, want=new, hint=hint, quoted=shlex.quote(str(new)),
        )  # fmt: skip
