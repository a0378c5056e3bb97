"""The wheel: its dependencies, its files, and a working program from it alone in an empty folder."""

import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from email.message import Message
from email.parser import HeaderParser
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import urllib3
from packaging.requirements import Requirement

import rpf
from benchmarks.common.site_server import free_port
from rpf.settings import Settings
from tests.support import ROOT
from tests.support.commands import environment

SHIPPED = ("config", "runs/rpf-small", "static", "templates", "translations")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack the wheel as pip does, and return its folder."""
    base = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(base)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (file,) = base.glob("*.whl")
    with zipfile.ZipFile(file) as archive:
        archive.extractall(base / "site-packages")
    return base / "site-packages"


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    (file,) = wheel.glob("*.dist-info/METADATA")
    return HeaderParser().parsestr(file.read_text(encoding="utf-8"))


def requirements(name: str) -> set[str]:
    """Return the requirements that pip reads from a file of the checkout."""
    lines = [line.partition("#")[0].strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    included = [requirements(line[3:]) for line in lines if line.startswith("-r ")]
    return {normalize(line) for line in lines if line and not line.startswith("-r ")}.union(*included)


def normalize(text: str) -> str:
    requirement = Requirement(text)
    requirement.name = re.sub("[-_.]+", "-", requirement.name).lower()
    return str(requirement)


def test_dependencies_of_the_wheel_are_those_of_requirements_txt(metadata: Message) -> None:
    required = metadata.get_all("Requires-Dist", [])
    assert {normalize(text) for text in required if "extra ==" not in text} == requirements("requirements.txt")


@pytest.mark.parametrize("extra", ["milvus", "quantize", "dev"])
def test_extra_of_the_wheel_is_its_requirements_file(metadata: Message, extra: str) -> None:
    required = [Requirement(text) for text in metadata.get_all("Requires-Dist", []) if f"extra == '{extra}'" in text]
    expected = [Requirement(text) for text in requirements(f"requirements-{extra}.txt")]
    assert {normalize(f"{one.name}{one.specifier}") for one in required} == {
        f"{one.name}{one.specifier}" for one in expected
    }


def test_version_of_the_wheel_is_that_of_the_package(metadata: Message) -> None:
    assert metadata["Version"] == rpf.__version__


def test_wheel_has_every_shipped_file_and_no_tests(wheel: Path) -> None:
    listed = subprocess.run(["git", "ls-files", *SHIPPED], cwd=ROOT, check=True, capture_output=True, text=True)
    for name in [*listed.stdout.splitlines(), "wsgi.py", "gunicorn.conf.py"]:
        assert (wheel / "rpf" / "_data" / name).is_file(), name
    top = {path.name for path in wheel.iterdir() if not path.name.endswith(".dist-info")}
    assert top == {"rpf", "webapp", "wardrobe"}
    assert (wheel / "rpf" / "py.typed").is_file()


def test_console_script_is_the_entry_point_of_python_m_rpf(wheel: Path) -> None:
    (file,) = wheel.glob("*.dist-info/entry_points.txt")
    name, value = re.findall(r"^(\S+) = (\S+)$", file.read_text(), re.M)[0]
    from rpf.cli import run

    assert (name, EntryPoint(name, value, "console_scripts").load()) == ("rpf", run)


def test_wheel_uses_its_own_weights_and_the_current_folder(wheel: Path, tmp_path: Path) -> None:
    program = "from rpf.settings import Settings; s = Settings(); print(s.checkpoint, s.collections, s.instance)"
    env = {**os.environ, "PYTHONPATH": str(wheel)}
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=env, capture_output=True, text=True)
    weights = wheel / "rpf" / "_data" / "runs" / "rpf-small" / "model.safetensors"
    assert done.stdout.split() == [str(weights), str(tmp_path / "collections"), str(tmp_path / "instance")], done.stderr


def test_wheel_alone_serves_the_site_of_the_current_folder(wheel: Path, settings: Settings, tmp_path: Path) -> None:
    shutil.copytree(settings.collections / "tiny", tmp_path / "collections" / "tiny")
    given = environment(settings)
    env = {**os.environ, "PYTHONPATH": str(wheel)}
    env |= {name: given[name] for name in ("RPF_CHECKPOINT", "RPF_COLLECTION")}
    address = f"127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "rpf", "serve", "--bind", address]
    with (tmp_path / "log").open("wb") as log:
        site = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=log, stderr=log)
    try:
        assert wait_until_ready(f"http://{address}", site), (tmp_path / "log").read_text()
        page = urllib3.request("GET", f"http://{address}/", headers={"Accept-Language": "vi"}).data.decode()
        styles = re.findall(r'href="([^"]+\.css[^"]*)"', page)
        assert styles and 'lang="vi"' in page
        for style in styles:
            assert urllib3.request("GET", f"http://{address}{style}").status == 200, style
    finally:
        site.terminate()
        assert site.wait(60) == 0
    assert (tmp_path / "instance").is_dir()


def wait_until_ready(address: str, site: "subprocess.Popen[bytes]") -> bool:
    until = time.monotonic() + 120
    while time.monotonic() < until and site.poll() is None:
        try:
            if urllib3.request("GET", address + "/readyz", retries=False).status == 200:
                return True
        except urllib3.exceptions.HTTPError:
            pass
        time.sleep(0.1)
    return False
