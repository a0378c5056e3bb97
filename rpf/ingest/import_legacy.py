"""Import of a collection of the earlier system: its embeddings in data.h5 and its item ids in c_idxs.npy."""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rpf import config
from rpf.collection import CollectionSpec, NewItem, Writer, collection_folder
from rpf.errors import BadImage, CollectionError
from rpf.images import decode
from rpf.ingest.legacy_files import read_embeddings, read_ids
from rpf.utils.files import file_hash, sync_folder
from rpf.utils.paths import SHIPPED_FOLDER
from rpf.utils.progress import Progress


def import_legacy(
    collections: Path,
    name: str,
    embeddings_file: Path,
    ids_file: Path,
    progress: Progress,
    *,
    filenames: Path | None = None,
    images: Path | None = None,
    configs: Sequence[Path] = (),
    checkpoint: Path | None = None,
) -> int:
    """Create the collection `name` and return its number of items. Raises CollectionError, and then creates none.

    The ids become the items' ids. With `filenames`, the id is the line number (from 0) of the item's image.
    Without `checkpoint`, the collection can be searched by its own items only.
    """
    folder = collection_folder(collections, name)
    if folder.exists():
        raise CollectionError('There is a collection named "%(name)s" already; choose another name.', name=name)
    ids = read_ids(ids_file)
    embeddings = read_embeddings(embeddings_file)
    if len(ids) != embeddings.count:
        raise CollectionError(
            '"%(ids)s" has %(have)d ids and "%(file)s" %(want)d items; they belong to different collections.',
            ids=ids_file, have=len(ids), file=embeddings_file, want=embeddings.count,
        )  # fmt: skip
    attributes = config.load(
        configs or [SHIPPED_FOLDER / "config" / "FashionAI" / "FashionAI.yaml"]
    ).DATA.ATTRIBUTES.NAME
    if embeddings.attributes != len(attributes):
        raise CollectionError(
            '"%(file)s" has %(have)d attributes and the config %(want)d; give the config with --cfg.',
            file=embeddings_file, have=embeddings.attributes, want=len(attributes),
        )  # fmt: skip
    paths = _read_paths(filenames, ids)
    root = str(images.resolve()) if images else "images"
    spec = CollectionSpec(file_hash(checkpoint) if checkpoint else "", tuple(attributes), embeddings.dim, root)
    temporary = collections / ".importing" / name  # hidden until it is complete
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.parent.mkdir(parents=True, exist_ok=True)
    with Writer.open(temporary, spec) as writer:
        done = 0
        for batch in embeddings.batches():
            batch_ids = ids[done : done + len(batch)].tolist()
            writer.append([_read_item(Path(root), paths[item_id]) for item_id in batch_ids], batch, None, ids=batch_ids)
            done += len(batch)
            progress("importing", done, embeddings.count)
        writer.optimize()
    temporary.rename(folder)
    sync_folder(collections)
    return done


def _read_paths(filenames: Path | None, ids: np.ndarray) -> dict[int, str]:
    if filenames is None:
        return dict.fromkeys(ids.tolist(), "")
    lines = filenames.read_text(encoding="utf-8").splitlines()
    if ids.max(initial=-1) >= len(lines):
        raise CollectionError(
            '"%(file)s" has %(lines)d lines, and the ids go up to %(last)d.',
            file=filenames,
            lines=len(lines),
            last=ids.max(),
        )
    return {item_id: lines[item_id].strip() for item_id in ids.tolist()}


def _read_item(root: Path, path: str) -> NewItem:
    """Read the facts of an item's image; a missing image leaves an item without one."""
    try:
        data = (root / path).read_bytes()
        width, height = decode.open_image(data).size
    except (OSError, BadImage):
        return NewItem(path, "", 0, 0, 0, {})
    return NewItem(path, hashlib.sha256(data).hexdigest(), len(data), width, height, {})
