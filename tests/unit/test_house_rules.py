"""The house rules of CONTRIBUTING.md that a script can check, over the whole source tree."""

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support import ROOT

PACKAGES = ("rpf", "webapp", "wardrobe", "benchmarks")
LOOSE_MODULES = {"__init__", "__main__", "engine", "attributes", "config", "settings", "errors"}
VAGUE_NAMES = {"own", "found", "made", "seen", "there", "asked", "said", "told"}
MAX_LINES = 300


@cache
def trees(package: str) -> dict[Path, ast.Module]:
    """Return the path and the syntax tree of each module of a package."""
    paths = sorted((ROOT / package).rglob("*.py"))
    return {path.relative_to(ROOT): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def modules(*packages: str) -> Iterator[tuple[Path, ast.Module]]:
    for package in packages:
        yield from trees(package).items()


def variables(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the names that a module binds as variables or parameters, and their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno


def test_rpf_has_no_loose_modules_but_those_of_the_layout() -> None:
    assert {path.stem for path in (ROOT / "rpf").glob("*.py")} <= LOOSE_MODULES


def test_class_names_are_unique() -> None:
    names = Counter(
        node.name for _, tree in modules(*PACKAGES) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("package", [*PACKAGES, "tests"])
def test_variables_have_names_that_say_what_they_hold(package: str) -> None:
    vague = [
        f"{path}:{line} {name}"
        for path, tree in modules(package)
        for name, line in variables(tree)
        if name in VAGUE_NAMES
    ]
    assert vague == []


def test_modules_are_short() -> None:
    lengths = {path: len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path, _ in modules(*PACKAGES)}
    assert {str(path): lines for path, lines in lengths.items() if lines > MAX_LINES} == {}
