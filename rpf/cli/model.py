"""Commands about the model and this installation."""

import io
from pathlib import Path

import click
from tqdm import tqdm

from rpf.cli.options import FILE, ManyConfigs, naming, prepare_checkpoint, prepare_file, with_settings
from rpf.cli.output import say
from rpf.errors import CheckpointError
from rpf.settings import Settings
from rpf.utils.files import write_atomic


@click.command(cls=ManyConfigs)
@click.option("--cfg", "configs", multiple=True, type=FILE, help="Config files of a published checkpoint.")
@click.option("--out", required=True, type=FILE, help="The .npz file to write.")
@click.argument("images", nargs=-1, required=True, type=FILE)
@with_settings
def embed(settings: Settings, configs: tuple[Path, ...], out: Path, images: tuple[Path, ...]) -> None:
    """Write the model's output for each IMAGE to a NumPy archive.

    Arrays: files, region (n, A, d), patch (n, A, d), attention (n, A, h, w), box (n, A, 4), embedding (n, A, D).

    \b
    Example:
      rpf embed --checkpoint model_best.pth.tar --out E.npz a.jpg b.jpg
    """
    import numpy as np

    from rpf import config
    from rpf.images.decode import open_image
    from rpf.models import checkpoint

    prepare_file(out)
    model = checkpoint.load(settings.checkpoint, config.load(configs) if configs else None)
    outputs = []
    for image in tqdm(images, unit="image"):
        with naming(image):
            outputs.append(model.embed([open_image(image)]))
    arrays = {
        name: np.concatenate([getattr(output, name) for output in outputs])
        for name in ("region", "patch", "attention", "box", "embedding")
        if getattr(outputs[0], name) is not None
    }
    archive = io.BytesIO()
    np.savez(archive, allow_pickle=False, files=np.array([str(image) for image in images]), **arrays)
    write_atomic(out, archive.getvalue())
    say(f"{out}: {len(images)} images, {len(model.attributes)} attributes, embedding dimension {model.dim}")


@click.command(cls=ManyConfigs)
@click.option("--cfg", "configs", multiple=True, type=FILE, help="Config files of a published checkpoint.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Settings to change in it.")
@click.option("--fp16", is_flag=True, help="16-bit weights: half the size.")
@click.option("--note", help="About the weights; shown on the site.")
@click.option("--out", required=True, type=FILE, help="The .safetensors file to write.")
@with_settings
def export(
    settings: Settings, configs: tuple[Path, ...], overrides: tuple[str, ...], fp16: bool, note: str | None, out: Path
) -> None:
    """Write a checkpoint in our own format, smaller or with other settings.

    \b
    Example:
      rpf export --checkpoint runs/FashionAI_s2/model_best.safetensors --fp16 --out model.safetensors
    """
    import torch

    from rpf import config
    from rpf.models import checkpoint
    from rpf.models.build import build_model

    prepare_checkpoint(out)
    old = checkpoint.load(settings.checkpoint, config.load(configs) if configs else None)
    model = build_model(config.load(settings=overrides, base=old.config))
    try:
        model.load_state_dict(old.state_dict())
    except RuntimeError as error:
        raise CheckpointError(
            "The weights do not fit these settings: %(why)s", why=" ".join(str(error).split())[:200]
        ) from None
    checkpoint.save(model, out, torch.float16 if fp16 else torch.float32, old.note if note is None else note)
    say(f"{out}: {out.stat().st_size / 1e6:.1f} MB")
