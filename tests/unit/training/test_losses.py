from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from rpf.training.losses import contrastive_loss, triplet_loss

ROLES = ("anchor", "positive", "negative")


@pytest.fixture(scope="module")
def golden(shared: Path) -> dict[str, Tensor]:
    with np.load(shared / "golden" / "losses.npz", allow_pickle=False) as archive:
        return {name: torch.from_numpy(archive[name]) for name in archive}


@pytest.mark.parametrize("branch", ["region", "patch"])
def test_triplet_loss_equals_the_authors(golden: dict[str, Tensor], branch: str) -> None:
    features = [golden[f"{branch}_{role}"] for role in ROLES]
    loss = triplet_loss(*features, margin=float(golden["margin"]))
    assert abs(float(loss) - float(golden[f"{branch}_triplet"])) < 1e-5


def test_contrastive_loss_equals_the_authors(golden: dict[str, Tensor]) -> None:
    region, patch, background = (
        torch.cat([golden[f"{part}_{role}"] for role in ROLES]) for part in ("region", "patch", "background")
    )
    attribute = golden["attribute"].repeat(3)
    value = torch.cat([golden["positive_value"], golden["positive_value"], golden["negative_value"]])
    tau, alpha = float(golden["tau"]), float(golden["alpha"])
    contrastive = contrastive_loss(region, patch, background, attribute, value, tau, alpha)
    assert abs(float(contrastive) - float(golden["contrastive"])) < 1e-5
    triplets = [
        triplet_loss(*(golden[f"{b}_{r}"] for r in ROLES), float(golden["margin"])) for b in ("region", "patch")
    ]
    assert abs(float(triplets[0] + 0.1 * triplets[1] + 0.04 * contrastive) - float(golden["total"])) < 1e-5


def test_contrastive_loss_with_alpha_zero_ignores_backgrounds() -> None:
    torch.manual_seed(0)
    region, patch, background = torch.randn(3, 6, 8)
    attribute, value = torch.tensor([0, 0, 1, 1, 0, 1]), torch.tensor([0, 0, 1, 1, 2, 0])
    none, little = (contrastive_loss(region, patch, background, attribute, value, 0.07, alpha) for alpha in (0.0, 1e-9))
    assert torch.isclose(none, little)
    assert none < contrastive_loss(region, patch, background, attribute, value, 0.07, 12.0)
