"""Where a writer begins: at the collection that is there, or at a new one."""

import shlex
from dataclasses import asdict, replace
from pathlib import Path

from rpf.collection.items import FILE, ItemTable
from rpf.collection.manifest import INDEX, Manifest, damaged, read_manifest, write_manifest
from rpf.collection.segments import FOLDER
from rpf.errors import CollectionError, UnknownCollection
from rpf.utils.files import sync_folder


def find_or_make(folder: Path, new: Manifest) -> Manifest:
    """The manifest of the collection in `folder` (resolved, locked), or `new`, which is written with an empty table.

    Raises CollectionError if what is there is damaged or was made with another checkpoint, attributes, dim or root.
    """
    segments = folder / FOLDER
    for own in (segments, folder / INDEX):
        if own.is_symlink():  # what it leads to is not ours to clean
            raise damaged(folder, f"its folder {own.name} is a symbolic link")
    segments.mkdir(exist_ok=True)
    try:
        old = read_manifest(folder)[0]
    except UnknownCollection:
        if any(segments.iterdir()):
            raise damaged(folder, "it has segments and no manifest") from None
        ItemTable(folder, new=True).close()  # before the manifest, which promises that it is there
        write_manifest(folder, new)
        sync_folder(folder.parent)
        return new
    if not (folder / FILE).exists():  # a new one would give the ids of the old one again
        raise damaged(folder, f"{FILE} is missing")
    have = replace(old, root=str(old.image_root(folder)))
    want = replace(new, root=str(new.image_root(folder)))
    if have.checkpoint != want.checkpoint:
        raise CollectionError(
            'The collection "%(name)s" was made with another checkpoint. Give that one by --checkpoint, or index under '
            "another name.", name=folder.name,
        )  # fmt: skip
    for key in ("attributes", "dim"):
        if asdict(have)[key] != asdict(want)[key]:
            template = "The collection %(name)s was made with another %(key)s (%(have)s, not %(want)s)."
            differing = {"key": key, "have": asdict(have)[key], "want": asdict(want)[key]}
            raise CollectionError(template, name=folder.name, **differing)
    if have.root != want.root:
        raise CollectionError(
            'The images of the collection "%(name)s" lie in %(have)s, not in %(want)s. %(hint)s',
            name=folder.name, have=have.root, want=want.root, hint=_hint(folder.name, Path(have.root), Path(want.root)),
        )  # fmt: skip
    return old


def _hint(name: str, have: Path, want: Path) -> str:
    given = shlex.quote(str(want))
    if want.is_relative_to(have):
        return f"For a part of them: python -m rpf add {name} {given}"
    return f"If that folder was moved: python -m rpf relocate {name} {given}"
