from pathlib import Path

import torch
from click.testing import CliRunner

from rpf.model import checkpoint
from rpf.training.brief import main, pair_loss, value_loss


def test_it_writes_a_checkpoint_that_says_how_it_was_trained(tmp_path: Path) -> None:
    first, out = tmp_path / "first.safetensors", tmp_path / "model.safetensors"
    for more in (["--out", str(first)], ["--loss", "pairs", "--start", str(first), "--out", str(out)]):
        done = CliRunner().invoke(main, ["--steps", "2", "--batch", "4", "--drawn", "8", *more])
        assert done.exit_code == 0, done.output
    model = checkpoint.load(out)
    assert "trained briefly" in model.note
    assert model.config.NAME == "rpf-small"
    assert model.dim == 512


def test_the_loss_falls_as_features_come_near_their_value() -> None:
    prototypes = torch.nn.ParameterList([torch.eye(4), torch.eye(3, 4)])
    attributes, values = torch.tensor([0, 0, 1]), torch.tensor([2, 3, 1])
    right = torch.stack([prototypes[a][v] for a, v in zip(attributes, values, strict=True)])
    wrong = right.roll(1, dims=0)
    losses = [
        value_loss(torch.lerp(wrong, right, part), attributes, values, prototypes).item() for part in (0.0, 0.4, 1.0)
    ]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] > 10 * losses[2]


def test_pairs_pull_together_and_push_apart() -> None:
    attributes, values = torch.tensor([0, 0, 0, 0, 1]), torch.tensor([1, 1, 2, 2, 1])
    mixed = torch.eye(5)
    parted = torch.eye(5)[[0, 0, 1, 1, 4]]
    losses = []
    for features in (mixed, parted):
        features.requires_grad_()
        loss = pair_loss(features, attributes, values)
        loss.backward()
        losses.append(loss.item())
        assert features.grad is not None
        assert features.grad.isfinite().all()
        assert not features.grad[4].any(), "without a partner there is nothing to learn"
    assert losses[1] < losses[0]
