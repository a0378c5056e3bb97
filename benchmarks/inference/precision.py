"""What a faster number format changes of the default model's rankings, on labelled photos:

pip install nncf        # for calibrated 8 bits, which the program does not use; left out where it is not installed
python -m benchmarks.inference.precision --cfg config/Clothing/Clothing.yaml --out benchmarks/formats
"""

import json
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor, nn

from benchmarks.inference.measure import Floats, openvino_int8
from rpf import config as configs
from rpf.cli.options import FILE, ManyConfigs
from rpf.cli.output import say
from rpf.evaluation.measure import overall_map
from rpf.evaluation.protocol import read_benchmark
from rpf.images.decode import centre_square, crop, open_image, pad_square
from rpf.inference.openvino import INT8, PRECISIONS, compile_branches
from rpf.models import checkpoint
from rpf.models.rpf import RPF
from rpf.settings import DEFAULT_CHECKPOINT
from rpf.utils.files import write_atomic

BATCH, CALIBRATION = 16, 64  # photos
CALIBRATED = "int8, calibrated"


class Run(nn.Module):
    """A network by another engine."""

    def __init__(self, run: Callable[[Floats], Floats]) -> None:
        super().__init__()
        self._run = run

    def forward(self, pictures: Tensor) -> Tensor:
        """As the module in whose place it is."""
        return torch.from_numpy(self._run(pictures.contiguous().numpy()))


def quantise(model: RPF, pictures: Sequence[Image.Image]) -> None:
    """Put networks of 8 bits into the model, calibrated with what they see of these pictures."""
    sizes = model.config.INPUT
    assert model.patch
    squares = [pad_square(picture)[0] if sizes.SQUARE == "pad" else picture for picture in pictures]
    boxes = model.embed(squares, [[]] * len(squares)).box[:, 0].tolist()
    whole = model.tensor([centre_square(square, sizes.GLOBAL_SIZE) for square in squares])
    crops = model.tensor([crop(square, box, sizes.LOCAL_SIZE) for square, box in zip(squares, boxes, strict=True)])
    model.region.add_module("trunk", Run(openvino_int8(model.region.trunk, whole.contiguous().numpy())))
    model.patch.add_module("vit", Run(openvino_int8(model.patch.vit, crops.contiguous().numpy())))


def overlap(one: npt.NDArray[np.int32], other: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """(..., 4) boxes -> (...) intersection over union, 0 to 1."""
    sides = np.minimum(one[..., 2:], other[..., 2:]) - np.maximum(one[..., :2], other[..., :2])
    shared = sides.clip(0).prod(axis=-1)
    areas = [(box[..., 2:] - box[..., :2]).prod(axis=-1) for box in (one, other)]
    return np.asarray(shared / (areas[0] + areas[1] - shared))


@click.command(cls=ManyConfigs)
@click.option("--cfg", "files", multiple=True, required=True, type=FILE, help="The dataset's config.")
@click.option("--set", "overrides", multiple=True, help="KEY=VALUE, as in the config.")
@click.option("--split", default="test", show_default=True)
@click.option("--checkpoint", "weights", default=DEFAULT_CHECKPOINT, type=FILE, show_default=True)
@click.option("--out", required=True, type=FILE, help="Folder for formats.json and formats.md.")
def main(files: tuple[Path, ...], overrides: tuple[str, ...], split: str, weights: Path, out: Path) -> None:
    """MAP, cosines and crop boxes of each number format beside PyTorch's float32."""
    benchmark = read_benchmark(configs.load(list(files), list(overrides)).DATA, split)
    plain = checkpoint.load(weights)
    made: dict[str, Any] = {"split": split, "photos": len(benchmark.paths), "formats": {}}
    made["map"] = 100 * overall_map(plain, benchmark)
    for precision in (*PRECISIONS, INT8, *([CALIBRATED] if find_spec("nncf") else [])):
        model = checkpoint.load(weights)
        if precision == CALIBRATED:
            quantise(model, [open_image(path) for path in benchmark.paths[:CALIBRATION]])
        else:
            compile_branches(model, precision, 0)
        cosines, overlaps = [], []
        for at in range(0, len(benchmark.paths), BATCH):
            pictures = [open_image(path) for path in benchmark.paths[at : at + BATCH]]
            one, other = plain.embed(pictures), model.embed(pictures)
            cosines.append((one.embedding * other.embedding).sum(axis=-1).ravel())
            overlaps.append(overlap(one.box, other.box).ravel())
        cosine, shared = np.concatenate(cosines), np.concatenate(overlaps)
        made["formats"][precision] = {
            "map": 100 * overall_map(model, benchmark),
            "median_cosine": float(np.median(cosine)),
            "lowest_percent_cosine": float(np.quantile(cosine, 0.01)),
            "equal_boxes": float((shared == 1).mean()),
            "median_overlap": float(np.median(shared)),
        }
    lines = [
        "# Number formats", "",
        f"{weights.parent.name}, {made['photos']} photos of the split {split}, all attributes; "
        f"beside PyTorch in float32, whose MAP is {made['map']:.2f}.", "",
        "| compiled, in | MAP | median cosine | of 99 in 100 at least | equal crop boxes | their median overlap |",
        "|---|---:|---:|---:|---:|---:|",
    ]  # fmt: skip
    for name, row in made["formats"].items():
        lines.append(
            f"| {name} | {row['map']:.2f} | {row['median_cosine']:.6f} | {row['lowest_percent_cosine']:.5f} | "
            f"{100 * row['equal_boxes']:.1f}% | {100 * row['median_overlap']:.1f}% |"
        )
    text = "\n".join(lines) + "\n"
    out.mkdir(parents=True, exist_ok=True)
    write_atomic(out / "formats.json", (json.dumps(made, indent=1) + "\n").encode())
    write_atomic(out / "formats.md", text.encode())
    say(*text.splitlines())


if __name__ == "__main__":
    main()
