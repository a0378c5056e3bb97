"""Verification of a collection: images, counts, embeddings, index."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from rpf.collection import Collection, ImageFolder, Item, read_manifest
from rpf.collection.items import read_rows
from rpf.collection.recovery import find_waiting, survey_damage
from rpf.collection.segments import NORM_TOLERANCE
from rpf.errors import CollectionError
from rpf.ingest.reconcile import compare_images
from rpf.products.table import PRODUCTS_FILE
from rpf.products.view import open_products
from rpf.search.index_store import validate_index
from rpf.settings import Settings
from rpf.utils.progress import Progress

STORED_NORM_TOLERANCE = 2 * NORM_TOLERANCE  # half of it for the rounding to 16 bits


@dataclass(frozen=True)
class CollectionProblem:
    """One kind of problem and what to do, with the items that have it unless it concerns the whole collection."""

    text: str
    items: tuple[str, ...] = ()


@dataclass
class VerifyReport:
    """Results of `rpf verify` and `rpf repair`; problems of the whole collection come before those of items."""

    items: int = 0
    repaired: list[str] = field(default_factory=list)
    problems: list[CollectionProblem] = field(default_factory=list)


@dataclass(frozen=True)
class ItemDamage:
    """Damaged items of a collection that opens."""

    rowless: list[int]
    waiting: list[Item]  # to be re-embedded
    corrupt: list[Item]  # with vectors that are not finite or not of norm 1
    changed: list[Item]  # with images that have other bytes now
    missing: list[Item]  # with images that do not exist
    unreadable: list[Item]  # with images that exist and cannot be read


def verify(folder: Path, settings: Settings, progress: Progress) -> VerifyReport:
    """Check the collection in `folder` and change nothing; a writer may be at work meanwhile.

    Raises UnknownCollection, and CollectionError where nothing can be told.
    """
    try:
        collection = Collection.open(folder, settings.image_roots)
    except CollectionError:
        survey = survey_damage(folder, read_manifest(folder)[0])
        lines = [*survey.damage, f"The rest can be checked after `rpf repair {folder.name}`."]
        return VerifyReport(survey.readable.count, problems=[CollectionProblem(line) for line in lines])
    damage = find_damage(collection, progress)
    report = VerifyReport(len(collection))
    index_flaw = validate_index(collection, settings.indexes)
    if index_flaw and not collection.changed():  # else a writer may have replaced the index
        report.problems.append(
            CollectionProblem(
                f"The index cannot be used: {index_flaw}. `rpf build-index {folder.name}` builds it again."
            )
        )
    repair = f"`rpf repair {folder.name}` re-embeds them"
    report.problems += [
        *_problem(
            f"without a row in the items table; `rpf repair {folder.name}` removes them",
            [f"item {item_id}" for item_id in damage.rowless],
        ),
        *items_problem(f"waiting to be re-embedded; {repair}", damage.waiting),
        *items_problem(f"with a corrupt embedding; {repair}", damage.corrupt),
        *items_problem(f"with an image that was changed; {repair}", damage.changed),
        *image_problems(collection.images, folder.name, damage.missing, damage.unreadable),
        *_product_problems(folder),
    ]
    return report


def find_damage(collection: Collection, progress: Progress) -> ItemDamage:
    """Check each item: its row, its vectors, its image."""
    rows, retired = read_rows(collection.folder)
    ids = collection.ids.tolist()
    items = [rows[item_id] for item_id in ids if item_id in rows]
    corrupt = set(collection.ids[_corrupt_rows(collection, progress)].tolist())
    hashed = [item for item in items if item.sha256]  # imported items may have no image
    matches = compare_images(collection.images, {item.path: (item.bytes, item.sha256) for item in hashed}, progress)
    unreadable = [item for item in hashed if matches[item.path] is None]
    missing = {item.id for item in unreadable if collection.images.is_missing(item.path)}
    return ItemDamage(
        rowless=[item_id for item_id in ids if item_id not in rows],
        waiting=find_waiting(collection, rows, retired),
        corrupt=[item for item in items if item.id in corrupt],
        changed=[item for item in hashed if matches[item.path] is False],
        missing=[item for item in unreadable if item.id in missing],
        unreadable=[item for item in unreadable if item.id not in missing],
    )


def items_problem(text: str, items: Iterable[Item]) -> list[CollectionProblem]:
    """Return the problem of some items, such as "3 items with a corrupt embedding"; none if there are no items."""
    return _problem(text, [f"{item.path or 'no image'} (item {item.id})" for item in items])


def image_problems(
    images: ImageFolder, name: str, missing: list[Item], unreadable: list[Item]
) -> list[CollectionProblem]:
    """Return the problems of items whose images cannot be read."""
    try:
        images.require(name)
    except CollectionError as error:
        return [CollectionProblem(f"{len(missing)} items without their images: {error}")] if missing else []
    return [
        *items_problem(
            f"whose image is missing; `rpf index {name} {shlex.quote(str(images.root))}` finds images that were moved, "
            f"`rpf remove {name} --missing` removes the other items",
            missing,
        ),
        *items_problem(
            "whose image cannot be read: no permission, or a link into a folder that is not in RPF_IMAGE_ROOTS",
            unreadable,
        ),
    ]


def _product_problems(folder: Path) -> list[CollectionProblem]:
    """Return what is wrong with the products, if there are any."""
    try:
        open_products(folder)
    except CollectionError as error:
        return [CollectionProblem(f"{error} Delete {PRODUCTS_FILE} there; `rpf sync` with the feed writes it again.")]
    return []


def _problem(text: str, lines: list[str]) -> list[CollectionProblem]:
    return (
        [CollectionProblem(f"{len(lines)} {'item' if len(lines) == 1 else 'items'} {text}", tuple(lines))]
        if lines
        else []
    )


def _corrupt_rows(collection: Collection, progress: Progress) -> npt.NDArray[np.bool_]:
    """Find, as booleans (N,), the rows with a vector that is not finite or not of norm 1."""
    corrupt = np.zeros(len(collection), bool)
    attributes = len(collection.vocabulary)
    for attribute in range(attributes):
        for rows, block in collection.chunks(attribute):
            norms = torch.linalg.vector_norm(torch.from_numpy(np.array(block)).float(), dim=1).numpy()
            corrupt[rows] |= ~(np.abs(norms - 1) <= STORED_NORM_TOLERANCE)  # negated so that NaN is rejected too
            progress("checking the vectors", attribute * len(collection) + rows.stop, attributes * len(collection))
    return corrupt
