"""Checking a collection against what it promises, and mending it."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from rpf.collection import Collection, Item, Writer
from rpf.collection.arrays import inside
from rpf.collection.items import every_row
from rpf.collection.manifest import read_manifest
from rpf.collection.mending import Lost, read_lost, survey, write_lost
from rpf.collection.segments import NORM_TOLERANCE
from rpf.errors import CheckpointError, CollectionError, RPFError
from rpf.files import file_hash
from rpf.index.kept import EXACT, flaw, keep_up, method_in_use
from rpf.indexing import Embedder, Progress, Source, take_in, tidy

READERS = 4
TOLERANCE = 2 * NORM_TOLERANCE  # that of vectors as they come, and again for what 16 bits round


@dataclass
class Report:
    """What was found, a line each; the few that concern the whole before the many that concern one picture."""

    items: int = 0
    mended: list[str] = field(default_factory=list)
    remaining: list[str] = field(default_factory=list)


@dataclass
class _Found:
    """What is wrong with the items of a collection that opens."""

    rowless: list[int]
    spoilt: list[Item]  # with vectors that are not finite or not of norm 1
    changed: list[Item]  # with pictures that are others by now
    missing: list[Item]  # with pictures that are not there, or cannot be read
    index: str  # why it cannot be used; "" if it can


def check(folder: Path, key: str, progress: Progress) -> Report:
    """Look at the collection in `folder` and change nothing; a writer may be at work meanwhile.

    key: that of this installation's indexes. Raises UnknownCollection, and CollectionError where nothing can be told.
    """
    try:
        collection = Collection.open(folder)
    except CollectionError:
        found = survey(folder, read_manifest(folder)[0])
        return Report(found.whole.count, remaining=[*found.damage, "The rest can be checked when this is mended."])
    report, seen = Report(len(collection)), _look(collection, key, progress)
    if seen.index:
        report.remaining.append(f"The index cannot be used: {seen.index}.")
    report.remaining += [f"Item {item_id} has no row in the table of items." for item_id in seen.rowless]
    report.remaining += _waiting(read_lost(folder))
    report.remaining += [f"Item {item.id} has a damaged embedding: {item.path}" for item in seen.spoilt]
    report.remaining += _changed(seen.changed) + _missing(collection.root, seen.missing)
    return report


def mend(
    folder: Path,
    load: Callable[[], Embedder],
    setting: str,
    key: str,
    progress: Progress,
    *,
    wait: float = 0.0,
    batch: int = 32,
) -> Report:
    """Look at the collection in `folder` and mend what can be mended, as its writer.

    load: the model, asked for only if something has to be embedded; setting and key: as for rpf.index.kept.keep_up.
    Every step leaves a collection that opens and that can be mended further. Raises UnknownCollection, CollectionError
    for another writer after `wait` seconds and for damage that nothing can be done about.
    """
    report = Report()
    with Writer.existing(folder, wait, mend=True) as writer:
        report.mended += writer.damage
        if writer.cleared and not writer.damage:
            report.mended.append(f"The leavings of a crash were cleared away: {writer.cleared}.")
        collection = Collection.open(folder)
        found = _look(collection, key, progress)
        writer.remove(found.rowless)
        report.mended += [f"Item {gone} had no row in the table of items and was removed." for gone in found.rowless]
        lost = read_lost(folder)
        if lost or found.spoilt or found.changed:
            _replace(writer, load, lost, found, report, progress, batch)
        tidy(writer, progress)
        spoilt = {item.id for item in found.spoilt}
        report.remaining += _missing(collection.root, [item for item in found.missing if item.id not in spoilt])
        try:
            used = keep_up(writer, method_in_use(collection) or setting, key, progress, anew=bool(found.index))
        except RPFError as error:
            report.remaining.insert(0, f"The index cannot be made: {error}")
        else:
            if found.index:
                now = "removed: all is searched" if used == EXACT else "made anew"
                report.mended.insert(0, f"The index could not be used ({found.index}) and was {now}.")
        report.items = writer.manifest.count
    return report


def _look(collection: Collection, key: str, progress: Progress) -> _Found:
    rows, _ = every_row(collection.folder)
    ids = collection.ids.tolist()
    items = [rows[item_id] for item_id in ids if item_id in rows]
    spoilt = set(collection.ids[_spoilt(collection, progress)].tolist())
    hashed = [item for item in items if item.sha256]  # an import need not have had the pictures
    changed, missing = [], []
    with ThreadPoolExecutor(READERS) as pool:
        results = pool.map(partial(_same, collection.root), hashed)
        for done, (item, same) in enumerate(zip(hashed, results, strict=True), 1):
            if same is None:
                missing.append(item)
            elif not same:
                changed.append(item)
            progress("checking the pictures", done, len(hashed))
    index = flaw(collection, key)
    return _Found(
        rowless=[item_id for item_id in ids if item_id not in rows],
        spoilt=[item for item in items if item.id in spoilt],
        changed=changed,
        missing=missing,
        index="" if collection.changed() else index,  # by a writer, who may have put another in its place
    )


def _spoilt(collection: Collection, progress: Progress) -> npt.NDArray[np.bool_]:
    """(N,) which rows have a vector that is not finite or not of norm 1."""
    spoilt = np.zeros(len(collection), bool)
    width = len(collection.manifest.attributes)
    for attribute in range(width):
        for rows, block in collection.chunks(attribute):
            norms = torch.linalg.vector_norm(torch.from_numpy(np.array(block)).float(), dim=1).numpy()
            spoilt[rows] |= ~(np.abs(norms - 1) <= TOLERANCE)  # so, because NaN compares false
            progress("checking the vectors", attribute * len(collection) + rows.stop, width * len(collection))
    return spoilt


def _same(root: Path, item: Item) -> bool | None:
    """Whether the item's picture is the file that it was; None if it is not there or cannot be read."""
    path = root / item.path
    try:
        if not inside(root, path) or not path.is_file():
            return None
        return path.stat().st_size == item.bytes and file_hash(path) == item.sha256
    except OSError:
        return None


def _replace(
    writer: Writer,
    load: Callable[[], Embedder],
    lost: list[Lost],
    found: _Found,
    report: Report,
    progress: Progress,
    batch: int,
) -> None:
    """Put new items in the place of those that are lost, spoilt or changed; who cannot come back is removed.

    Without the model, or without the whole image folder, all of them stay as they are: both may be had tomorrow.
    """
    damaged: list[Item | Lost] = [*lost, *found.spoilt]
    wanted = {item.id: item for item in damaged}
    changed = {item.id: item for item in found.changed if item.id not in wanted}
    skipped: dict[str, str] = {}
    if writer.manifest.checkpoint:
        wanted |= changed
        try:
            embedder = _model(load, writer)
        except RPFError as error:
            report.remaining.append(f"{len(wanted)} items cannot be embedded anew: {error}")
            report.remaining += _waiting(wanted.values())
            return
        sources = [Source(item.path, item.labels) for item in wanted.values() if item.path]
        spoilt = {item.path for item in found.spoilt}
        skipped = dict(take_in(writer, sources, embedder, batch=batch, progress=progress, anew=spoilt).skipped)
    else:  # an import without its checkpoint: nothing can ever embed its pictures
        report.remaining += _changed(changed.values())
    known = {path: item_id for path, (item_id, _, _) in writer.known().items() if path}
    kept = set()
    for item in wanted.values():
        now = known.get(item.path, item.id)
        if now != item.id:
            report.mended.append(f"Item {item.id} was embedded anew and is item {now} now: {item.path}")
        elif item.id in changed and item.path in known:  # its vectors are those of the picture that it was
            kept.add(item.id)
            report.remaining.append(f"Item {item.id} has another picture now, which cannot be read: {item.path}")
        else:
            why = skipped.get(item.path, "there is no model for it" if item.path else "it has no picture")
            report.mended.append(f"Item {item.id} was removed, for it cannot be embedded anew: {item.path} ({why})")
    writer.remove(sorted((wanted.keys() - kept).intersection(Collection.open(writer.folder).ids.tolist())))
    write_lost(writer.folder, [])


def _model(load: Callable[[], Embedder], writer: Writer) -> Embedder:
    root = writer.manifest.image_root(writer.folder)
    if not root.is_dir():
        raise CollectionError("The image folder %(root)s is not there.", root=root)
    model = load()
    if model.checkpoint_hash != writer.manifest.checkpoint:
        raise CheckpointError("The model is not the one that the collection was made with; give that by --checkpoint.")
    return model


def _waiting(items: Iterable[Item | Lost]) -> list[str]:
    return [f"Item {item.id} waits to be embedded anew: {item.path}" for item in items]


def _changed(items: Iterable[Item]) -> list[str]:
    return [f"The picture of item {item.id} was changed: {item.path}" for item in items]


def _missing(root: Path, items: list[Item]) -> list[str]:
    if items and not root.is_dir():
        return [f"The image folder {root} is not there, with the pictures of {len(items)} items."]
    return [f"The picture of item {item.id} is missing: {item.path}" for item in items]
