"""Repair of a collection: re-embed lost, corrupt or changed items, and rebuild a damaged index."""

from rpf.collection import Collection, ImageFolder, Item, Writer
from rpf.errors import RPFError
from rpf.inference.load import load_model
from rpf.ingest.pipeline import BATCH_SIZE, ImageRecord, embed_images, require_checkpoint
from rpf.ingest.verify import CollectionProblem, ItemDamage, VerifyReport, find_damage, image_problems, items_problem
from rpf.search.index_store import EXACT, index_method, update_index, validate_index
from rpf.settings import Settings
from rpf.utils.progress import Progress


def repair_items(
    writer: Writer, settings: Settings, progress: Progress, *, batch_size: int = BATCH_SIZE
) -> VerifyReport:
    """Repair the items of a collection that was opened with `repair`; the model is loaded only if it is needed.

    Every step leaves a collection that opens and that can be repaired further. Raises CollectionError.
    """
    report = VerifyReport(repaired=list(writer.damage))
    if writer.cleared and not writer.damage:
        report.repaired.append(f"Leftovers of a crash were deleted: {writer.cleared}.")
    collection = Collection.open(writer.folder, settings.image_roots)
    damage = find_damage(collection, progress)
    writer.remove(damage.rowless)
    report.repaired += [f"Item {item_id} had no row in the items table and was removed." for item_id in damage.rowless]
    if damage.waiting or damage.corrupt or damage.changed:
        _re_embed(writer, settings, damage, report, progress, batch_size)
    else:
        writer.complete()
    corrupt = {item.id for item in damage.corrupt}
    missing, unreadable = (
        [item for item in items if item.id not in corrupt] for items in (damage.missing, damage.unreadable)
    )
    report.problems += image_problems(collection.images, collection.name, missing, unreadable)
    report.items = writer.manifest.count
    return report


def repair_index(writer: Writer, settings: Settings, report: VerifyReport, progress: Progress) -> None:
    """Bring the index of the collection up to date; build it again if it cannot be used."""
    collection = Collection.open(writer.folder)
    flaw = validate_index(collection, settings.indexes)
    method = index_method(collection, settings.indexes) or settings.index_method
    try:
        used = update_index(collection, settings.indexes, method, progress, rebuild=bool(flaw))
    except RPFError as error:
        report.problems.insert(0, CollectionProblem(f"The index cannot be built: {error}"))
        return
    if flaw:
        result = "removed: search is exact" if used == EXACT else "rebuilt"
        report.repaired.insert(0, f"The index could not be used ({flaw}) and was {result}.")


def _re_embed(
    writer: Writer,
    settings: Settings,
    damage: ItemDamage,
    report: VerifyReport,
    progress: Progress,
    batch_size: int,
) -> None:
    """Re-embed lost, corrupt or changed items under new ids; remove items that cannot be re-embedded.

    Without the model, or without the whole image folder, all of them stay: both may be back tomorrow.
    """
    items = {item.id: item for item in (*damage.waiting, *damage.corrupt)}
    changed = {item.id: item for item in damage.changed if item.id not in items}
    skipped: dict[str, str] = {}
    if writer.manifest.spec.checkpoint:
        items |= changed
        try:
            ImageFolder(writer.manifest.spec.image_root(writer.folder)).require(writer.folder.name)
            embedder = load_model(settings)
            require_checkpoint(writer, embedder)
        except RPFError as error:
            report.problems += items_problem(f"that cannot be re-embedded: {error}", items.values())
            return
        images = [ImageRecord(item.path, item.labels) for item in items.values() if item.path]
        known = writer.known() | {item.path: (item.id, 0, "") for item in damage.corrupt}  # to be replaced
        ingested = embed_images(
            writer, images, embedder, progress, known=known, batch_size=batch_size, linked=settings.image_roots
        )
        skipped = dict(ingested.skipped)
    else:  # an import without its checkpoint: no model can ever embed its images
        report.problems += items_problem(
            "with an image that was changed, and no model to re-embed it", changed.values()
        )
    ids = {path: item_id for path, (item_id, _, _) in writer.known().items() if path}
    retained: dict[int, Item] = {}
    for item in items.values():
        new_id = ids.get(item.path, item.id)
        if new_id != item.id:
            report.repaired.append(f"Item {item.id} was re-embedded and is item {new_id} now: {item.path}")
        elif item.id in changed and item.path in ids:  # its vectors are those of the image before
            retained[item.id] = item
        else:
            why = skipped.get(item.path, "there is no model for it" if item.path else "it has no image")
            report.repaired.append(f"Item {item.id} was removed, for it cannot be re-embedded: {item.path} ({why})")
    report.problems += items_problem("with another image now, which cannot be read", retained.values())
    live = Collection.open(writer.folder).ids.tolist()
    writer.remove(sorted((items.keys() - retained.keys()).intersection(live)))
    writer.complete()
