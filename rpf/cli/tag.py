"""Command that writes the values of images to a file."""

import hashlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rpf.attributes import LANGUAGES, Vocabulary
from rpf.cli.options import BATCH, FOLLOW_LINKS, UNREADABLE, Bar, prepare_file, with_settings
from rpf.cli.output import say
from rpf.errors import CheckpointError
from rpf.settings import Settings
from rpf.utils.files import file_hash

if TYPE_CHECKING:
    from rpf.ingest.tag_file import TagFormat


@click.command()
@click.argument("source", metavar="FOLDER_OR_COLLECTION")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The .csv or .jsonl file to write.")
@click.option("--attrs", help='Attributes, such as "sleeve length; collar design"; else all.')
@click.option(
    "--minimal",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Leave out values, and missing parts, that are less probable.",
)
@click.option("--language", default="en", show_default=True, type=click.Choice(LANGUAGES), help="Of the values' names.")
@FOLLOW_LINKS
@BATCH
@with_settings
def tag(
    settings: Settings,
    source: str,
    out: Path,
    attrs: str | None,
    minimal: float,
    language: str,
    follow_links: bool,
    batch: int,
) -> None:
    """Write what is recognised in each image of a folder, or item of a collection, to a file.

    \b
    .csv    for spreadsheets: for each attribute the value's name, its probability, and that of having the part
    .jsonl  for programs: an object for each image, with the probabilities of all values

    A name of a collection means the collection, whose stored values are written; ./NAME is a folder. A part that is
    missing is "none". Paths are relative to the folder. After an interrupt the same command resumes: until all images
    are tagged, their tags are in a file .partial beside the other. Ends with status 3 if an image could not be read.

    \b
    Examples:
      rpf tag photos/ --out tags.csv
      rpf tag photos/ --out tags.csv --attrs "sleeve length; collar design" --minimal 0.8
      rpf tag shop --out tags.jsonl --language vi
    """
    from rpf.collection import collection_folder, valid_name
    from rpf.collection.manifest import MANIFEST_FILE
    from rpf.ingest.tag_file import TagFormat, check_suffix

    check_suffix(out)
    prepare_file(out)

    is_collection = valid_name(source) and (collection_folder(settings.collections, source) / MANIFEST_FILE).is_file()
    if not is_collection and not Path(source).is_dir():
        raise click.UsageError(f'There is neither a collection nor a folder named "{source}".')

    def form(vocabulary: Vocabulary) -> TagFormat:
        keys = list(vocabulary.parse(attrs, language)) if attrs else vocabulary.keys
        return TagFormat([vocabulary[key] for key in keys], language, minimal, is_collection)

    with Bar() as bar:
        if is_collection:
            _tag_collection(settings, source, out, form, bar)
        else:
            _tag_folder(settings, Path(source), out, form, follow_links, batch, bar)


def _tag_collection(
    settings: Settings, name: str, out: Path, form: "Callable[[Vocabulary], TagFormat]", bar: Bar
) -> None:
    from rpf.collection import Collection, collection_folder
    from rpf.ingest.tag import stored_tags
    from rpf.ingest.tag_file import write_tags
    from rpf.search.filters import require_values

    collection = Collection.open(collection_folder(settings.collections, name))
    require_values(collection)
    chosen = form(collection.vocabulary)
    count = write_tags(out, stored_tags(collection, chosen.attributes, bar), chosen)
    say(f"{out}: {count} items tagged")


def _tag_folder(
    settings: Settings,
    folder: Path,
    out: Path,
    form: "Callable[[Vocabulary], TagFormat]",
    follow_links: bool,
    batch: int,
    bar: Bar,
) -> None:
    from rpf.collection import ImageFolder
    from rpf.inference.load import load_model
    from rpf.ingest.scan import describe, scan
    from rpf.ingest.tag import Journal, tag_images
    from rpf.ingest.tag_file import write_tags
    from rpf.models.value_classifier import classifier_path

    contents = scan(folder, settings.image_roots if follow_links else None)
    left_out = describe(contents.left_out)
    if not contents.paths:
        raise click.UsageError(f'"{folder}" holds no images{left_out and ", but " + left_out}.')
    model = load_model(settings)
    if model.value_classifier is None:
        raise CheckpointError(
            'The checkpoint "%(path)s" cannot name values; fit its value classifier with: rpf fit-values',
            path=settings.checkpoint,
        )
    chosen = form(Vocabulary(model.attributes))
    keys = [attribute.key for attribute in chosen.attributes]
    images = ImageFolder(folder.resolve(), settings.image_roots)
    classifier = file_hash(classifier_path(settings.checkpoint))
    path = out.with_name(f"{out.name}.{_digest(model.checkpoint_hash, classifier, str(images.root), *keys)}.partial")
    started = time.monotonic()
    with Journal(path) as journal:
        earlier = len(journal.paths.intersection(contents.paths))
        skipped = tag_images(journal, images, contents.paths, model, keys, bar, batch)
        seconds = time.monotonic() - started
        count = write_tags(out, journal.tags(chosen.attributes, set(contents.paths)), chosen)
        path.unlink()
    say(*(f"skipped {image}: {why}" for image, why in skipped), err=True)
    say(f"{out}: {count} images tagged, {earlier} of them earlier, {len(skipped)} skipped, in {seconds:.1f} s")
    if left_out:
        say(f"left out: {left_out}")
    if skipped:
        sys.exit(UNREADABLE)


def _digest(*texts: str) -> str:
    """Tell runs apart whose tags cannot be joined: those of other weights, folders or attributes."""
    return hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:8]
