"""What the README shows works as it is written there."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.common.site_server import serve
from rpf.inference.load import load_model
from rpf.ingest.pipeline import Source, index
from rpf.settings import Settings
from tests.conftest import with_instance
from tests.support import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
CURLS = [block for block in BLOCKS if block.startswith("curl")]


@pytest.fixture(scope="module")
def folder(settings: Settings, wardrobe: dict[Path, dict[str, int]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder whose default collection has pictures under the names that `demo` gives them."""
    base = tmp_path_factory.mktemp("readme")
    images = base / "collections" / "wardrobe" / "images"
    images.mkdir(parents=True)
    for number, path in enumerate(wardrobe):
        shutil.copy(path, images / f"{number:05}.jpg")
    sources = [Source(path.name) for path in sorted(images.iterdir())]
    index(images.parent, images, sources, load_model(settings), title="A few garments", relative_root="images")
    return base


@pytest.fixture(scope="module")
def site(settings: Settings, folder: Path) -> Iterator[str]:
    own = replace(
        with_instance(settings, folder / "instance"), collections=folder / "collections", collection="wardrobe"
    )
    with serve(own, folder / "log") as served:
        yield served.address


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("block", CURLS)
def test_the_curl_examples(block: str, site: str, folder: Path) -> None:
    command = block.replace("http://localhost:8000", site)
    done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    assert answer.keys() == {"ids", "similarities", "retrieval_times"}
    assert len(answer["ids"]) == len(answer["similarities"]) > 4
    assert answer["similarities"] == sorted(answer["similarities"], reverse=True)
    assert answer["ids"][0] == 2, "00001.jpg is the second item, and most like itself"


def test_there_are_curl_examples() -> None:
    assert len(CURLS) == 2


def test_every_file_it_names_is_there() -> None:
    for name in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / name).exists(), name


def test_every_setting_is_in_the_table() -> None:
    code = "".join(
        path.read_text(encoding="utf-8")
        for path in [*ROOT.glob("rpf/**/*.py"), *ROOT.glob("webapp/**/*.py"), ROOT / "gunicorn.conf.py"]
    )
    names = set(re.findall(r'"(RPF_[A-Z_]+|SECRET_KEY|PORT)"', code))
    assert names == {name for name in re.findall(r"`([A-Z_]+)`", README) if name in names}
