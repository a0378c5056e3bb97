"""Loading a checkpoint for inference."""

from collections.abc import Sequence

from rpf import config
from rpf.config import Config
from rpf.inference.openvino import compile_branches
from rpf.inference.quantization import read_quantized
from rpf.models import checkpoint
from rpf.models.base import TwoBranchModel
from rpf.models.garment_detector import detector_path, load_detector
from rpf.models.value_classifier import read_classifier
from rpf.settings import Settings
from rpf.utils.devices import choose_device, set_threads


def load_model(settings: Settings, values: Config | None = None, changes: Sequence[str] = ()) -> TwoBranchModel:
    """Load the checkpoint of the settings onto their device, compiled on a CPU.

    values: the config of checkpoints that carry none; changes: KEY=VALUE over the checkpoint's. Raises CheckpointError,
    ConfigError.
    """
    threads = set_threads(settings.threads)
    device = choose_device(settings.device)
    model = load_uncompiled(settings, values, changes)
    if device.type == "cpu":
        quantized = read_quantized(settings.checkpoint, model)
        model.precision = compile_branches(
            model, settings.precision, threads, settings.instance / "compiled", quantized
        )
    elif model.detector:
        model.detector.network.to(device)
    return model.to(device)


def load_uncompiled(settings: Settings, values: Config | None = None, changes: Sequence[str] = ()) -> TwoBranchModel:
    """Load the checkpoint of the settings, and what is beside it, onto the CPU, in PyTorch and float32.

    Raises as `load_model`.
    """
    model = checkpoint.load(settings.checkpoint, values)
    model.config = config.load(settings=changes, base=model.config)
    model.value_classifier = read_classifier(
        settings.checkpoint, model.checkpoint_hash, len(model.attributes), model.dim
    )
    trunk = getattr(model.region, "trunk", model.region)
    model.detector = load_detector(detector_path(settings.checkpoint), model.checkpoint_hash, trunk)
    return model
