"""Parity of ASEN++ with the authors' implementation: boxes, attention and features from the same weights."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rpf import config
from rpf.errors import CheckpointError
from rpf.images.decode import open_image
from rpf.models import checkpoint
from rpf.models.asen import ASEN
from rpf.models.base import TwoBranchModel
from rpf.models.output import TwoBranchOutput
from tests.support import ROOT

# The attributes of each image whose crops are encoded, each at least once.
ENCODED = [[0, 1], [2, 3], [4, 5], [1, 6], [0, 7], [3]]


@pytest.fixture(scope="module")
def published(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, golden = tmp_path_factory.mktemp("golden") / "model_best.pth.tar", shared / "golden"
    make = runpy.run_path(str(golden / "make_checkpoint.py"))["checkpoint"]
    torch.save(make(golden / "asen_schema.json"), path)
    return path


@pytest.fixture(scope="module")
def reference(shared: Path) -> dict[str, np.ndarray]:
    with np.load(shared / "golden" / "asen_embeddings.npz", allow_pickle=False) as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def model(published: Path) -> TwoBranchModel:
    return checkpoint.load(published)


@pytest.fixture(scope="module")
def images(shared: Path, reference: dict[str, np.ndarray]) -> list[Image.Image]:
    return [open_image(shared / "golden" / file) for file in reference["files"]]


@pytest.fixture(scope="module")
def computed(published: Path, images: list[Image.Image]) -> TwoBranchOutput:
    """Embed in float64: these weights make features of 20,000, so that rounding depends much on the processor."""
    torch.set_default_dtype(torch.float64)
    try:
        output = checkpoint.load(published).double().embed(images, ENCODED)
    finally:
        torch.set_default_dtype(torch.float32)
    return output


def test_published_checkpoint_loads_with_its_sizes(model: TwoBranchModel) -> None:
    assert isinstance(model, ASEN)
    sections = model.config.MODEL
    assert (sections.GLOBAL.BACKBONE.NAME, sections.LOCAL.BACKBONE.NAME) == ("resnet50", "resnet34")
    assert (sections.EMBED_SIZE, model.dim, len(model.attributes)) == (1024, 2048, 8)
    assert (model.config.INPUT.LOCAL_SIZE, model.config.SOLVER.BETA) == (112, 0.6)


def test_config_of_another_model_is_refused(published: Path) -> None:
    other = config.load([ROOT / "config/FashionAI/FashionAI.yaml"])
    with pytest.raises(CheckpointError, match=r"is a checkpoint of asen: give a config with MODEL\.NAME: asen"):
        checkpoint.load(published, other)


def test_crop_boxes_equal_the_authors(computed: TwoBranchOutput, reference: dict[str, np.ndarray]) -> None:
    np.testing.assert_array_equal(computed.box, reference["box"])


def test_attention_and_features_equal_the_authors_within_a_tolerance(
    computed: TwoBranchOutput, reference: dict[str, np.ndarray]
) -> None:
    np.testing.assert_allclose(computed.attention, reference["attention"], atol=1e-4, rtol=0)
    assert np.linalg.norm(computed.region - reference["global"], axis=-1).max() < 1e-4
    assert computed.patch is not None
    for image, attributes in enumerate(ENCODED):
        distance = np.linalg.norm(computed.patch[image, attributes] - reference["local"][image, attributes], axis=-1)
        assert distance.max() < 1e-4


def test_float32_is_close(model: TwoBranchModel, images: list[Image.Image], reference: dict[str, np.ndarray]) -> None:
    output = model.embed(images[:2])
    np.testing.assert_array_equal(output.box, reference["box"][:2])
    assert output.embedding.dtype == np.float32
    assert np.linalg.norm(output.region - reference["global"][:2], axis=-1).max() < 5e-4


def test_embedding_joins_the_branches_by_the_published_weights(
    computed: TwoBranchOutput, reference: dict[str, np.ndarray]
) -> None:
    expected = np.concatenate([0.6**0.5 * reference["global"], 0.4**0.5 * reference["local"]], axis=-1)
    for image, attributes in enumerate(ENCODED):
        embeddings = computed.embedding[image, attributes]
        np.testing.assert_allclose(embeddings, expected[image, attributes], atol=1e-4)
        np.testing.assert_allclose(np.linalg.norm(embeddings, axis=-1), 1, atol=1e-5)
