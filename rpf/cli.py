"""`python -m rpf`: the engine from a terminal. What is slow to import is imported where it is used."""

import io
import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from rpf import __version__
from rpf.errors import RPFError
from rpf.files import write_atomic
from rpf.settings import Settings

FILE = click.Path(path_type=Path)


class OneLineErrors(click.Group):
    """Turns what a person can mend into one line and exit status 2."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            sys.exit(super().main(*args, **{**kwargs, "standalone_mode": False}))
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message())
            sys.exit(2)
        except (RPFError, click.ClickException, OSError) as error:
            click.echo(f"Error: {_one_line(error)}", err=True)
            sys.exit(2)
        except (click.Abort, KeyboardInterrupt):
            click.echo("Stopped. What was finished is kept; the same command goes on from there.", err=True)
            sys.exit(130)


def _one_line(error: Exception) -> str:
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)


class ManyConfigs(click.Command):
    """Lets one --cfg take several files: --cfg A.yaml B.yaml."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        spread: list[str] = []
        in_configs = False
        for arg in args:
            if in_configs and spread[-1] != "--cfg" and arg.endswith((".yaml", ".yml")):
                spread.append("--cfg")
            elif arg.startswith("-"):
                in_configs = arg == "--cfg"
            spread.append(arg)
        return super().parse_args(ctx, spread)


class Bar(AbstractContextManager["Bar"]):
    """A tqdm bar for each phase of a long work."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._phase = ""

    def __call__(self, phase: str, done: int, total: int) -> None:
        if phase != self._phase or self._bar is None:
            self.__exit__()
            self._phase = phase
            self._bar = tqdm(total=total, initial=done, desc=phase, unit="picture")
        self._bar.total = total
        self._bar.update(done - self._bar.n)

    def __exit__(self, *exc: object) -> None:
        if self._bar is not None:
            self._bar.close()


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """--checkpoint for a command that takes `settings`."""

    @wraps(command)
    def run(checkpoint: Path | None, **kwargs: Any) -> None:
        settings = Settings.from_environ()
        command(settings=settings if checkpoint is None else settings.with_checkpoint(checkpoint), **kwargs)

    option = click.option("--checkpoint", type=FILE, help="Weights file; else RPF_CHECKPOINT, else the built-in one.")
    return option(run)


@click.group(cls=OneLineErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Search fashion pictures by the details that matter.

    \b
    python -m rpf demo                        draw and index the default collection
    python -m rpf index shop photos/          index your own photos
    python -m rpf search shop query.jpg --attrs "sleeve length; collar design"
    """


@main.command()
@click.argument("name")
@click.argument("folder", type=FILE, required=False)
@click.option("--dataset", type=FILE, help="Config of a labelled dataset instead of a folder.")
@click.option("--split", type=click.Choice(["train", "valid", "test", "all"]), default="all", show_default=True)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="A setting over the dataset's config.")
@click.option("--title", default="", help="The collection's name on the site.")
@click.option("--batch", default=32, show_default=True, help="Pictures embedded (and saved) at a time.")
@with_settings
def index(
    settings: Settings,
    name: str,
    folder: Path | None,
    dataset: Path | None,
    split: str,
    overrides: tuple[str, ...],
    title: str,
    batch: int,
) -> None:
    """Index the pictures of FOLDER, or of a dataset, as the collection NAME.

    Stopped half-way, the same command goes on where it was. Pictures that cannot be read are listed and left out.

    \b
    Examples:
      python -m rpf index shop photos/
      python -m rpf index clothing --dataset config/Clothing/Clothing.yaml --split test --set DATA.BASE_PATH=data
    """
    from rpf import indexing
    from rpf.collection import collection_folder
    from rpf.engine import load_model

    target = collection_folder(settings.collections, name)
    if folder is not None and dataset is None:
        root, sources = folder, [indexing.Source(path, {}) for path in indexing.find_images(folder)]
    elif dataset is not None and folder is None:
        root, sources = _dataset_sources(dataset, overrides, split)
    else:
        raise click.UsageError("Give a FOLDER of pictures or --dataset CONFIG, one of the two.")
    if not sources:
        raise click.UsageError(f"{root} holds no pictures.")
    with Bar() as bar:
        report = indexing.index(target, root, sources, load_model(settings), title=title, batch=batch, progress=bar)
    for path, why in report.skipped:
        click.echo(f"skipped {path}: {why}", err=True)
    click.echo(
        f"{name}: {report.added} added, {report.kept} already there, {len(report.skipped)} skipped, "
        f"in {report.seconds:.1f} s"
    )


def _dataset_sources(file: Path, overrides: tuple[str, ...], split: str) -> tuple[Path, list[Any]]:
    from rpf import config, indexing
    from rpf.data.annotations import missing_images, read_split

    data = config.load([file], overrides).DATA
    items = read_split(data.folder, data, split)
    if missing := missing_images(data.folder, items):
        click.echo(f"{len(missing)} images of the dataset are missing, the first is {missing[0]}", err=True)
    absent = set(missing)
    return data.folder, [indexing.Source(item.path, item.labels) for item in items if item.path not in absent]


@main.command()
@click.argument("name")
@click.argument("image", type=FILE)
@click.option("--attrs", required=True, help='Attributes, such as "sleeve length; collar design".')
@click.option("-k", default=10, show_default=True, type=click.IntRange(1, 1000), help="How many results.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, exact numbers.")
@with_settings
def search(settings: Settings, name: str, image: Path, attrs: str, k: int, as_json: bool) -> None:
    """Rank the collection NAME by likeness to IMAGE in the attributes.

    \b
    Example:
      python -m rpf search wardrobe photo.jpg --attrs "sleeve length; collar design" -k 5
    """
    from rpf.engine import SearchEngine

    engine = SearchEngine(settings)
    collection = engine.collection(name)
    keys = collection.vocabulary.parse(attrs)
    results = engine.search(name, engine.embed(image), dict.fromkeys(keys, 1.0), k)
    if as_json:
        rows = [
            {"id": hit.item.id, "path": hit.item.path, "similarity": round(hit.similarity, 6), "attributes": hit.parts}
            for hit in results.hits
        ]
        click.echo(json.dumps({"attributes": keys, "total": results.total, "results": rows}, ensure_ascii=False))
        return
    click.echo("rank  likeness      id  picture")
    for hit in results.hits:
        click.echo(f"{hit.rank:4}  {hit.similarity:8.4f}  {hit.item.id:6}  {hit.item.path}")


@main.command(cls=ManyConfigs)
@click.option("--cfg", "configs", multiple=True, type=FILE, help="Config files of a published checkpoint.")
@click.option("--out", required=True, type=FILE, help="The .npz file to write.")
@click.argument("images", nargs=-1, required=True, type=FILE)
@with_settings
def embed(settings: Settings, configs: tuple[Path, ...], out: Path, images: tuple[Path, ...]) -> None:
    """Write what the model computes for each IMAGE to a NumPy archive.

    Arrays: files, region (n, A, d), patch (n, A, d), attention (n, A, h, w), box (n, A, 4), embedding (n, A, D).

    \b
    Example:
      python -m rpf embed --checkpoint model_best.pth.tar --out E.npz a.jpg b.jpg
    """
    import numpy as np

    from rpf import config
    from rpf.images import open_image
    from rpf.model import checkpoint

    model = checkpoint.load(settings.checkpoint, config.load(configs) if configs else None)
    with tqdm(images, unit="picture") as bar:
        seen = [model.embed([open_image(image)]) for image in bar]
    arrays = {
        name: np.concatenate([getattr(one, name) for one in seen])
        for name in ("region", "patch", "attention", "box", "embedding")
        if getattr(seen[0], name) is not None
    }
    archive = io.BytesIO()
    np.savez(archive, allow_pickle=False, files=np.array([str(image) for image in images]), **arrays)
    write_atomic(out, archive.getvalue())
    click.echo(f"{out}: {len(images)} pictures, {len(model.attributes)} attributes, {model.dim} numbers each")


@main.command("import-collection", cls=ManyConfigs)
@click.argument("name")
@click.option("--h5", required=True, type=FILE, help="data.h5 of the earlier system.")
@click.option("--ids", required=True, type=FILE, help="c_idxs.npy of the earlier system.")
@click.option("--filenames", type=FILE, help="filenames_*.txt whose line numbers the ids are.")
@click.option("--images", type=FILE, help="The folder that the file names are relative to.")
@click.option("--cfg", "configs", multiple=True, type=FILE, help="Config with the attributes (default: FashionAI).")
@click.option("--made-with", type=FILE, help="The checkpoint that the embeddings come from, if you have it.")
def import_collection(
    name: str,
    h5: Path,
    ids: Path,
    filenames: Path | None,
    images: Path | None,
    configs: tuple[Path, ...],
    made_with: Path | None,
) -> None:
    """Take over embeddings of the earlier system as the collection NAME.

    \b
    Example:
      python -m rpf import-collection old --h5 data.h5 --ids c_idxs.npy \\
          --filenames filenames_test.txt --images data/FashionAI
    """
    from rpf.importing import import_legacy

    with Bar() as bar:
        count = import_legacy(
            Settings.from_environ().collections, name, h5, ids, filenames, images, configs, made_with, bar
        )
    click.echo(f"{name}: {count} items imported")


@main.command()
@with_settings
def demo(settings: Settings) -> None:
    """Draw a wardrobe and index it as the default collection.

    \b
    Example:
      python -m rpf demo
    """
    from rpf.engine import SearchEngine

    with Bar() as bar:
        SearchEngine(settings).prepare(bar)
    click.echo(f"{settings.collections / settings.collection} is ready")


@main.command()
@with_settings
def doctor(settings: Settings) -> None:
    """Say what is installed and what is in use.

    \b
    Example:
      python -m rpf doctor
    """
    from rpf.doctor import findings

    healthy = True
    for name, value, fine in findings(settings):
        click.echo(f"{name:<16}{value}")
        healthy = healthy and fine
    if not healthy:
        sys.exit(1)
