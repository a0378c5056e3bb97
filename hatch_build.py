"""Build hooks for hatchling: dependencies from requirements*.txt, and the shipped files in wheels."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

EXTRAS = ("milvus", "quantize", "dev")
SHIPPED = ("config", "runs/rpf-small", "static", "templates", "translations", "gunicorn.conf.py", "wsgi.py")


def read_requirements(file: Path) -> list[str]:
    """Return the requirements of a file and of those that it includes by -r."""
    requirements: list[str] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        text = line.partition("#")[0].strip()
        if text.startswith("-r "):
            requirements += read_requirements(file.parent / text[3:].strip())
        elif text:
            requirements.append(text)
    return requirements


class RequirementsHook(MetadataHookInterface):
    """Makes requirements.txt the dependencies, and requirements-<extra>.txt those of each extra."""

    def update(self, metadata: dict[str, Any]) -> None:
        folder = Path(self.root)
        metadata["dependencies"] = read_requirements(folder / "requirements.txt")
        metadata["optional-dependencies"] = {
            extra: read_requirements(folder / f"requirements-{extra}.txt") for extra in EXTRAS
        }


class ShippedFilesHook(BuildHookInterface):
    """Puts the shipped files into a wheel, where rpf.utils.paths looks for them.

    An editable install uses those of the checkout.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "editable":
            build_data["force_include"].update({name: f"rpf/_data/{name}" for name in SHIPPED})
