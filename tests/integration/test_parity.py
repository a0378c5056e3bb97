"""Parity with the authors' implementation: boxes, attention and features from the same weights."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch

from rpf.images.decode import open_image
from rpf.models import checkpoint
from rpf.models.output import TwoBranchOutput

# The attributes of each image whose crops are encoded, each at least once: a crop takes half a second.
ENCODED = [[0, 1], [2, 3], [4, 5], [1, 6], [0, 7], [3]]


@pytest.fixture(scope="module")
def published(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("golden") / "model_best.pth.tar"
    torch.save(runpy.run_path(str(shared / "golden" / "make_checkpoint.py"))["checkpoint"](), path)
    return path


@pytest.fixture(scope="module")
def reference(shared: Path) -> dict[str, np.ndarray]:
    with np.load(shared / "golden" / "embeddings.npz", allow_pickle=False) as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def computed(shared: Path, published: Path, reference: dict[str, np.ndarray]) -> TwoBranchOutput:
    model = checkpoint.load(published)
    return model.embed([open_image(shared / "golden" / file) for file in reference["files"]], ENCODED)


def test_crop_boxes_equal_the_authors(computed: TwoBranchOutput, reference: dict[str, np.ndarray]) -> None:
    np.testing.assert_array_equal(computed.box, reference["box"])


def test_attention_equals_the_authors_within_a_tolerance(
    computed: TwoBranchOutput, reference: dict[str, np.ndarray]
) -> None:
    np.testing.assert_allclose(computed.attention, reference["attention"], atol=1e-4, rtol=0)


def test_region_features_equal_the_authors_within_a_tolerance(
    computed: TwoBranchOutput, reference: dict[str, np.ndarray]
) -> None:
    assert np.linalg.norm(computed.region - reference["region"], axis=-1).max() < 1e-4


def test_patch_features_equal_the_authors_within_a_tolerance(
    computed: TwoBranchOutput, reference: dict[str, np.ndarray]
) -> None:
    assert computed.patch is not None
    for image, attributes in enumerate(ENCODED):
        distance = np.linalg.norm(computed.patch[image, attributes] - reference["patch"][image, attributes], axis=-1)
        assert distance.max() < 1e-4


def test_embedding_similarity_weighs_the_branches_by_beta(computed: TwoBranchOutput) -> None:
    assert computed.embedding.shape == (6, 8, 2048)
    a, b = computed.embedding[0, 1], computed.embedding[3, 1]
    np.testing.assert_allclose(np.linalg.norm([a, b], axis=-1), 1, atol=1e-5)
    assert computed.patch is not None
    regions = computed.region[0, 1] @ computed.region[3, 1]
    patches = computed.patch[0, 1] @ computed.patch[3, 1]
    assert a @ b == pytest.approx(0.3 * regions + 0.7 * patches, abs=1e-5)
