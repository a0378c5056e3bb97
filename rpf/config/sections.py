"""Config sections: the published keys and ours, with their defaults."""

import math
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Triple = tuple[float, float, float]


class Section(BaseModel):
    """Base of all config sections: frozen, without unknown keys, finite numbers only."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SpatialConfig(Section):
    ENABLE: Literal[True] = True
    COMMON_EMBED_SIZE: int = Field(512, ge=1)
    REDUCTION_RATE: int = Field(2, ge=1)


class ChannelConfig(Section):
    ENABLE: Literal[True] = True
    REDUCTION_RATE: int = Field(2, ge=1)


class AttentionConfig(Section):
    SPATIAL: SpatialConfig = SpatialConfig()
    CHANNEL: ChannelConfig = ChannelConfig()  # of ASEN


class BackboneConfig(Section):
    NAME: str = "resnet50"
    EMBED_SIZE: int = Field(1024, ge=1)


class GlobalConfig(Section):
    BACKBONE: BackboneConfig = BackboneConfig()
    ATTENTION: AttentionConfig = AttentionConfig()


class LocalSpatialConfig(SpatialConfig):
    COMMON_EMBED_SIZE: int = Field(256, ge=1)


class LocalAttentionConfig(AttentionConfig):
    SPATIAL: LocalSpatialConfig = LocalSpatialConfig()


class LocalBackboneConfig(BackboneConfig):
    NAME: str = "resnet34"
    EMBED_SIZE: int = Field(256, ge=1)


class LocalConfig(GlobalConfig):
    """ASEN's local branch."""

    ENABLE: bool = False
    BACKBONE: LocalBackboneConfig = LocalBackboneConfig()
    ATTENTION: LocalAttentionConfig = LocalAttentionConfig()


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
    GRADIENT: float = Field(0.0, ge=0, le=1)  # share of the presence loss's gradient that reaches the backbone
    # For each attribute: factor and shift of the logits, fitted on held-out images (`rpf calibrate`); empty: 1 and 0.
    CALIBRATION: tuple[tuple[float, float], ...] = ()


class PrototypesConfig(Section):
    ENABLE: bool = False
    SCALE: float = Field(16.0, gt=0)  # inverse softmax temperature of the cosines to the prototypes
    SHARE: float = Field(0.5, ge=0)  # weight of the feature in the embedding; the prototypes' weights sum to 1


class ModelConfig(Section):
    NAME: Literal["rpf", "asen"] = "rpf"
    EMBED_SIZE: int = Field(1024, ge=1)
    ATTRIBUTE: AttributeConfig = AttributeConfig()
    GLOBAL: GlobalConfig = GlobalConfig()
    LOCAL: LocalConfig = LocalConfig()
    SINGLE: SingleConfig = SingleConfig()
    TRANSFORMER: TransformerConfig = TransformerConfig()
    PRESENCE: PresenceConfig = PresenceConfig()
    PROTOTYPES: PrototypesConfig = PrototypesConfig()

    @property
    def with_crops(self) -> bool:
        """Tell whether there is a branch on crops: RPF's patch branch or ASEN's local branch, both from stage 2 on."""
        return self.LOCAL.ENABLE if self.NAME == "asen" else self.TRANSFORMER.ENABLE

    @model_validator(mode="after")
    def _parts_fit_the_model(self) -> "ModelConfig":
        if self.NAME == "rpf" and self.LOCAL.ENABLE:
            raise ValueError("LOCAL is a part of ASEN; set MODEL.NAME to asen, as config/asen.yaml does")
        if self.NAME == "asen" and (self.TRANSFORMER.ENABLE or self.PROTOTYPES.ENABLE or self.PRESENCE.ENABLE):
            raise ValueError("TRANSFORMER, PROTOTYPES and PRESENCE are parts of RPF; ASEN has none of them")
        return self


class InputConfig(Section):
    PIXEL_MEAN: Triple = (0.485, 0.456, 0.406)
    PIXEL_STD: Triple = (0.229, 0.224, 0.225)
    GLOBAL_SIZE: int = Field(224, ge=16)
    LOCAL_SIZE: int = Field(224, ge=16)
    THRESHOLD: float = Field(0.4, ge=0, lt=1)
    RESIZE_MODE: Literal["crop", "pad"] = "crop"  # how an image becomes square: centre crop, or padding
    # Height of a second frame, half as wide, for images that are larger in it than in the square; 0: squares only.
    TALL_SIZE: int = Field(0, ge=0, multiple_of=64)

    @property
    def frame(self) -> int:
        """Return the side, in pixels, of the squares that the region branch sees, or sees the middle columns of."""
        return self.TALL_SIZE or self.GLOBAL_SIZE

    @property
    def frame_shapes(self) -> list[tuple[int, int]]:
        """Return the heights and widths, in pixels, of the region branch's inputs."""
        square = [(self.GLOBAL_SIZE, self.GLOBAL_SIZE)]
        return [*square, (self.TALL_SIZE, self.TALL_SIZE // 2)] if self.TALL_SIZE else square

    @property
    def tall_columns(self) -> slice:
        """Return the columns of a square of TALL_SIZE pixels that the tall frame shows."""
        return slice(self.TALL_SIZE // 4, self.TALL_SIZE * 3 // 4)

    @property
    def tall_aspect(self) -> float:
        """Return the height, in widths, above which an image is larger in the tall frame than in the square one."""
        return 2 * self.GLOBAL_SIZE / self.TALL_SIZE if self.TALL_SIZE else math.inf

    @model_validator(mode="after")
    def _tall_images_are_padded(self) -> "InputConfig":
        if self.TALL_SIZE and self.RESIZE_MODE != "pad":
            raise ValueError("TALL_SIZE needs RESIZE_MODE: pad")
        return self


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


class ExtraDatasetConfig(Section):
    """A further training set with the same attributes."""

    SHARE: float = Field(0.4, ge=0, lt=1)  # of the images in a batch (SOLVER.LOSS classification); 0: not used
    WORN: bool = False  # people wear the garments, so that lengths are measured by the body, not by the garment's shape
    VALID: bool = False  # its valid split counts in the choice of the best epoch, like that of the main dataset


class DataConfig(Section):
    NUM_WORKERS: int = Field(16, ge=0)
    NUM_TRIPLETS: int = Field(100_000, ge=1)
    TRAIN_BATCHSIZE: int = Field(16, ge=1)
    TEST_BATCHSIZE: int = Field(64, ge=1)
    BASE_PATH: str = "data"
    DATASET: str = ""
    EXTRA_DATASETS: dict[str, ExtraDatasetConfig] = {}  # by folder
    NUM_ATTRIBUTES: int = Field(0, ge=0)
    ATTRIBUTES: AttributesConfig = AttributesConfig()
    PATH_FILE: PathFileConfig = PathFileConfig()
    GROUNDTRUTH: GroundTruthConfig = GroundTruthConfig()

    @property
    def folder(self) -> Path:
        return Path(self.BASE_PATH) / self.DATASET

    @property
    def extra_datasets(self) -> dict[Path, ExtraDatasetConfig]:
        """Return the extra datasets in use."""
        return {Path(folder): extra for folder, extra in self.EXTRA_DATASETS.items() if extra.SHARE}

    @property
    def validated(self) -> list["DataConfig"]:
        """Return the settings of each dataset whose valid split counts, the main one first."""
        others = [folder for folder, extra in self.extra_datasets.items() if extra.VALID]
        return [self] + [
            self.model_copy(update={"BASE_PATH": str(folder.parent), "DATASET": folder.name}) for folder in others
        ]

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
        if sum(extra.SHARE for extra in self.EXTRA_DATASETS.values()) >= 1:
            raise ValueError("the SHARE values of EXTRA_DATASETS must sum to less than 1")
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
    GLOBAL_WEIGHT: float = Field(1.0, ge=0)  # this and the next two are ASEN's
    LOCAL_WEIGHT: float = Field(1.0, ge=0)
    ALIGN_WEIGHT: float = Field(1.0, ge=0)
    MARGIN: float = Field(0.2, ge=0)
    BETA: float = Field(0.4, ge=0, le=1)
    TAU: float = Field(0.07, gt=0)
    ALPHA: float = Field(12.0, ge=0)
    LOSS: Literal["triplet", "classification"] = "triplet"
    SCHEDULE: Literal["step", "cosine"] = "step"
    WEIGHT_DECAY: float = Field(0.0, ge=0)
    BACKBONE_LR_SCALE: float = Field(1.0, gt=0)  # learning rate of pretrained backbones over their branch's
    FROZEN_STAGES: int = Field(0, ge=0)  # first stages of an EfficientNet that stay as they are, with all batch norms
    GRAD_CLIP_NORM: float = Field(0.0, ge=0)  # 0: no clipping
    EMA_DECAY: float = Field(0.0, ge=0, lt=1)  # of the weights' moving average, which is then saved; 0: no average
    LABEL_SMOOTHING: float = Field(0.05, ge=0, lt=1)  # with SOLVER.LOSS classification
    BALANCE: float = Field(0.4, ge=0, le=1)  # a value's loss weight is its frequency to the power of -BALANCE
    ASPECT_JITTER: float = Field(0.12, ge=0)  # standard deviation of log(height / width) in augmentation
    ORDINAL: tuple[str, ...] = ()  # attributes whose values are in order: neighbours are half right
    LENGTHS: tuple[str, ...] = ()  # ordinal ones of which a taller image shows a longer garment
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
