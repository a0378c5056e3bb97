"""Taking over a collection of the earlier system: its embeddings in data.h5 and its item ids in c_idxs.npy."""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rpf import config
from rpf.collection import NewItem, Writer, collection_folder
from rpf.errors import BadImage, CollectionError
from rpf.images import decode
from rpf.ingest.legacy_files import read_embeddings, read_ids
from rpf.utils.files import file_hash, sync_folder
from rpf.utils.paths import SHIPPED_FOLDER
from rpf.utils.progress import Progress


def import_legacy(
    collections: Path,
    name: str,
    h5: Path,
    ids: Path,
    filenames: Path | None,
    pictures: Path | None,
    configs: Sequence[Path],
    made_with: Path | None,
    progress: Progress,
) -> int:
    """Make the collection `name`; return its number of items. Raises CollectionError, and then there is none.

    The ids become the items' ids. With `filenames`, the id is the line number (from 0) of the item's picture.
    Without `made_with`, the collection can be searched by its own items only.
    """
    folder = collection_folder(collections, name)
    if folder.exists():
        raise CollectionError('There is a collection named "%(name)s" already; choose another name.', name=name)
    item_ids = read_ids(ids)
    embeddings = read_embeddings(h5)
    if len(item_ids) != embeddings.count:
        raise CollectionError(
            "%(ids)s has %(found)d ids and %(h5)s %(expected)d items; they belong to different collections",
            ids=ids, found=len(item_ids), h5=h5, expected=embeddings.count,
        )  # fmt: skip
    attributes = config.load(
        configs or [SHIPPED_FOLDER / "config" / "FashionAI" / "FashionAI.yaml"]
    ).DATA.ATTRIBUTES.NAME
    if embeddings.attributes != len(attributes):
        raise CollectionError(
            "%(h5)s has %(found)d attributes and the config %(expected)d; give the config with --cfg",
            h5=h5, found=embeddings.attributes, expected=len(attributes),
        )  # fmt: skip
    paths = _paths(filenames, item_ids)
    root = str(pictures.resolve()) if pictures else "images"
    checkpoint = file_hash(made_with) if made_with else ""
    making = collections / ".importing" / name  # out of sight until it is whole
    shutil.rmtree(making, ignore_errors=True)
    making.parent.mkdir(parents=True, exist_ok=True)
    with Writer(making, checkpoint=checkpoint, attributes=attributes, dim=embeddings.dim, root=root) as writer:
        done = 0
        for batch in embeddings.batches():
            rows = item_ids[done : done + len(batch)]
            items = [_item(Path(root), paths[int(row)]) for row in rows]
            writer.append(items, batch, None, ids=rows.tolist())
            done += len(batch)
            progress("importing", done, embeddings.count)
        writer.compact()
    making.rename(folder)
    sync_folder(collections)
    return done


def _paths(filenames: Path | None, ids: np.ndarray) -> dict[int, str]:
    if filenames is None:
        return dict.fromkeys(ids.tolist(), "")
    lines = filenames.read_text(encoding="utf-8").splitlines()
    if ids.max(initial=-1) >= len(lines):
        raise CollectionError(
            "%(file)s has %(lines)d lines, and the ids go up to %(most)d",
            file=filenames,
            lines=len(lines),
            most=ids.max(),
        )
    return {int(row): lines[row].strip() for row in ids}


def _item(root: Path, path: str) -> NewItem:
    """The item with its picture's facts; a picture that is not there leaves an item without one."""
    try:
        data = (root / path).read_bytes()
        width, height = decode.open_image(data).size
    except (OSError, BadImage):
        return NewItem(path, "", 0, 0, 0, {})
    return NewItem(path, hashlib.sha256(data).hexdigest(), len(data), width, height, {})
