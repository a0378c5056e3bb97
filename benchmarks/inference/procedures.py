"""What a picture's embedding costs by the earlier system's procedure and by ours, for the same weights and pictures."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from rpf import config
from rpf.images.decode import centre_square, crop, open_image, pad_square
from rpf.inference.openvino import compile_branches
from rpf.ingest.pipeline import Source, index
from rpf.ingest.scan import find_images
from rpf.models import checkpoint
from rpf.models.region_branch import RegionBranch
from rpf.models.roi import attention_squares, picture_boxes
from rpf.models.rpf import RPF, unit
from rpf.utils.paths import SHIPPED_FOLDER

SEED = 0
Procedure = Callable[[Image.Image, Sequence[int]], npt.NDArray[np.float32]]  # a picture, attributes -> embeddings
EARLIER_INDEXED = 12  # pictures
OURS = {"ours": "auto", "ours, float32": "float32", "ours, int8": "int8"}  # number formats


@dataclass(frozen=True)
class Weights:
    """Whose time is measured: a checkpoint, or a config with weights from a fixed seed (which take as long)."""

    name: str
    checkpoint: Path | None

    def load(self) -> RPF:
        """A model of its own, on the CPU in float32."""
        if self.checkpoint:
            return checkpoint.load(self.checkpoint).requires_grad_(False)
        torch.manual_seed(SEED)
        files = [
            SHIPPED_FOLDER / "config" / "FashionAI" / "FashionAI.yaml",
            SHIPPED_FOLDER / "config" / f"{self.name}.yaml",
        ]
        model = RPF(config.load(files))
        model.region = _Apart(model.config)
        return model.eval().requires_grad_(False)


class _Apart(RegionBranch):
    """Its attributes look at different places, as trained ones do; by random weights they would share one crop."""

    def _attention(self, key: torch.Tensor, attributes: torch.Tensor) -> torch.Tensor:
        fixed = torch.Generator().manual_seed(SEED)
        return (attributes @ torch.randn(attributes.shape[-1], key.shape[1], generator=fixed)).softmax(dim=-1)


@torch.inference_mode()
def earlier(model: RPF, picture: Image.Image, attributes: Sequence[int]) -> npt.NDArray[np.float32]:
    """(n, D) embeddings as the earlier system made them: for each attribute a pass through trunk and transformer, one
    after the other, each with a batch of one."""
    sizes, rows = model.config.INPUT, []
    assert model.patch
    for attribute in attributes:
        whole = pad_square(picture)[0] if sizes.SQUARE == "pad" else picture
        asked = torch.tensor([[attribute]])
        seen = model.region(model.tensor([centre_square(whole, sizes.GLOBAL_SIZE)]), asked)
        squares = attention_squares(seen.attention.flatten(0, 1), sizes.GLOBAL_SIZE, sizes.THRESHOLD)
        box = picture_boxes(squares, sizes.GLOBAL_SIZE, *whole.size)[0]
        tokens = model.patch.encode(model.tensor([crop(whole, box, sizes.LOCAL_SIZE)]))
        patch = model.patch(tokens, model.region.attribute.weight[asked[0]])
        rows.append(
            model.join(
                _own_unit(model, seen.feature[0], attribute, model.region),
                _own_unit(model, patch, attribute, model.patch),
            )
        )
    return torch.cat(rows).numpy()


def _own_unit(model: RPF, feature: torch.Tensor, attribute: int, branch: Any) -> torch.Tensor:
    """(1, EMBED_SIZE) feature of one attribute -> its part of the embedding."""
    features = torch.full((1, len(model.attributes), feature.shape[-1]), torch.nan)
    features[0, attribute] = feature[0]
    return unit(features, branch)[:, attribute]


def time_queries(weights: Weights, photos: Sequence[Path], counts: Sequence[int], threads: int) -> dict[str, Any]:
    """Seconds for one picture and each number of attributes: the earlier procedure's and ours, in the format that is
    fast here, in float32 and in 8 bits; medians over the photos, one procedure after the other on each."""
    torch.set_num_threads(threads)
    plain, formats = weights.load(), {}
    procedures: dict[str, Procedure] = {"earlier": lambda picture, wanted: earlier(plain, picture, wanted)}
    for name, precision in OURS.items():
        model = weights.load()
        formats[name] = compile_branches(model, precision, threads)
        procedures[name] = _ours(model)
    pictures = [open_image(path) for path in photos]
    made: dict[str, Any] = {"formats": formats, "attributes": {}}
    for count in counts:
        wanted = [a * len(plain.attributes) // count for a in range(count)]
        spent: dict[str, list[float]] = {name: [] for name in procedures}
        cosines: dict[str, list[float]] = {name: [] for name in formats}
        for procedure in procedures.values():
            procedure(pictures[0], wanted)
        for picture in pictures:
            vectors = {}
            for name, procedure in procedures.items():
                began = time.perf_counter()
                vectors[name] = procedure(picture, wanted)
                spent[name].append(time.perf_counter() - began)
            for name in formats:
                cosines[name] += (vectors[name] * vectors["earlier"]).sum(axis=1).tolist()
        made["attributes"][count] = {
            "seconds": {name: median(times) for name, times in spent.items()},
            "times_as_fast": {name: _ratio(spent["earlier"], spent[name]) for name in formats},
            "median_cosine": {name: median(own) for name, own in cosines.items()},
            "crops": float(np.mean([_crops(plain, picture, wanted) for picture in pictures])),
        }
    made["products"] = _products(lambda: earlier(plain, pictures[0], range(3)))
    return made


def time_indexing(weights: Weights, folder: Path, threads: int) -> dict[str, Any]:
    """Photos a second, for all attributes, from files to embeddings: the earlier procedure (without writing them), and
    ours into a collection."""
    torch.set_num_threads(threads)
    names = find_images(folder)
    plain = weights.load()
    everything = range(len(plain.attributes))
    earlier(plain, open_image(folder / names[0]), everything)
    began = time.perf_counter()
    for name in names[:EARLIER_INDEXED]:
        earlier(plain, open_image(folder / name), everything)
    before = EARLIER_INDEXED / (time.perf_counter() - began)
    made: dict[str, Any] = {"earlier": before, "formats": {}, "photos_a_second": {}, "times_as_fast": {}}
    for name, precision in OURS.items():
        model = weights.load()
        made["formats"][name] = compile_branches(model, precision, threads)
        with TemporaryDirectory() as place:
            index(Path(place) / "warm", folder, [Source(photo) for photo in names[:8]], model)
            report = index(Path(place) / "whole", folder, [Source(photo) for photo in names], model)
        made["photos_a_second"][name] = report.added / report.seconds
        made["times_as_fast"][name] = made["photos_a_second"][name] / before
        made["photos"] = report.added
    return made


def _ours(model: RPF) -> Procedure:
    return lambda picture, wanted: model.embed([picture], [wanted]).embedding[0, list(wanted)]


def _ratio(one: Sequence[float], other: Sequence[float]) -> float:
    return median(a / b for a, b in zip(one, other, strict=True))


def _crops(model: RPF, picture: Image.Image, wanted: Sequence[int]) -> int:
    """How many different crops the attributes want of the picture."""
    return len({tuple(box) for box in model.embed([picture], [[]]).box[0, list(wanted)].tolist()})


def _products(work: Callable[[], Any]) -> dict[str, float]:
    """The floating-point operations of the work, and seconds for as many in plain matrix products of a ViT's size."""
    with FlopCounterMode(display=False) as counter:
        work()
    operations = counter.get_total_flops()
    made = {"operations": float(operations)}
    for dtype in (torch.float32, torch.bfloat16):
        a, b = torch.randn(588, 768).to(dtype), torch.randn(768, 3072).to(dtype)  # three crops' tokens
        each, times = 2 * 588 * 768 * 3072, []
        for _ in range(20):
            began = time.perf_counter()
            a @ b
            times.append(time.perf_counter() - began)
        made[str(dtype).removeprefix("torch.")] = operations / each * median(times)
    return made
