"""Commands about the model and this installation."""

import io
import sys
from pathlib import Path

import click
from tqdm import tqdm

from rpf.cli.common import FILE, ManyConfigs, with_settings
from rpf.files import write_atomic
from rpf.settings import Settings


@click.command(cls=ManyConfigs)
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


@click.command()
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
