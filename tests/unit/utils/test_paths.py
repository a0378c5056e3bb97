from pathlib import Path

from rpf.utils import paths
from tests.support import ROOT


def test_paths_in_a_checkout_are_its_root() -> None:
    assert (paths.SHIPPED_FOLDER, paths.WORK_FOLDER) == (ROOT, ROOT)
    assert Path(paths.SHIPPED_FOLDER / "runs" / "rpf-small" / "model.safetensors").is_file()
