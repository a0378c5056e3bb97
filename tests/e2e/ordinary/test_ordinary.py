"""Ordinary images through every door: accepted, and ranked the same.

`make test` sends a pairwise choice of door, format and three sizes, TEST_ORDINARY=all (`make soak`) all of each size;
the table at the end of the output has a cell for each. Add an image that was refused to `files`.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, strategies
from PIL import Image

from benchmarks.common.site_server import serve
from rpf.engine import SearchEngine
from rpf.settings import Settings
from tests.conftest import with_instance
from tests.e2e.ordinary import cases
from tests.e2e.ordinary.doors import DOORS, Doors, Ranking
from tests.e2e.ordinary.images import FORMATS, make, scene
from tests.e2e.ordinary.pairs import pairwise
from tests.support.nginx import Front, nginx

SAME = 1e-4  # similarities of one image through two doors
STORED = 2e-3  # and where its embedding was stored in 16 bits
AT_ONCE = 16
GROWTH = 600e6  # bytes above the memory at the start
LOSS = 0.05  # similarities of two encodings of one scene

Images = Callable[[str, str], Path]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    """Return a function that gives the file of a size and format, made on first use."""
    folder, added = tmp_path_factory.mktemp("ordinary"), cases.files()

    @cache
    def image(size: str, name: str) -> Path:
        path = folder / (name if size == "file" else f"{size} {name}{FORMATS[name].suffix}")
        path.write_bytes(added[name].read_bytes() if size == "file" else make(name, float(size.partition(" ")[0])))
        return path

    return image


@pytest.fixture(scope="module")
def doors(
    settings: Settings, engine: SearchEngine, photo: Path, images: Images, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Doors]:
    folder, readable = tmp_path_factory.mktemp("doors"), images(*next(iter(cases.drawn()))[1:]).parent
    with ExitStack() as stack:
        site_settings = with_instance(settings, folder / "instance")
        site = stack.enter_context(serve(site_settings, folder / "log", RPF_IMAGE_ROOTS=str(readable)))

        @cache
        def front() -> Front:
            return stack.enter_context(nginx(tmp_path_factory.mktemp("nginx"), f"127.0.0.1:{site.port}"))

        (folder / "collections").mkdir()
        yield Doors(settings, engine, site, front, photo, folder / "collections", site.resident_bytes())


def difference(one: Ranking, other: Ranking) -> float:
    """Return the largest difference of two rankings' similarities."""
    assert one.keys() == other.keys()
    return max(abs(one[item] - other[item]) for item in one)


@pytest.mark.soak
@pytest.mark.parametrize(("door", "size", "name"), [*cases.drawn(), *cases.added()])
def test_ordinary_image_is_accepted(
    doors: Doors, images: Images, door: str, size: str, name: str, record_property: Callable[[str, object], None]
) -> None:
    image = images(size, name)
    record_property("ordinary", [door, size, name, image.stat().st_size / 1e6])
    ranking = DOORS[door](doors, image)
    assert list(ranking.values()) == sorted(ranking.values(), reverse=True)
    assert difference(ranking, doors.in_process(image)) < (STORED if door in ("index", "add") else SAME)


@pytest.mark.parametrize("size", cases.sizes())
def test_formats_of_a_scene_have_the_same_ranking(doors: Doors, images: Images, size: str) -> None:
    megapixels = cases.sizes()[size]
    reference = doors.upright(scene(megapixels))
    names = [name for name, form in FORMATS.items() if megapixels <= form.max_megapixels]
    differences = {name: difference(doors.in_process(images(size, name)), reference) for name in names}
    assert {name: value for name, value in differences.items() if value > LOSS} == {}


def test_turned_image_ranks_like_its_upright_twin(doors: Doors, images: Images) -> None:
    upright = doors.in_process(images("3 MP", "jpeg"))
    turned = images("3 MP", "jpeg exif turned")
    lying = turned.with_name("lying.jpg")
    with Image.open(turned) as opened:
        opened.save(lying, exif=b"")
    assert difference(doors.in_process(turned), upright) < LOSS
    assert difference(doors.in_process(lying), upright) > 2 * LOSS


def test_memory_is_freed_after_large_images(doors: Doors, images: Images) -> None:
    image = images("12 MP", "jpeg")
    copies = [image.with_name(f"copy {number}.jpg") for number in range(AT_ONCE)]
    for number, copy in enumerate(copies):
        copy.write_bytes(image.read_bytes() + b"%d" % number)  # another hash
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(doors.submit_form, copies))
    until = time.monotonic() + 10
    while doors.site.resident_bytes() > doors.resident_bytes + GROWTH:
        assert time.monotonic() < until, f"{(doors.site.resident_bytes() - doors.resident_bytes) / 1e6:.0f} MB more"
        time.sleep(0.1)


@given(strategies.lists(strategies.tuples(*[strategies.sampled_from("abcd")] * 3), max_size=30))
def test_pairwise_choice_has_each_pair(whole: list[tuple[str, ...]]) -> None:
    def pairs(chosen: list[tuple[str, ...]]) -> set[tuple[tuple[int, str], ...]]:
        return {pair for case in chosen for pair in combinations(enumerate(case), 2)}

    chosen = pairwise(whole)
    assert set(chosen) <= set(whole)
    assert pairs(chosen) == pairs(whole)
