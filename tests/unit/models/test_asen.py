from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rpf import config
from rpf.errors import ConfigError
from rpf.models import checkpoint
from rpf.models.asen import ASEN
from rpf.models.asen_branches import LocalBranch
from rpf.models.build import build_model
from tests.support import ROOT

FILES = [ROOT / "config/asen.yaml", ROOT / "config/FashionAI/FashionAI.yaml"]
SMALL = (
    "MODEL.EMBED_SIZE=48", "MODEL.ATTRIBUTE.EMBED_SIZE=16", "MODEL.LOCAL.ENABLE=true", "INPUT.GLOBAL_SIZE=64",
    "INPUT.LOCAL_SIZE=32", "MODEL.GLOBAL.BACKBONE={NAME: resnet18, EMBED_SIZE: 256}",
    "MODEL.LOCAL.BACKBONE.NAME=resnet18", "MODEL.GLOBAL.ATTENTION.SPATIAL.COMMON_EMBED_SIZE=32",
)  # fmt: skip


def small(*settings: str) -> ASEN:
    torch.manual_seed(0)
    model = build_model(config.load(FILES, [*SMALL, *settings]))
    assert isinstance(model, ASEN)
    return model.eval()


def noise(*sizes: tuple[int, int]) -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 255, (height, width, 3), dtype=np.uint8)) for width, height in sizes]


def test_shipped_small_config_has_the_size_of_the_default_model() -> None:
    files = [ROOT / "config/Clothing/Clothing.yaml", ROOT / "config/asen-small.yaml"]
    with torch.device("meta"):
        both, first, second = (
            build_model(config.load([*files, *stage]))
            for stage in ([], [ROOT / "config/asen-small-s1.yaml"], [ROOT / "config/asen-small-s2.yaml"])
        )
    assert (both.dim, first.dim, second.dim) == (704, 352, 704)
    assert sum(weight.numel() for weight in both.parameters()) == pytest.approx(10e6, rel=0.05)


def test_embed_of_a_batch_equals_one_by_one_and_embeds_only_what_is_wanted() -> None:
    model, images = small(), noise((90, 70), (60, 100))
    output = model.embed(images)
    assert output.embedding.shape == (2, 8, 96)
    assert output.presence is None
    np.testing.assert_allclose(np.linalg.norm(output.embedding, axis=-1), 1, atol=1e-5)
    alone = model.embed(images[1:], [[2, 5]])
    np.testing.assert_array_equal(alone.box[0], output.box[1])
    np.testing.assert_allclose(alone.embedding[0, [2, 5]], output.embedding[1, [2, 5]], atol=1e-5)
    assert np.isnan(alone.embedding[0, 0]).any()


def test_channel_gates_depend_on_image_and_attribute() -> None:
    branch, gates = small().region, []
    branch.channel_fc2.register_forward_hook(lambda _module, _inputs, output: gates.append(output.sigmoid()))
    with torch.no_grad():
        output = branch(torch.rand(2, 3, 64, 64), torch.tensor([[0, 1], [0, 1]]))
    assert gates[0].shape == (2, 2, 256)
    assert ((gates[0] > 0) & (gates[0] < 1)).all()
    assert not torch.allclose(gates[0][:, 0], gates[0][:, 1])
    assert not torch.allclose(gates[0][0], gates[0][1])
    torch.testing.assert_close(output.attention.sum(dim=(2, 3)), torch.ones(2, 2))


def test_stage_one_has_no_local_branch_and_a_saved_model_loads_as_it_was(tmp_path: Path) -> None:
    first = small("MODEL.LOCAL.ENABLE=false")
    assert first.patch is None
    assert first.dim == 48
    whole = small()
    checkpoint.save(whole, tmp_path / "asen.safetensors")
    loaded = checkpoint.load(tmp_path / "asen.safetensors")
    assert isinstance(loaded, ASEN)
    assert isinstance(loaded.patch, LocalBranch)
    images = noise((80, 80))
    np.testing.assert_array_equal(loaded.embed(images).embedding, whole.embed(images).embedding)


def test_backbone_of_other_channels_is_a_config_error_that_names_the_section() -> None:
    with pytest.raises(ConfigError, match=r"MODEL\.LOCAL\.BACKBONE\.EMBED_SIZE"):
        small("MODEL.LOCAL.BACKBONE.EMBED_SIZE=100")
