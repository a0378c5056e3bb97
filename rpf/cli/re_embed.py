"""Command that embeds a collection with another checkpoint."""

import click

from rpf.cli.indexes import rebuild_index
from rpf.cli.maintenance import print_lines
from rpf.cli.options import BATCH, WAIT, Bar, with_settings
from rpf.cli.output import say
from rpf.errors import CollectionError
from rpf.settings import Settings


@click.command("re-embed")
@click.argument("name")
@click.option(
    "--drop-unreadable",
    is_flag=True,
    help="Remove the items whose images are missing, unreadable, or not the ones that were indexed.",
)
@BATCH
@WAIT
@with_settings
def re_embed(settings: Settings, name: str, drop_unreadable: bool, batch: int, wait: float) -> None:
    """Embed the collection NAME again, with the checkpoint of the settings.

    Ids, labels, removals, title and image folder stay. The collection gets the attributes of the checkpoint, in its
    order; labels of other attributes are kept. Until all items are embedded the old embeddings are in use; then the new
    ones replace them in one step. After an interrupt the same command resumes. Items whose images cannot be read are
    listed, and nothing is replaced, unless --drop-unreadable is given. The disk needs room for the new embeddings twice
    until the old ones are deleted.

    \b
    Examples:
      rpf re-embed shop
      rpf re-embed shop --checkpoint runs/new/model_best.safetensors
      rpf re-embed shop --drop-unreadable
    """
    from rpf.collection import Writer, collection_folder, read_manifest
    from rpf.inference.load import load_model
    from rpf.ingest.re_embed import stage_embeddings, swap_embeddings
    from rpf.search.index_store import check_index_method

    folder = collection_folder(settings.collections, name)
    read_manifest(folder)  # before the model is loaded
    check_index_method(settings.index_method)
    model = load_model(settings)
    with Bar() as bar, Writer.open(folder, wait=wait) as writer:
        if writer.manifest.spec.checkpoint == model.checkpoint_hash:
            say(f'{name}: embedded with "{settings.checkpoint}" already')
        else:
            unreadable = stage_embeddings(
                writer, model, bar,
                batch_size=batch, linked=settings.image_roots, drop_unreadable=drop_unreadable,
            )  # fmt: skip
            lines = [f"{item.path or 'no image'} (item {item.id}): {why}" for item, why in unreadable]
            if unreadable and not drop_unreadable:
                print_lines(lines, err=True)
                raise CollectionError(
                    '%(count)d items of the collection "%(name)s" cannot be embedded again, so nothing is changed. '
                    "Bring their images back, or give --drop-unreadable to remove these items.",
                    count=len(unreadable), name=name,
                )  # fmt: skip
            swap_embeddings(writer)
            print_lines([f"removed {line}" for line in lines])
            say(f'{name}: {writer.manifest.count} items embedded with "{settings.checkpoint}", {len(lines)} removed')
        rebuild_index(folder, None, settings, bar)
