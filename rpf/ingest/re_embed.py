"""Re-embedding of a collection with another checkpoint: resumable, with one swap of the manifest at the end.

Until the swap the new embeddings are staged: in a separate collection, in a folder of the collection's folder,
under the ids of the items.
"""

from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

from rpf.collection import Collection, Item, Writer, read_manifest
from rpf.collection.cleanup import STAGING_FOLDER, delete
from rpf.errors import CollectionError, UnknownCollection
from rpf.inference.interface import Embedder
from rpf.ingest.pipeline import BATCH_SIZE, ImageRecord, LoadedImage, Outcome, load_batches, load_image, reason
from rpf.utils.progress import Progress


def stage_embeddings(
    writer: Writer,
    embedder: Embedder,
    progress: Progress,
    *,
    batch_size: int = BATCH_SIZE,
    linked: tuple[Path, ...] = (),
    drop_unreadable: bool = False,
) -> list[tuple[Item, str]]:
    """Embed the items that are not staged yet, each batch in one step; the collection stays as it is.

    All attributes of the embedder are embedded, in its order. Returns the items that cannot be embedded, and why: the
    image is missing, unreadable, or not the one that was indexed. Unless these are to be dropped, missing images are
    looked for before anything is embedded. Raises CollectionError.
    """
    collection = Collection.open(writer.folder, linked)
    load = partial(load_image, collection.images, {}, ())
    with _open_staging(writer, embedder) as staging:
        staged = set(Collection.open(staging.folder).ids.tolist())
        live = collection.ids.tolist()
        staging.remove(sorted(staged.difference(live)))  # removed from the collection since an interrupted run
        items = collection.items([item_id for item_id in live if item_id not in staged])
        records = [ImageRecord(item.path, item.labels) for item in items]
        if any(record.path for record in records):
            collection.images.require(collection.name)
        if not drop_unreadable:
            missing = [place for place, item in enumerate(items) if collection.images.find(item.path) is None]
            if missing:
                return [(items[place], _why(items[place], load(records[place]))) for place in missing]
        unreadable: list[tuple[Item, str]] = []
        remaining = iter(items)
        for batch in load_batches(load, records, batch_size, partial(progress, "re-embedding")):
            readable, images = [], []
            for item, (_, outcome) in zip(islice(remaining, len(batch)), batch, strict=True):
                if isinstance(outcome, LoadedImage) and outcome.item.sha256 == item.sha256:
                    readable.append(item)
                    images.append(outcome.image)
                else:
                    unreadable.append((item, _why(item, outcome)))
            if readable:
                output = embedder.embed(images)
                ids = [item.id for item in readable]
                staging.append(readable, output.embedding, output.box, output.presence, output.values, ids=ids)
    return unreadable


def swap_embeddings(writer: Writer) -> None:
    """Replace the embeddings of the collection by the staged ones in one step; items without one are removed.

    Raises CollectionError if there are items, and none is staged: that is a disk that is not mounted today.
    """
    folder = writer.folder / STAGING_FOLDER
    with Writer.open(folder) as staging:
        if writer.manifest.count and not staging.manifest.count:
            raise CollectionError(
                'None of the %(count)d items of the collection "%(name)s" has an image that can be read, so nothing is '
                "changed.",
                count=writer.manifest.count, name=writer.folder.name,
            )  # fmt: skip
        writer.replace_embeddings(staging)
    delete(folder)


def _open_staging(writer: Writer, embedder: Embedder) -> Writer:
    """Open the staged collection of this checkpoint; one of another checkpoint is deleted."""
    folder = writer.folder / STAGING_FOLDER
    spec = replace(
        writer.manifest.spec,
        checkpoint=embedder.checkpoint_hash,
        attributes=tuple(embedder.attributes),
        dim=embedder.dim,
        root="images",  # not read: images are those of the collection
        title="",
    )
    try:
        usable = not folder.is_symlink() and read_manifest(folder)[0].spec == spec
    except UnknownCollection:
        usable = True
    except CollectionError:
        usable = False
    if not usable:
        delete(folder)
    return Writer.open(folder, spec)


def _why(item: Item, outcome: Outcome) -> str:
    """Explain why an item cannot be embedded from what was loaded for it."""
    if not item.path:
        return "It was imported without an image."
    return reason(outcome) if isinstance(outcome, Exception) else "It is not the image that was indexed."
