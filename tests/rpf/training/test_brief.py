from pathlib import Path

import torch
from click.testing import CliRunner

from rpf.model import checkpoint
from rpf.training.brief import main, value_loss


def test_it_writes_a_checkpoint_that_says_how_it_was_trained(tmp_path: Path) -> None:
    out = tmp_path / "model.safetensors"
    done = CliRunner().invoke(main, ["--steps", "2", "--batch", "4", "--drawn", "8", "--out", str(out)])
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
