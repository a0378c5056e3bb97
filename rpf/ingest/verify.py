"""Checking a collection against what it promises, and mending it."""

import shlex
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from rpf.collection import Collection, Item, Writer
from rpf.collection.image_folder import ImageFolder
from rpf.collection.items import every_row
from rpf.collection.manifest import read_manifest
from rpf.collection.recovery import Lost, read_lost, survey, write_lost
from rpf.collection.segments import NORM_TOLERANCE
from rpf.errors import CheckpointError, CollectionError, RPFError
from rpf.inference.interface import Embedder
from rpf.ingest.pipeline import Source, ingest_images, merge_small_segments
from rpf.search.index_store import EXACT, index_method, update_index, validate_index
from rpf.utils.progress import Progress

READERS = 4
TOLERANCE = 2 * NORM_TOLERANCE  # that of vectors as they come, and again for what 16 bits round


@dataclass(frozen=True)
class Problem:
    """One kind of problem: what it is and what to do, and which items have it, unless it concerns the whole."""

    text: str
    items: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        return len(self.items) or 1


@dataclass
class Report:
    """The result: those problems that concern the whole come before those of single items."""

    items: int = 0
    mended: list[str] = field(default_factory=list)
    remaining: list[Problem] = field(default_factory=list)

    @property
    def problems(self) -> int:
        return sum(problem.count for problem in self.remaining)


@dataclass
class _Found:
    """What is wrong with the items of a collection that opens."""

    rowless: list[int]
    spoilt: list[Item]  # with vectors that are not finite or not of norm 1
    changed: list[Item]  # with pictures that are others by now
    missing: list[Item]  # with pictures that are not there
    unreadable: list[Item]  # with pictures that are there and cannot be read
    index: str  # why it cannot be used; "" if it can


def check(folder: Path, indexes: Path, progress: Progress, linked: tuple[Path, ...] = ()) -> Report:
    """Look at the collection in `folder` and change nothing; a writer may be at work meanwhile.

    indexes: the folder of this installation's search indexes. Raises UnknownCollection, and CollectionError where
    nothing can be told.
    """
    try:
        collection = Collection.open(folder, linked)
    except CollectionError:
        found = survey(folder, read_manifest(folder)[0])
        damage = [*found.damage, "The rest can be checked when this is mended."]
        return Report(found.whole.count, remaining=[Problem(text) for text in damage])
    report, seen = Report(len(collection)), _look(collection, indexes, progress)
    if seen.index:
        report.remaining.append(Problem(f"The index cannot be used: {seen.index}."))
    mend = f"`python -m rpf verify {folder.name}` mends that"
    report.remaining += [
        *_problem(
            f"without a row in the table of items; `python -m rpf verify {folder.name}` removes such items",
            (f"item {item_id}" for item_id in seen.rowless),
        ),
        *_problem(f"waiting to be re-embedded; {mend}", _named(read_lost(folder))),
        *_problem(f"with a damaged embedding; {mend}", _named(seen.spoilt)),
        *_problem(f"with an image that was changed; {mend}", _named(seen.changed)),
        *_unseen(collection.images, folder.name, seen.missing, seen.unreadable),
    ]
    return report


def mend(
    folder: Path,
    load: Callable[[], Embedder],
    setting: str,
    indexes: Path,
    progress: Progress,
    *,
    wait: float = 0.0,
    batch: int = 32,
    linked: tuple[Path, ...] = (),
) -> Report:
    """Look at the collection in `folder` and mend what can be mended, as its writer.

    load: the model, asked for only if something has to be embedded; setting and indexes: as for `update_index`.
    Every step leaves a collection that opens and that can be mended further. Raises UnknownCollection, CollectionError
    for another writer after `wait` seconds and for damage that nothing can be done about.
    """
    report = Report()
    with Writer.open(folder, wait=wait, repair=True) as writer:
        report.mended += writer.damage
        if writer.cleared and not writer.damage:
            report.mended.append(f"The leavings of a crash were cleared away: {writer.cleared}.")
        collection = Collection.open(folder, linked)
        found = _look(collection, indexes, progress)
        writer.remove(found.rowless)
        report.mended += [f"Item {gone} had no row in the table of items and was removed." for gone in found.rowless]
        lost = read_lost(folder)
        if lost or found.spoilt or found.changed:
            _replace(writer, load, lost, found, report, progress, batch, linked)
        merge_small_segments(writer, progress)
        spoilt = {item.id for item in found.spoilt}
        missing, unreadable = (
            [item for item in items if item.id not in spoilt] for items in (found.missing, found.unreadable)
        )
        report.remaining += _unseen(collection.images, folder.name, missing, unreadable)
        try:
            method = index_method(collection, indexes) or setting
            newest = Collection.open(folder)
            used = update_index(newest, indexes, method, progress, rebuild=bool(found.index))
        except RPFError as error:
            report.remaining.insert(0, Problem(f"The index cannot be made: {error}"))
        else:
            if found.index:
                now = "removed: all is searched" if used == EXACT else "made anew"
                report.mended.insert(0, f"The index could not be used ({found.index}) and was {now}.")
        report.items = writer.manifest.count
    return report


def _look(collection: Collection, indexes: Path, progress: Progress) -> _Found:
    rows, _ = every_row(collection.folder)
    ids = collection.ids.tolist()
    items = [rows[item_id] for item_id in ids if item_id in rows]
    spoilt = set(collection.ids[_spoilt(collection, progress)].tolist())
    hashed = [item for item in items if item.sha256]  # an import need not have had the pictures
    changed: list[Item] = []
    missing: list[Item] = []
    unreadable: list[Item] = []
    with ThreadPoolExecutor(READERS) as pool:
        results = pool.map(lambda item: collection.images.holds(item.path, item.bytes, item.sha256), hashed)
        for done, (item, same) in enumerate(zip(hashed, results, strict=True), 1):
            if same is None:
                (missing if collection.images.lacks(item.path) else unreadable).append(item)
            elif not same:
                changed.append(item)
            progress("checking the pictures", done, len(hashed))
    index = validate_index(collection, indexes)
    return _Found(
        rowless=[item_id for item_id in ids if item_id not in rows],
        spoilt=[item for item in items if item.id in spoilt],
        changed=changed,
        missing=missing,
        unreadable=unreadable,
        index="" if collection.changed() else index,  # by a writer, who may have put another in its place
    )


def _spoilt(collection: Collection, progress: Progress) -> npt.NDArray[np.bool_]:
    """(N,) which rows have a vector that is not finite or not of norm 1."""
    spoilt = np.zeros(len(collection), bool)
    width = len(collection.manifest.spec.attributes)
    for attribute in range(width):
        for rows, block in collection.chunks(attribute):
            norms = torch.linalg.vector_norm(torch.from_numpy(np.array(block)).float(), dim=1).numpy()
            spoilt[rows] |= ~(np.abs(norms - 1) <= TOLERANCE)  # so, because NaN compares false
            progress("checking the vectors", attribute * len(collection) + rows.stop, width * len(collection))
    return spoilt


def _replace(
    writer: Writer,
    load: Callable[[], Embedder],
    lost: list[Lost],
    found: _Found,
    report: Report,
    progress: Progress,
    batch: int,
    linked: tuple[Path, ...],
) -> None:
    """Put new items in the place of those that are lost, spoilt or changed; who cannot come back is removed.

    Without the model, or without the whole image folder, all of them stay as they are: both may be had tomorrow.
    """
    damaged: list[Item | Lost] = [*lost, *found.spoilt]
    wanted = {item.id: item for item in damaged}
    changed = {item.id: item for item in found.changed if item.id not in wanted}
    skipped: dict[str, str] = {}
    if writer.manifest.spec.checkpoint:
        wanted |= changed
        try:
            embedder = _model(load, writer)
        except RPFError as error:
            report.remaining += _problem(f"that cannot be re-embedded: {error}", _named(wanted.values()))
            return
        sources = [Source(item.path, item.labels) for item in wanted.values() if item.path]
        known = writer.known()
        known |= {item.path: (item.id, 0, "") for item in found.spoilt}  # to be replaced, though they are unchanged
        result = ingest_images(writer, sources, embedder, batch=batch, progress=progress, known=known, linked=linked)
        skipped = dict(result.skipped)
    else:  # an import without its checkpoint: nothing can ever embed its pictures
        why = "with an image that was changed, and no model to re-embed it"
        report.remaining += _problem(why, _named(changed.values()))
    ids = {path: item_id for path, (item_id, _, _) in writer.known().items() if path}
    kept: dict[int, Item | Lost] = {}
    for item in wanted.values():
        now = ids.get(item.path, item.id)
        if now != item.id:
            report.mended.append(f"Item {item.id} was re-embedded and is item {now} now: {item.path}")
        elif item.id in changed and item.path in ids:  # its vectors are those of the picture that it was
            kept[item.id] = item
        else:
            why = skipped.get(item.path, "there is no model for it" if item.path else "it has no picture")
            report.mended.append(f"Item {item.id} was removed, for it cannot be re-embedded: {item.path} ({why})")
    report.remaining += _problem("with another image now, which cannot be read", _named(kept.values()))
    writer.remove(sorted((wanted.keys() - kept.keys()).intersection(Collection.open(writer.folder).ids.tolist())))
    write_lost(writer.folder, [])


def _model(load: Callable[[], Embedder], writer: Writer) -> Embedder:
    ImageFolder(writer.manifest.spec.image_root(writer.folder)).require(writer.folder.name)
    model = load()
    if model.checkpoint_hash != writer.manifest.spec.checkpoint:
        raise CheckpointError("The model is not the one that the collection was made with; give that by --checkpoint.")
    return model


def _problem(text: str, items: Iterable[str]) -> list[Problem]:
    """Return the problem of some items, such as "3 items with a damaged embedding"; none if there are no items."""
    listed = tuple(items)
    return [Problem(f"{len(listed)} {'item' if len(listed) == 1 else 'items'} {text}", listed)] if listed else []


def _named(items: Iterable[Item | Lost]) -> Iterator[str]:
    return (f"{item.path or 'no image'} (item {item.id})" for item in items)


def _unseen(images: ImageFolder, name: str, missing: list[Item], unreadable: list[Item]) -> list[Problem]:
    try:
        images.require(name)
    except CollectionError as error:
        return [Problem(f"{len(missing)} items without their images: {error}")] if missing else []
    return [
        *_problem(
            f"whose image is missing; `python -m rpf index {name} {shlex.quote(str(images.root))}` finds what "
            f"was moved, `python -m rpf remove {name} --missing` removes the others",
            _named(missing),
        ),
        *_problem(
            "whose image cannot be read: no permission, or a link into a folder that is not in RPF_IMAGE_ROOTS",
            _named(unreadable),
        ),
    ]
