"""Config files: YAML with the published keys -> typed, frozen settings.

Sections are merged in the order defaults, files as given (dataset, stage), single settings. A key that is not
known, or a value of the wrong type, is a ConfigError that names it. PyYAML reads `5e-5` as a string: a string
in that form is taken as the number it means.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rpf.errors import ConfigError

Triple = tuple[float, float, float]


class Section(BaseModel):
    """A group of keys; immutable, closed to unknown keys, finite numbers only."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Spatial(Section):
    COMMON_EMBED_SIZE: int = Field(512, ge=1)
    REDUCTION_RATE: int = Field(2, ge=1)


class Attention(Section):
    SPATIAL: Spatial = Spatial()


class Backbone(Section):
    NAME: str = "resnet50"
    EMBED_SIZE: int = Field(1024, ge=1)


class Global(Section):
    BACKBONE: Backbone = Backbone()
    ATTENTION: Attention = Attention()


class AttributeTable(Section):
    EMBED_SIZE: int = Field(512, ge=1)


class Single(Section):
    ENABLE: bool = True


class Transformer(Section):
    ENABLE: bool = False
    PATCH_SIZE: int = Field(16, ge=1)
    EMBED_SIZE: int = Field(768, ge=1)
    SPLIT: str = Field("non-overlap", pattern="^(non-overlap|overlap)$")
    NUM_LAYERS: int = Field(12, ge=0, le=256)
    SLIDE_STEP: int = Field(12, ge=1)
    DROPOUT_RATE: float = Field(0.1, ge=0, lt=1)
    MLP_DIM: int = Field(3072, ge=1)
    NUM_HEADS: int = Field(12, ge=1)
    CROSS_NUM_HEADS: int = Field(12, ge=1)
    STEM: str = ""  # a backbone whose features at stride 16 become the tokens, in place of patches of pixels
    ATT_DROPOUT_RATE: float = Field(0.0, ge=0, lt=1)
    REDUCTION_RATE: int = Field(2, ge=1)

    @property
    def stride(self) -> int:
        """Pixels from one patch to the next."""
        return self.PATCH_SIZE if self.SPLIT == "non-overlap" else self.SLIDE_STEP


class Applicability(Section):
    ENABLE: bool = False


class Values(Section):
    ENABLE: bool = False
    SCALE: float = Field(16.0, gt=0)  # of the cosines to the value vectors, before the softmax
    SHARE: float = Field(0.5, ge=0)  # of the feature itself in the embedding; the values it shows weigh 1 together


class Model(Section):
    EMBED_SIZE: int = Field(1024, ge=1)
    ATTRIBUTE: AttributeTable = AttributeTable()
    GLOBAL: Global = Global()
    SINGLE: Single = Single()
    TRANSFORMER: Transformer = Transformer()
    APPLICABILITY: Applicability = Applicability()
    VALUES: Values = Values()


class Input(Section):
    PIXEL_MEAN: Triple = (0.485, 0.456, 0.406)
    PIXEL_STD: Triple = (0.229, 0.224, 0.225)
    GLOBAL_SIZE: int = Field(224, ge=16)
    LOCAL_SIZE: int = Field(224, ge=16)
    TRAIN_SIZE: int = Field(0, ge=0)  # what SOLVER.LOSS values sees in training, pixels; 0: GLOBAL_SIZE
    SQUARE: str = Field("crop", pattern="^(crop|pad)$")  # how a picture becomes square: its centre, or with margins

    @property
    def train_size(self) -> int:
        """Pixels a side of what the region branch sees in training, with SOLVER.LOSS values."""
        return self.TRAIN_SIZE or self.GLOBAL_SIZE

    THRESHOLD: float = Field(0.4, ge=0, lt=1)


class Attributes(Section):
    NAME: tuple[str, ...] = ()
    NUM: tuple[int, ...] = ()


class PathFile(Section):
    TRAIN: str = "filenames_train.txt"
    VALID: str = "filenames_valid.txt"
    TEST: str = "filenames_test.txt"


class Query(Section):
    VALID: str = "query_valid.txt"
    TEST: str = "query_test.txt"


class Candidate(Section):
    VALID: str = "candidate_valid.txt"
    TEST: str = "candidate_test.txt"


class GroundTruth(Section):
    TRAIN: str = "label_train.txt"
    QUERY: Query = Query()
    CANDIDATE: Candidate = Candidate()


class Data(Section):
    NUM_WORKERS: int = Field(16, ge=0)
    NUM_TRIPLETS: int = Field(100_000, ge=1)
    TRAIN_BATCHSIZE: int = Field(16, ge=1)
    TEST_BATCHSIZE: int = Field(64, ge=1)
    BASE_PATH: str = "data"
    DATASET: str = ""
    EXTRA: str = ""  # folder of a second dataset of the same attributes that trains along (SOLVER.LOSS values)
    EXTRA_SHARE: float = Field(0.4, ge=0, lt=1)  # of the pictures in a batch
    NUM_ATTRIBUTES: int = Field(0, ge=0)
    ATTRIBUTES: Attributes = Attributes()
    PATH_FILE: PathFile = PathFile()
    GROUNDTRUTH: GroundTruth = GroundTruth()

    @property
    def folder(self) -> Path:
        """Where the dataset lies."""
        return Path(self.BASE_PATH) / self.DATASET

    @model_validator(mode="after")
    def _counts_agree(self) -> "Data":
        names, numbers = self.ATTRIBUTES.NAME, self.ATTRIBUTES.NUM
        if not self.NUM_ATTRIBUTES == len(names) == len(numbers):
            raise ValueError(
                f"NUM_ATTRIBUTES is {self.NUM_ATTRIBUTES}, ATTRIBUTES.NAME has {len(names)} names "
                f"and ATTRIBUTES.NUM {len(numbers)} counts; they must agree"
            )
        if len(set(names)) != len(names):
            raise ValueError("ATTRIBUTES.NAME has a name twice")
        return self


class Solver(Section):
    EVAL_STEPS: int = Field(1, ge=1)
    OPTIMIZER_NAME: str = "Adam"
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
    LOSS: str = Field("triplet", pattern="^(triplet|values)$")  # as published, or classification by value vectors
    SCHEDULE: str = Field("step", pattern="^(step|cosine)$")
    WEIGHT_DECAY: float = Field(0.0, ge=0)
    TRUNK_SHARE: float = Field(1.0, gt=0)  # of the learning rate, for backbones with starting weights
    CLIP: float = Field(0.0, ge=0)  # longest gradient; 0: any
    AVERAGE: float = Field(0.0, ge=0, lt=1)  # decay of a moving average of the weights, which is what is saved
    SMOOTHING: float = Field(0.05, ge=0, lt=1)  # of the labels (SOLVER.LOSS values)
    BALANCE: float = Field(0.4, ge=0, le=1)  # rare values weigh more: frequency to the power of minus this
    STRETCH: float = Field(0.12, ge=0)  # of the pictures: deviation of the log of height over width
    LENGTHS: tuple[str, ...] = ()  # attributes whose values follow that: a skirt is longer in a taller picture,
    LENGTH_STEP: float = Field(0.2, gt=0)  # by one value for this much of the log


class Logger(Section):
    LEVEL: int | str = 20
    STREAM: str = "stdout"


class Config(Section):
    """Everything that can be set, with the published defaults."""

    NAME: str = ""
    SAVE_DIR: str = "runs"
    DEVICE: str = "auto"
    MODEL: Model = Model()
    INPUT: Input = Input()
    DATA: Data = Data()
    SOLVER: Solver = Solver()
    LOGGER: Logger = Logger()


def load(files: Iterable[str | Path] = (), settings: Iterable[str] = ()) -> Config:
    """Read config files and `KEY.KEY=VALUE` settings, later ones over earlier ones. Raises ConfigError."""
    merged: dict[str, Any] = {}
    for file in files:
        merged = _merge(merged, _read(Path(file)))
    for setting in settings:
        merged = _merge(merged, _setting(setting))
    return from_mapping(merged)


def override(base: Config, settings: Iterable[str]) -> Config:
    """`base` with `KEY.KEY=VALUE` settings over it. Raises ConfigError."""
    merged = base.model_dump()
    for setting in settings:
        merged = _merge(merged, _setting(setting))
    return from_mapping(merged)


def from_mapping(values: Mapping[str, Any]) -> Config:
    """Check a nested mapping of keys. Raises ConfigError that names the first key that is wrong."""
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = " ".join(".".join(str(part) for part in first["loc"]).split()) or "config"
        raise ConfigError("%(key)s: %(why)s", key=key, why=_reason(first["type"], first["msg"])) from None


def _reason(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "there is no such setting"
    return message.removeprefix("Value error, ").removeprefix("Input ").strip()


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


def _setting(text: str) -> dict[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError('"%(text)s" is not a setting; write KEY=VALUE, such as DATA.BASE_PATH=data', text=text)
    try:
        nested: Any = yaml.safe_load(value)
    except yaml.YAMLError:
        raise ConfigError("%(key)s: the value is not YAML", key=key) from None
    for part in reversed(key.strip().split(".")):
        nested = {part: nested}
    return dict(nested)


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` over `below`, section by section."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged
