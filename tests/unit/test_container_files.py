"""The files of the container image, in step with the program: deploy/Dockerfile, deploy/compose.yaml, .dockerignore."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from hatch_build import SHIPPED
from rpf.settings import Settings
from tests.support import ROOT
from webapp.config import SiteConfig
from webapp.errors import API_PATHS

DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
CONTEXT = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.M)
PACKAGES = ("rpf", "webapp", "wardrobe")
BUILD = ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "NOTICE.md")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    text = (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)  # type: ignore[no-any-return]


def test_build_context_holds_what_the_wheel_needs_and_nothing_else() -> None:
    assert all(list(ROOT.glob(pattern)) for pattern in CONTEXT)
    requirements = next(pattern for pattern in CONTEXT if pattern.startswith("requirements"))
    assert {*CONTEXT} == {*SHIPPED, *PACKAGES, *BUILD, requirements}


def test_files_that_the_dockerfile_copies_are_in_the_build_context() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.M)
    files = [name for names in copied for name in names.split() if name != "."]
    assert files and all((ROOT / name).is_file() for name in files)
    assert all(any(Path(name).match(pattern) for pattern in CONTEXT) for name in files)


def test_health_check_asks_a_route_at_the_default_port() -> None:
    (port, path) = re.findall(r"http://127\.0\.0\.1:(\d+)(/\w+)", DOCKERFILE)[0]
    assert path in API_PATHS
    assert (
        int(port) == SiteConfig.model_fields["port"].default == int(re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.M)[0])
    )


def test_compose_mounts_the_volumes_of_the_image(compose: dict[str, Any]) -> None:
    site = compose["services"]["site"]
    assert (ROOT / "deploy" / site["build"]["context"] / site["build"]["dockerfile"]).is_file()
    mounts = dict(volume.split(":") for volume in site["volumes"])
    assert sorted(mounts.values()) == sorted(json.loads(re.findall(r"^VOLUME (.+)$", DOCKERFILE, re.M)[0]))
    volumes = {volume.split(":")[0] for service in compose["services"].values() for volume in service["volumes"]}
    assert volumes == set(compose["volumes"])
    assert site["read_only"] is True and "profiles" not in site


def test_compose_gives_the_site_the_address_of_its_milvus(compose: dict[str, Any]) -> None:
    (name,) = (name for name, service in compose["services"].items() if service.get("profiles") == ["milvus"])
    variables = compose["services"]["site"]["environment"]
    assert variables == {"RPF_MILVUS_URI": f"http://{name}:19530"}
    assert Settings(milvus_uri=variables["RPF_MILVUS_URI"]).milvus_uri
    tested = re.findall(r"^milvus==([\d.]+)", (ROOT / "requirements-dev.txt").read_text(encoding="utf-8"), re.M)
    assert compose["services"][name]["image"].endswith(f":v{tested[0]}")
