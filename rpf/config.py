"""Config files: YAML with the published keys -> typed, frozen settings.

Later files override earlier ones, and single settings override files. An unknown key or a value of the wrong type
raises a ConfigError that names it. PyYAML reads `5e-5` as a string; pydantic converts it to the number.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rpf.errors import ConfigError

Triple = tuple[float, float, float]

# Settings of our own (not published ones) that had another name in earlier checkpoints.
RENAMED_KEYS = {
    ("MODEL", "VALUES"): "PROTOTYPES",
    ("MODEL", "APPLICABILITY"): "PRESENCE",
    ("INPUT", "SQUARE"): "RESIZE_MODE",
    ("DATA", "EXTRA"): "EXTRA_DATASET",
    ("SOLVER", "AVERAGE"): "EMA_DECAY",
    ("SOLVER", "CLIP"): "GRAD_CLIP_NORM",
    ("SOLVER", "SMOOTHING"): "LABEL_SMOOTHING",
    ("SOLVER", "STRETCH"): "ASPECT_JITTER",
    ("SOLVER", "TRUNK_SHARE"): "BACKBONE_LR_SCALE",
}


class Section(BaseModel):
    """Base of all config sections: frozen, without unknown keys, finite numbers only."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SpatialConfig(Section):
    COMMON_EMBED_SIZE: int = Field(512, ge=1)
    REDUCTION_RATE: int = Field(2, ge=1)


class AttentionConfig(Section):
    SPATIAL: SpatialConfig = SpatialConfig()


class BackboneConfig(Section):
    NAME: str = "resnet50"
    EMBED_SIZE: int = Field(1024, ge=1)


class GlobalConfig(Section):
    BACKBONE: BackboneConfig = BackboneConfig()
    ATTENTION: AttentionConfig = AttentionConfig()


class AttributeConfig(Section):
    EMBED_SIZE: int = Field(512, ge=1)


class SingleConfig(Section):
    ENABLE: bool = True


class TransformerConfig(Section):
    ENABLE: bool = False
    PATCH_SIZE: int = Field(16, ge=1)
    EMBED_SIZE: int = Field(768, ge=1)
    SPLIT: Literal["non-overlap", "overlap"] = "non-overlap"
    NUM_LAYERS: int = Field(12, ge=0, le=256)
    SLIDE_STEP: int = Field(12, ge=1)
    DROPOUT_RATE: float = Field(0.1, ge=0, lt=1)
    MLP_DIM: int = Field(3072, ge=1)
    NUM_HEADS: int = Field(12, ge=1)
    CROSS_NUM_HEADS: int = Field(12, ge=1)
    STEM: str = ""  # backbone whose stride-16 features become the tokens; empty: patches of pixels
    ATT_DROPOUT_RATE: float = Field(0.0, ge=0, lt=1)
    REDUCTION_RATE: int = Field(2, ge=1)

    @property
    def stride(self) -> int:
        """Return the pixels from one patch to the next."""
        return self.PATCH_SIZE if self.SPLIT == "non-overlap" else self.SLIDE_STEP


class PresenceConfig(Section):
    ENABLE: bool = False
    # For each attribute: factor and shift of the logits, fitted on held-out images (`rpf calibrate`); empty: 1 and 0.
    CALIBRATION: tuple[tuple[float, float], ...] = ()


class PrototypesConfig(Section):
    ENABLE: bool = False
    SCALE: float = Field(16.0, gt=0)  # inverse softmax temperature of the cosines to the prototypes
    SHARE: float = Field(0.5, ge=0)  # weight of the feature in the embedding; the prototypes' weights sum to 1
    # For each attribute: factors of the region and the patch branch's logits in the probabilities of its values, fitted
    # on held-out images; empty: the mean of the branches.
    CALIBRATION: tuple[tuple[float, float], ...] = ()


class ModelConfig(Section):
    EMBED_SIZE: int = Field(1024, ge=1)
    ATTRIBUTE: AttributeConfig = AttributeConfig()
    GLOBAL: GlobalConfig = GlobalConfig()
    SINGLE: SingleConfig = SingleConfig()
    TRANSFORMER: TransformerConfig = TransformerConfig()
    PRESENCE: PresenceConfig = PresenceConfig()
    PROTOTYPES: PrototypesConfig = PrototypesConfig()


class InputConfig(Section):
    PIXEL_MEAN: Triple = (0.485, 0.456, 0.406)
    PIXEL_STD: Triple = (0.229, 0.224, 0.225)
    GLOBAL_SIZE: int = Field(224, ge=16)
    LOCAL_SIZE: int = Field(224, ge=16)
    THRESHOLD: float = Field(0.4, ge=0, lt=1)
    TRAIN_SIZE: int = Field(0, ge=0)  # pixels a side while training with SOLVER.LOSS classification; 0: GLOBAL_SIZE
    RESIZE_MODE: Literal["crop", "pad"] = "crop"  # how an image becomes square: centre crop, or padding

    @property
    def train_size(self) -> int:
        """Return the pixels a side of the region branch's input while training with SOLVER.LOSS classification."""
        return self.TRAIN_SIZE or self.GLOBAL_SIZE


class AttributesConfig(Section):
    NAME: tuple[str, ...] = ()
    NUM: tuple[int, ...] = ()


class PathFileConfig(Section):
    TRAIN: str = "filenames_train.txt"
    VALID: str = "filenames_valid.txt"
    TEST: str = "filenames_test.txt"


class QueryConfig(Section):
    VALID: str = "query_valid.txt"
    TEST: str = "query_test.txt"


class CandidateConfig(Section):
    VALID: str = "candidate_valid.txt"
    TEST: str = "candidate_test.txt"


class GroundTruthConfig(Section):
    TRAIN: str = "label_train.txt"
    QUERY: QueryConfig = QueryConfig()
    CANDIDATE: CandidateConfig = CandidateConfig()


class DataConfig(Section):
    NUM_WORKERS: int = Field(16, ge=0)
    NUM_TRIPLETS: int = Field(100_000, ge=1)
    TRAIN_BATCHSIZE: int = Field(16, ge=1)
    TEST_BATCHSIZE: int = Field(64, ge=1)
    BASE_PATH: str = "data"
    DATASET: str = ""
    EXTRA_DATASET: str = ""  # folder of a second training set with the same attributes (SOLVER.LOSS classification)
    EXTRA_SHARE: float = Field(0.4, ge=0, lt=1)  # of the images in a batch
    NUM_ATTRIBUTES: int = Field(0, ge=0)
    ATTRIBUTES: AttributesConfig = AttributesConfig()
    PATH_FILE: PathFileConfig = PathFileConfig()
    GROUNDTRUTH: GroundTruthConfig = GroundTruthConfig()

    @property
    def folder(self) -> Path:
        return Path(self.BASE_PATH) / self.DATASET

    @model_validator(mode="after")
    def _counts_agree(self) -> "DataConfig":
        names, numbers = self.ATTRIBUTES.NAME, self.ATTRIBUTES.NUM
        if not self.NUM_ATTRIBUTES == len(names) == len(numbers):
            raise ValueError(
                f"NUM_ATTRIBUTES is {self.NUM_ATTRIBUTES}, ATTRIBUTES.NAME has {len(names)} names "
                f"and ATTRIBUTES.NUM {len(numbers)} counts; they must agree"
            )
        if len(set(names)) != len(names):
            raise ValueError("ATTRIBUTES.NAME has a name twice")
        return self


class SolverConfig(Section):
    EVAL_STEPS: int = Field(1, ge=1)
    OPTIMIZER_NAME: Literal["Adam", "AdamW", "SGD"] = "Adam"
    STEP_SIZE: int = Field(3, ge=1)
    DECAY_RATE: float = Field(0.9, gt=0, le=1)
    EPOCHS: int = Field(50, ge=1)
    LOG_PERIOD: int = Field(20, ge=1)
    BASE_LR: float = Field(5e-5, gt=0)
    BASE_LR_SLOW: float = Field(1e-5, ge=0)
    REGION_WEIGHT: float = Field(1.0, ge=0)
    INTER_WEIGHT: float = Field(0.04, ge=0)
    PATCH_WEIGHT: float = Field(0.1, ge=0)
    MARGIN: float = Field(0.2, ge=0)
    BETA: float = Field(0.4, ge=0, le=1)
    TAU: float = Field(0.07, gt=0)
    ALPHA: float = Field(12.0, ge=0)
    LOSS: Literal["triplet", "classification"] = "triplet"
    SCHEDULE: Literal["step", "cosine"] = "step"
    WEIGHT_DECAY: float = Field(0.0, ge=0)
    BACKBONE_LR_SCALE: float = Field(1.0, gt=0)  # learning rate of pretrained backbones over their branch's
    GRAD_CLIP_NORM: float = Field(0.0, ge=0)  # 0: no clipping
    EMA_DECAY: float = Field(0.0, ge=0, lt=1)  # of the weights' moving average, which is then saved; 0: no average
    LABEL_SMOOTHING: float = Field(0.05, ge=0, lt=1)  # with SOLVER.LOSS classification
    BALANCE: float = Field(0.4, ge=0, le=1)  # a value's loss weight is its frequency to the power of -BALANCE
    ASPECT_JITTER: float = Field(0.12, ge=0)  # standard deviation of log(height / width) in augmentation
    LENGTHS: tuple[str, ...] = ()  # attributes whose values are lengths: a taller image shows a longer skirt
    LENGTH_STEP: float = Field(0.2, gt=0)  # log(height / width) that lengthens by one value


class LoggerConfig(Section):
    LEVEL: int | str = 20
    STREAM: str = "stdout"


class Config(Section):
    """All settings, with the published defaults."""

    NAME: str = ""
    SAVE_DIR: str = "runs"
    DEVICE: str = "auto"
    MODEL: ModelConfig = ModelConfig()
    INPUT: InputConfig = InputConfig()
    DATA: DataConfig = DataConfig()
    SOLVER: SolverConfig = SolverConfig()
    LOGGER: LoggerConfig = LoggerConfig()


def load(files: Iterable[str | Path] = (), settings: Iterable[str] = (), base: Config | None = None) -> Config:
    """Read config files and `KEY.KEY=VALUE` settings, later ones over earlier ones, over `base`. Raises ConfigError."""
    merged = base.model_dump() if base else {}
    for values in (*map(_read, map(Path, files)), *map(_parse_setting, settings)):
        merged = _merge(merged, values)
    return from_mapping(merged)


def from_mapping(values: Mapping[str, Any]) -> Config:
    """Validate a nested mapping of keys. Raises ConfigError that names the first wrong key."""
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = " ".join(".".join(str(part) for part in first["loc"]).split()) or "config"
        if first["type"] == "extra_forbidden":
            section, name, *_ = *map(str, first["loc"]), ""
            renamed = RENAMED_KEYS.get((section, name))
            reason = f"this setting is called {section}.{renamed}" if renamed else "there is no such setting"
        else:
            reason = first["msg"].removeprefix("Value error, ").removeprefix("Input ").strip()
        raise ConfigError("%(key)s: %(why)s", key=key, why=reason) from None


def from_checkpoint(text: str) -> Config:
    """Read the JSON config in a checkpoint, which may have earlier names. Raises ConfigError, ValueError."""
    values = json.loads(text)
    for section, keys in values.items() if isinstance(values, dict) else ():
        if isinstance(keys, dict):
            values[section] = keys = {RENAMED_KEYS.get((section, key), key): value for key, value in keys.items()}
            if keys.get("LOSS") == "values":
                keys["LOSS"] = "classification"
    return from_mapping(values)


def _read(file: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError("%(file)s: %(why)s", file=file, why=error.strerror or "cannot be read") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError("%(file)s is not YAML: %(why)s", file=file, why=" ".join(str(error).split())) from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError("%(file)s: a mapping of settings is expected", file=file)
    return values


def _parse_setting(text: str) -> dict[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError('"%(text)s" is not a setting; write KEY=VALUE, such as DATA.BASE_PATH=data.', text=text)
    try:
        nested: Any = yaml.safe_load(value)
    except yaml.YAMLError:
        raise ConfigError("%(key)s: the value is not YAML", key=key) from None
    for part in reversed(key.strip().split(".")):
        nested = {part: nested}
    return dict(nested)


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Merge `above` over `below`, section by section."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged
