"""The documentation: generated pages are up to date, links lead somewhere, commands exist, examples work."""

import importlib.util
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from benchmarks.commands import benchmarks
from benchmarks.common.site_server import serve
from docs import generate
from rpf.cli import main
from rpf.settings import Settings
from tests.conftest import with_instance
from tests.support import ROOT
from tests.support.commands import Run

PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "runs/rpf-small/README.md")]
PAGES += sorted((ROOT / "docs").glob("*.md"))
LINKED_PAGES = [*PAGES, ROOT / "CHANGELOG.md", ROOT / "NOTICE.md"]
README_LINES = 130
MAKE_TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))


def name_of(page: object) -> str:
    return page.relative_to(ROOT).as_posix() if isinstance(page, Path) else ""


def shell_blocks(page: Path) -> list[str]:
    return re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


VALUES = re.compile(r"long sleeves|values=")  # in an example of a search that the image itself need not win
CURLS = sorted({block for page in PAGES for block in shell_blocks(page) if block.startswith("curl")})


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the words of each command in the shell blocks and the inline code of a page."""
    for block in shell_blocks(page):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            while words and (words[0] == "export" or re.fullmatch(r"[A-Z_]+=.*", words[0])):
                words = words[1:]
            if words:
                yield words
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for code in re.findall(r"`((?:rpf|make|python -m|pytest) [^`]+)`", text):
        yield code.split()


def slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", text, re.M)}


def test_cli_page_is_up_to_date() -> None:
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == generate.cli_page(), "run `make docs`"


def test_settings_page_is_up_to_date() -> None:
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == generate.settings_page(), "run `make docs`"


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= README_LINES


@pytest.mark.parametrize("page", LINKED_PAGES, ids=name_of)
def test_relative_links_of_a_page_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_that_a_page_shows_exist(page: Path) -> None:
    for words in commands(page):
        if words[0] == "make":
            assert words[1] in MAKE_TARGETS, words
        elif words[0] == "pytest":
            assert (ROOT / words[1]).exists(), words
        elif words[0] == "rpf":
            check_command(main, words[1:])
        elif "-m" in words and (module := words[words.index("-m") + 1]) in ("rpf", "benchmarks"):
            check_command(main if module == "rpf" else benchmarks, words[words.index("-m") + 2 :])
        elif words[:2] == ["python", "-m"] and words[2] != "venv":
            assert importlib.util.find_spec(words[2]), words


def check_command(group: click.Group, words: list[str]) -> None:
    """Check that the group has a command of that name with those options."""
    if not words or words[0].startswith("-"):
        return
    assert words[0] in group.commands, words
    command = group.commands[words[0]]
    if isinstance(command, click.Group):
        check_command(command, words[1:])
        return
    options = {option for parameter in command.params for option in parameter.opts}
    unknown = [word for word in words[1:] if re.match(r"--?[a-z]", word) and word not in {*options, "--help"}]
    assert not unknown, words


@pytest.fixture(scope="module")
def site(
    named_settings: Settings, wardrobe: dict[Path, dict[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """Start a site with a collection named as the default one; return its address and work folder."""
    base = tmp_path_factory.mktemp("docs")
    images = base / "collections" / "wardrobe" / "images"
    images.mkdir(parents=True)
    for number, path in enumerate(wardrobe):
        shutil.copy(path, images / f"{number:05}.jpg")
    shutil.copy(images / "00001.jpg", base / "photo.jpg")
    local = Settings(
        collections=base / "collections",
        collection="wardrobe",
        checkpoint=named_settings.checkpoint,
        instance=with_instance(named_settings, base / "instance").instance,
    )
    Run(local)("index", "wardrobe", images)
    with serve(local, base / "log") as running:
        yield running.address, base


def test_docs_have_curl_examples() -> None:
    assert len(CURLS) >= 2


def respond(block: str, site: tuple[str, Path]) -> dict[str, Any]:
    """Run an example against the site, in its work folder."""
    address, folder = site
    command = block.replace("http://localhost:8000", address)
    done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=True)
    response: dict[str, Any] = json.loads(done.stdout)
    return response


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("block", [block for block in CURLS if "/submit" in block])
def test_curl_example_of_a_search_responds_with_a_ranking(block: str, site: tuple[str, Path]) -> None:
    response = respond(block, site)
    assert response.keys() == {"ids", "similarities", "retrieval_times"}
    assert len(response["ids"]) == len(response["similarities"]) > 4
    assert response["similarities"] == sorted(response["similarities"], reverse=True)
    if not VALUES.search(block):
        assert response["ids"][0] == 2, "00001.jpg is the second item"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("block", [block for block in CURLS if "/describe" in block])
def test_curl_example_of_a_description_responds_with_attributes(block: str, site: tuple[str, Path]) -> None:
    response = respond(block, site)
    assert "sleeve_length" in response["attributes"]
    assert response["attributes"]["sleeve_length"]["values"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("block", [block for block in CURLS if "/api/v1/search" in block])
def test_curl_example_of_the_api_responds_with_results(block: str, site: tuple[str, Path]) -> None:
    response = respond(block, site)
    assert response["results"][0]["item"]["id"] == 2, "00001.jpg is the second item"


def test_ruff_of_pre_commit_is_the_pinned_one() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    pins = [pin for repo in config["repos"] for hook in repo["hooks"] for pin in hook["additional_dependencies"]]
    requirements = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()
    assert len(pins) == 2 and set(pins) <= set(requirements)
