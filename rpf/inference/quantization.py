"""Networks in calibrated 8 bits: a file beside a checkpoint, written by `rpf quantize`, and its agreement with float32.

The file has OpenVINO's XML and weights of each network. Weights use 7 of the 8 bits: processors without VNNI add pairs
of products in 16 bits, which larger weights would overflow.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import openvino as ov
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from rpf.errors import CheckpointError
from rpf.models.base import TwoBranchModel
from rpf.utils.files import write_atomic
from rpf.utils.paths import file_beside

FORMAT = "rpf-int8-1"
MAX_FILE_BYTES = 2**30
DETECTOR = "detector"  # the network with weights of another file than the checkpoint
FIRST = 50  # results that are compared

# Least agreement with float32 of networks that RPF_PRECISION=auto uses.
MIN_MEDIAN_COSINE = 0.99
MIN_LOWEST_PERCENT_COSINE = 0.9
MIN_CLOSE_BOXES = 0.85
MIN_SHARED_RESULTS = 0.85
MAX_MAP_LOSS = 0.3  # percentage points, on each dataset

Bytes = npt.NDArray[np.uint8]


class Agreement(BaseModel):
    """How well networks in 8 bits agree with those in float32, on other images than the calibration's."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    images: int
    median_cosine: float  # of embeddings
    lowest_percent_cosine: float  # 1st percentile
    close_boxes: float  # share of crop boxes with an IoU over 0.9
    shared_results: float  # mean share of the first results in float32 (`compared_results`), among these images
    maps: dict[str, tuple[float, float]] = {}  # of a dataset: MAP in percent, in float32 and in 8 bits

    @property
    def suffices(self) -> bool:
        """Tell whether all figures reach what RPF_PRECISION=auto wants."""
        return (
            self.median_cosine >= MIN_MEDIAN_COSINE
            and self.lowest_percent_cosine >= MIN_LOWEST_PERCENT_COSINE
            and self.close_boxes >= MIN_CLOSE_BOXES
            and self.shared_results >= MIN_SHARED_RESULTS
            and all(exact - quantized < MAX_MAP_LOSS for exact, quantized in self.maps.values())
        )

    def __str__(self) -> str:
        maps = "".join(f", MAP of {name} {new:.2f} (float32 {old:.2f})" for name, (old, new) in self.maps.items())
        return (
            f"on {self.images} images median cosine {self.median_cosine:.4f}, 1st percentile "
            f"{self.lowest_percent_cosine:.3f}, IoU over 0.9 of {self.close_boxes:.1%} of the crop boxes, "
            f"{self.shared_results:.1%} of the first {compared_results(self.images)} results{maps}"
        )


class QuantizedNetworks(NamedTuple):
    """A file with networks of a checkpoint."""

    path: Path
    names: tuple[str, ...]  # of the networks that can be used
    agreement: Agreement
    digest: str  # of all networks

    def read_graphs(self) -> dict[str, ov.Model]:
        """Read the networks, with inputs (n, 3, H, W) of any n, H and W. Raises CheckpointError."""
        core = ov.Core()
        try:
            tensors = _read_tensors(self.path)
            if _digest(tensors) != self.digest:
                raise ValueError("its networks are not those that were written")
            return {
                name: core.read_model(tensors[f"{name}.xml"].tobytes(), tensors[f"{name}.bin"].tobytes())
                for name in self.names
            }
        except (OSError, SafetensorError, RuntimeError, ValueError, KeyError) as error:
            raise _unreadable(self.path, error) from error


def compared_results(images: int) -> int:
    """Return how many results of each search are compared: FIRST, or a quarter of the images where these are few."""
    return max(1, min(FIRST, images // 4))


def quantized_path(checkpoint: Path) -> Path:
    """Return the file of a checkpoint's networks in 8 bits."""
    return file_beside(checkpoint, "int8")


def save_quantized(path: Path, model: TwoBranchModel, graphs: Mapping[str, ov.Model], agreement: Agreement) -> None:
    """Write networks of a model, atomically."""
    tensors: dict[str, Bytes] = {}
    with TemporaryDirectory() as folder:
        for name, graph in graphs.items():
            ov.save_model(graph, Path(folder) / f"{name}.xml", compress_to_fp16=False)
        for file in Path(folder).iterdir():
            tensors[file.name] = np.frombuffer(file.read_bytes(), np.uint8)
    about = {
        "format": FORMAT,
        "checkpoint": model.checkpoint_hash,
        "detector": model.detector.digest if model.detector else "",
        "networks": json.dumps(list(graphs)),
        "digest": _digest(tensors),
        "agreement": agreement.model_dump_json(),
        "openvino": ov.__version__,  # NNCF's version is in the networks
    }
    write_atomic(path, save(tensors, about))


def read_quantized(checkpoint: Path, model: TwoBranchModel) -> QuantizedNetworks | None:
    """Read what the file beside a checkpoint says; None if there is none, or one of other weights.

    The network of another detector than the model's is left out. Raises CheckpointError for a file that cannot be used.
    """
    path = quantized_path(checkpoint)
    if not path.is_file():
        return None
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ValueError(f"it has more than {MAX_FILE_BYTES >> 20} MB")
        with safe_open(path, "np") as file:
            about = file.metadata() or {}
        if about.get("format") != FORMAT:
            raise ValueError(f"its format is {about.get('format')!r}, not {FORMAT!r}")
        if about["checkpoint"] != model.checkpoint_hash:
            return None
        names = set(json.loads(about["networks"]))
        agreement = Agreement.model_validate_json(about["agreement"])
        digest = about["digest"]
    except (OSError, SafetensorError, ValidationError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(path, error) from error
    known = model.networks().keys()
    if not names - {DETECTOR} == known - {DETECTOR}:
        raise _unreadable(path, f"its networks are {', '.join(sorted(names))}")
    usable = known & names
    if not model.detector or about.get("detector") != model.detector.digest:
        usable = usable - {DETECTOR}
    return QuantizedNetworks(path, tuple(sorted(usable)), agreement, digest)


def _read_tensors(path: Path) -> dict[str, Bytes]:
    with safe_open(path, "np") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def _digest(tensors: Mapping[str, Bytes]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].nbytes} ".encode())
        digest.update(tensors[name].data)
    return digest.hexdigest()


def _unreadable(path: Path, why: object) -> CheckpointError:
    return CheckpointError(
        '"%(path)s" cannot be used (%(why)s); delete it, or write it again with: rpf quantize',
        path=path, why=" ".join(str(why).split())[:200],
    )  # fmt: skip
