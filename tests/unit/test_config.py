import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from rpf import config
from rpf.errors import ConfigError
from tests.support import ROOT

CONFIGS = ROOT / "config"


@pytest.mark.parametrize("name, attributes", [("FashionAI", 8), ("DARN", 9), ("DeepFashion", 5), ("Clothing", 8)])
def test_load_shipped_files(name: str, attributes: int) -> None:
    for stage in ("s1", "s2"):
        loaded = config.load([CONFIGS / name / f"{name}.yaml", CONFIGS / name / f"{stage}.yaml"])
        assert len(loaded.DATA.ATTRIBUTES.NAME) == loaded.DATA.NUM_ATTRIBUTES == attributes
        assert loaded.INPUT.THRESHOLD == 0.1
        assert (stage == "s2") == loaded.MODEL.TRANSFORMER.ENABLE


# What the authors' config/FashionAI/s2.yaml of ASEN++ sets.
ASEN_STAGE_TWO = """
NAME: FashionAI_s2
SAVE_DIR: runs
MODEL: {LOCAL: {ENABLE: True}}
SOLVER:
  {DECAY_RATE: 0.9, STEP_SIZE: 1, EPOCHS: 20, GLOBAL_WEIGHT: 1., ALIGN_WEIGHT: 0.1, LOCAL_WEIGHT: 0.1, BASE_LR: 1e-4,
   BASE_LR_SLOW: 1e-5}
INPUT: {THRESHOLD: 0.1}
"""


def test_load_published_files_of_asen_after_its_defaults(tmp_path: Path) -> None:
    stage_two = tmp_path / "s2.yaml"
    stage_two.write_text(ASEN_STAGE_TWO)
    loaded = config.load([CONFIGS / "asen.yaml", CONFIGS / "FashionAI" / "FashionAI.yaml", stage_two])
    assert (loaded.MODEL.NAME, loaded.MODEL.with_crops, loaded.INPUT.LOCAL_SIZE) == ("asen", True, 112)
    local, solver = loaded.MODEL.LOCAL, loaded.SOLVER
    assert (local.BACKBONE.NAME, local.BACKBONE.EMBED_SIZE) == ("resnet34", 256)
    assert (local.ATTENTION.SPATIAL.COMMON_EMBED_SIZE, local.ATTENTION.CHANNEL.REDUCTION_RATE) == (256, 2)
    assert (solver.BETA, solver.MARGIN, solver.ALIGN_WEIGHT, solver.LOCAL_WEIGHT) == (0.6, 0.2, 0.1, 0.1)
    with pytest.raises(ConfigError, match=r"MODEL: LOCAL is a part of ASEN; set MODEL\.NAME"):
        config.load([CONFIGS / "FashionAI" / "FashionAI.yaml", stage_two])
    with pytest.raises(ConfigError, match="parts of RPF"):
        config.load([CONFIGS / "asen.yaml", CONFIGS / "FashionAI" / "FashionAI.yaml"], ["MODEL.PRESENCE.ENABLE=true"])


def test_load_later_files_and_settings_override_earlier_ones(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("SOLVER: {BASE_LR: 1e-4, EPOCHS: 3}\n")
    (tmp_path / "b.yaml").write_text("SOLVER: {BASE_LR: 5e-5}\n")
    loaded = config.load([tmp_path / "a.yaml", tmp_path / "b.yaml"], ["SOLVER.MARGIN=0.5", "DATA.BASE_PATH=../x"])
    assert (loaded.SOLVER.BASE_LR, loaded.SOLVER.EPOCHS, loaded.SOLVER.MARGIN) == (5e-5, 3, 0.5)
    assert loaded.DATA.BASE_PATH == "../x"
    assert loaded.SOLVER.DECAY_RATE == 0.9


@pytest.mark.parametrize(
    "setting, named",
    [
        ("MODEL.FOO=1", "MODEL.FOO"),
        ("FOO=1", "FOO"),
        ("MODEL.EMBED_SIZE=many", "MODEL.EMBED_SIZE"),
        ("MODEL.EMBED_SIZE=1.5", "MODEL.EMBED_SIZE"),
        ("SOLVER.BASE_LR=fast", "SOLVER.BASE_LR"),
        ("SOLVER.BASE_LR=.nan", "SOLVER.BASE_LR"),
        ("SOLVER.BASE_LR=.inf", "SOLVER.BASE_LR"),
        ("MODEL.TRANSFORMER=yes", "MODEL.TRANSFORMER"),
        ("MODEL.TRANSFORMER.ENABLE=7", "MODEL.TRANSFORMER.ENABLE"),
        ("INPUT.PIXEL_MEAN=[1, 2]", "INPUT.PIXEL_MEAN"),
        ("MODEL.TRANSFORMER.SPLIT=sideways", "MODEL.TRANSFORMER.SPLIT"),
        ("DATA.NUM_ATTRIBUTES=3", "NUM_ATTRIBUTES"),
        ("nonsense", "nonsense"),
        ("A=[", "A"),
    ],
)
def test_load_wrong_key_or_type_is_a_config_error_that_names_it(setting: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named.replace(".", r"\.")):
        config.load([CONFIGS / "FashionAI" / "FashionAI.yaml"], [setting])


@pytest.mark.parametrize(
    ("setting", "renamed"),
    [
        ("MODEL.VALUES.ENABLE=true", "MODEL.PROTOTYPES"),
        ("MODEL.APPLICABILITY={ENABLE: true}", "MODEL.PRESENCE"),
        ("INPUT.SQUARE=pad", "INPUT.RESIZE_MODE"),
        ("SOLVER.AVERAGE=0.9", "SOLVER.EMA_DECAY"),
        ("SOLVER.CLIP=1", "SOLVER.GRAD_CLIP_NORM"),
        ("SOLVER.SMOOTHING=0.1", "SOLVER.LABEL_SMOOTHING"),
        ("SOLVER.STRETCH=0.1", "SOLVER.ASPECT_JITTER"),
        ("SOLVER.TRUNK_SHARE=0.3", "SOLVER.BACKBONE_LR_SCALE"),
        ("SOLVER.LOSS=values", "'classification'"),
    ],
)
def test_load_renamed_setting_is_a_config_error_with_the_new_name(setting: str, renamed: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=re.escape(renamed)):
        config.load([], [setting])
    section, name, *_ = re.split(r"[.=]", setting)
    (tmp_path / "a.yaml").write_text(f"{section}:\n  {name}: 3\n")
    with pytest.raises(ConfigError, match=re.escape(renamed)):
        config.load([tmp_path / "a.yaml"])


@pytest.mark.parametrize("content", ["- a\n", "a: [", "5", "\x00"])
def test_load_file_without_settings_is_a_config_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "bad.yaml").write_text(content)
    with pytest.raises(ConfigError, match=r"bad\.yaml"):
        config.load([tmp_path / "bad.yaml"])


def test_load_missing_file_is_a_config_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml"):
        config.load([tmp_path / "none.yaml"])


def test_config_is_frozen() -> None:
    with pytest.raises(Exception, match="frozen"):
        config.load().MODEL.EMBED_SIZE = 3


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["MODEL", "DATA", "INPUT", "SOLVER", "NAME", "X"]), json_like, max_size=3))
@example({"MODEL": {"\n": None}})
def test_from_mapping_any_mapping_loads_or_is_a_config_error(values: dict[str, Any]) -> None:
    try:
        loaded = config.from_mapping(values)
    except ConfigError as error:
        assert "\n" not in str(error)
    else:
        assert config.from_mapping(yaml.safe_load(yaml.safe_dump(loaded.model_dump(mode="json")))) == loaded
