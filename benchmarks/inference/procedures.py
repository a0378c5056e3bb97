"""Time of an image's embedding by the published procedure and by ours, for the same weights and images."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks.common.report import Row
from benchmarks.common.timing import timed
from rpf import config
from rpf.collection import CollectionSpec, Writer
from rpf.errors import ConfigError
from rpf.images.decode import open_image
from rpf.inference.openvino import CALIBRATED, compile_branches, find_faster_precision, replace_networks
from rpf.inference.quantization import QuantizedNetworks, read_quantized
from rpf.ingest.pipeline import ImageRecord, IngestReport, ingest, merge_small_segments
from rpf.ingest.scan import find_images
from rpf.models import checkpoint
from rpf.models.base import embed_feature
from rpf.models.output import Floats
from rpf.models.preprocessing import centre_square, crop, pad_square
from rpf.models.region_branch import RegionBranch
from rpf.models.roi import attention_squares, image_boxes
from rpf.models.rpf import RPF
from rpf.training.quantize import quantize
from rpf.utils.paths import SHIPPED_FOLDER

SEED = 0
PUBLISHED_IMAGES = 12  # of an indexing by the published procedure
WARM_UP_IMAGES = 8
CALIBRATION_IMAGES = 8  # for weights from a seed, of which only the time counts
PRECISIONS = {"ours": "auto", "ours, float32": "float32", "ours, int8": "int8"}

Procedure = Callable[[Image.Image, Sequence[int]], Floats]  # image, attributes -> (n, D)


@dataclass(frozen=True)
class BenchmarkModel:
    """A checkpoint, or a config with weights from a fixed seed, which take as long."""

    name: str
    checkpoint: Path | None

    def load(self) -> RPF:
        """Load the model on the CPU in float32; each call returns another copy."""
        if self.checkpoint:
            loaded = checkpoint.load(self.checkpoint)
            assert isinstance(loaded, RPF)  # of which the published procedure is
            return loaded.requires_grad_(False)
        torch.manual_seed(SEED)
        names = ("FashionAI/FashionAI", self.name)
        model = RPF(config.load([SHIPPED_FOLDER / "config" / f"{name}.yaml" for name in names]))
        model.region = _DistinctAttention(model.config)
        return model.eval().requires_grad_(False)

    def quantized(self) -> QuantizedNetworks | None:
        """Return the networks in 8 bits beside the checkpoint, if any."""
        return read_quantized(self.checkpoint, self.load()) if self.checkpoint else None


class _DistinctAttention(RegionBranch):
    """A region branch whose attributes look at different places, as trained ones do; random weights share one crop."""

    def _attention(self, key: torch.Tensor, attributes: torch.Tensor) -> torch.Tensor:
        generator = torch.Generator().manual_seed(SEED)
        return (attributes @ torch.randn(attributes.shape[-1], key.shape[1], generator=generator)).softmax(dim=-1)


@torch.inference_mode()
def published(model: RPF, image: Image.Image, attributes: Sequence[int]) -> Floats:
    """Embed as the published system does: for each attribute a pass through backbone and transformer, one after the
    other, each with a batch of one. Returns (n, D)."""
    sizes, rows = model.config.INPUT, []
    assert model.patch
    for attribute in attributes:
        whole = pad_square(image)[0] if sizes.RESIZE_MODE == "pad" else image
        selection = torch.tensor([[attribute]])
        region = model.region(model.tensor([centre_square(whole, sizes.GLOBAL_SIZE)]), selection)
        squares = attention_squares(region.attention.flatten(0, 1), sizes.GLOBAL_SIZE, sizes.THRESHOLD)
        box = image_boxes(squares, sizes.GLOBAL_SIZE, *whole.size)[0]
        tokens = model.patch.encode(model.tensor([crop(whole, box, sizes.LOCAL_SIZE)]))
        patch = model.patch(tokens, model.region.attribute.weight[selection[0]])
        rows.append(
            model.join(
                _unit(model, region.feature[0], attribute, model.region), _unit(model, patch, attribute, model.patch)
            )
        )
    return torch.cat(rows).numpy()


def _unit(model: RPF, feature: torch.Tensor, attribute: int, branch: Any) -> torch.Tensor:
    """Turn the feature of one attribute, (1, EMBED_SIZE), into its part of the embedding."""
    features = torch.full((1, len(model.attributes), feature.shape[-1]), torch.nan)
    features[0, attribute] = feature[0]
    return embed_feature(features, branch)[:, attribute]


def time_queries(
    source: BenchmarkModel, images: Sequence[Path], attribute_counts: Sequence[int], threads: int
) -> list[Row]:
    """Time the embedding of one image by each procedure, for each number of attributes; medians over the images, the
    procedures in turn on each."""
    torch.set_num_threads(threads)
    plain = source.load()
    procedures: dict[str, Procedure] = {"published": partial(published, plain)}
    procedures |= {name: partial(_ours, model) for name, model in _compiled(source, images, threads)}
    opened = [open_image(path) for path in images]
    rows = list[Row]()
    for count in attribute_counts:
        attributes = [at * len(plain.attributes) // count for at in range(count)]
        seconds: dict[str, list[float]] = {name: [] for name in procedures}
        cosines: dict[str, list[float]] = {name: [] for name in procedures}
        for procedure in procedures.values():
            procedure(opened[0], attributes)
        for image in opened:
            embeddings = {}
            for name, procedure in procedures.items():
                embeddings[name], elapsed = timed(partial(procedure, image, attributes))
                seconds[name].append(elapsed)
                cosines[name] += (embeddings[name] * embeddings["published"]).sum(axis=1).tolist()
        crops = float(np.mean([_count_crops(plain, image, attributes) for image in opened]))
        for name, times in seconds.items():
            ours = name != "published"
            speedup = median(a / b for a, b in zip(seconds["published"], times, strict=True))
            rows.append(
                {
                    "attributes": count,
                    "crops": crops,
                    "procedure": name,
                    "milliseconds": 1e3 * median(times),
                    "speedup": speedup if ours else None,
                    "median_cosine": median(cosines[name]) if ours else None,
                }
            )
    return rows


def time_indexing(source: BenchmarkModel, folder: Path, threads: int) -> list[Row]:
    """Measure the images a second that each procedure indexes, for all attributes: from files to embeddings by the
    published one, from files to a collection by ours."""
    torch.set_num_threads(threads)
    names = find_images(folder)
    plain = source.load()
    attributes = range(len(plain.attributes))
    published(plain, open_image(folder / names[0]), attributes)
    few = names[:PUBLISHED_IMAGES]
    _, seconds = timed(lambda: [published(plain, open_image(folder / name), attributes) for name in few])
    baseline = PUBLISHED_IMAGES / seconds
    rows: list[Row] = [{"procedure": "published", "images_per_second": baseline, "speedup": None}]
    for procedure, model in _compiled(source, [folder / name for name in names], threads):
        with TemporaryDirectory() as work:
            _index(Path(work) / "warm-up", folder, names[:WARM_UP_IMAGES], model)
            report = _index(Path(work) / "whole", folder, names, model)
        rate = report.added / report.seconds
        rows.append({"procedure": procedure, "images_per_second": rate, "speedup": rate / baseline})
    return rows


def _compiled(source: BenchmarkModel, images: Sequence[Path], threads: int) -> Iterator[tuple[str, RPF]]:
    """Yield the name of our procedure in each precision, and its model. images: to calibrate on, if need be."""
    quantized = source.quantized()
    for name, precision in PRECISIONS.items():
        model = source.load()
        chosen = compile_branches(model, precision, threads, quantized=quantized if precision == "auto" else None)
        yield f"{name}, {chosen} (auto)" if precision == "auto" else name, model
    model = source.load()
    if quantized:
        compile_branches(model, "int8", threads, quantized=quantized)
    else:
        try:
            graphs = quantize(source.load(), images[:CALIBRATION_IMAGES], threads)
        except ConfigError:  # NNCF is not installed
            return
        replace_networks(model, graphs, find_faster_precision(), threads)
    yield f"ours, {CALIBRATED}", model


def _index(collection: Path, folder: Path, names: Sequence[str], model: RPF) -> IngestReport:
    spec = CollectionSpec(model.checkpoint_hash, model.attributes, model.dim, str(folder.resolve()))
    with Writer.open(collection, spec) as writer:
        report = ingest(writer, [ImageRecord(name) for name in names], model, lambda phase, done, total: None)
        merge_small_segments(writer, lambda phase, done, total: None)
    return report


def _ours(model: RPF, image: Image.Image, attributes: Sequence[int]) -> Floats:
    return model.embed([image], [attributes]).embedding[0, list(attributes)]


def _count_crops(model: RPF, image: Image.Image, attributes: Sequence[int]) -> int:
    return len({tuple(box) for box in model.embed([image], [[]]).box[0, list(attributes)].tolist()})
