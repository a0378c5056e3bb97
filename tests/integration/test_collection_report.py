"""The report about a collection: a page, a plot, and lines for a terminal."""

import io
import re
import shutil
from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rpf.collection import Collection
from rpf.evaluation.collection_report import share, value_spreads
from rpf.products.product import Product
from rpf.products.table import ListedProduct, ProductTable
from rpf.settings import Settings
from tests.conftest import with_instance
from tests.support.commands import Run, snapshot
from tests.support.shop import product

ODD_NAME = "<b>1 & 2.jpg"


class PageText(HTMLParser):
    """Text, tags and addresses of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.tags, self.addresses = "", set[str](), list[str]()
        self.feed(page)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += f" {data}"


@pytest.fixture(scope="module")
def catalogue(
    named_settings: Settings, wardrobe: dict[Path, dict[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """Index nine photos and a smaller copy of one, beside a damaged file; then lose one and change one."""
    base = tmp_path_factory.mktemp("report")
    photos = base / "photos"
    photos.mkdir()
    paths = list(wardrobe)[:9]
    for path in paths:
        shutil.copy(path, photos)
    (photos / paths[0].name).rename(photos / ODD_NAME)
    with Image.open(paths[3]) as image:
        image.resize((120, 150)).save(photos / "copy.png")
    (photos / "damaged.jpg").write_bytes(paths[4].read_bytes()[:3000])
    settings = with_instance(named_settings, base / "instance").model_copy(
        update={"collections": base / "collections", "collection": "mixed"}
    )
    assert "10 added" in Run(settings)("index", "mixed", photos, "--title", "Mixed <i>", status=3)
    (photos / paths[5].name).unlink()
    shutil.copy(paths[2], photos / paths[6].name)
    return settings


def test_report_of_a_collection_tells_what_is_wrong(catalogue: Settings, tmp_path: Path) -> None:
    before = snapshot(catalogue.collections)
    output = Run(catalogue)("report", "collection", "mixed", "--out", tmp_path / "new" / "report")
    assert snapshot(catalogue.collections) == before
    files = [tmp_path / "new" / "report" / name for name in ("collection.html", "collection.png")]
    assert output.splitlines()[-2:] == list(map(str, files))
    assert "mixed: images: 10; formats: JPEG 7, PNG 1; median size: 160 × 200 pixels;" in output
    assert "Images that cannot be read: 3" in output and "Near-duplicates: 1" in output
    collection = Collection.open(catalogue.collections / "mixed")
    unrecognised = int((collection.presence_by_attribute.max(axis=0) < 0.85).sum())
    assert f"Images with nothing recognised: {unrecognised}" in output
    assert "Products" not in output

    page = PageText(files[0].read_text(encoding="utf-8"))
    assert page.text.startswith("Mixed <i>: report of ")
    for words in (
        "005.jpg missing",
        "006.jpg changed since it was indexed",
        "damaged.jpg The image is damaged or cut off and cannot be decoded.",
        "003.jpg copy.png",
        "Sleeve length sleeveless",
    ):
        assert words in page.text, words
    # Nothing in it acts or comes from elsewhere.
    assert not page.tags & {"script", "link", "iframe", "object"}
    images = [one for one in page.addresses if not one.startswith("#")]
    assert images and all(one.startswith("data:image/webp;base64,") for one in images)
    with Image.open(io.BytesIO(b64decode(images[0].partition(",")[2]))) as thumbnail:
        assert max(thumbnail.size) <= 200
    with Image.open(files[1]) as plot:
        assert plot.format == "PNG" and plot.width > 800


def test_report_escapes_names(catalogue: Settings, tmp_path: Path) -> None:
    photos = Collection.open(catalogue.collections / "mixed").root
    content = (photos / ODD_NAME).read_bytes()
    (photos / ODD_NAME).unlink()
    try:
        Run(catalogue)("report", "collection", "mixed", "--out", tmp_path)
    finally:
        (photos / ODD_NAME).write_bytes(content)
    page = (tmp_path / "collection.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;1 &amp; 2.jpg" in page and ODD_NAME not in page
    assert "<h1>Mixed &lt;i&gt;</h1>" in page


def test_spread_counts_each_item_once(catalogue: Settings) -> None:
    collection = Collection.open(catalogue.collections / "mixed")
    spreads = value_spreads(collection)
    assert [spread.total for spread in spreads] == [10] * len(collection.vocabulary)
    for position, spread in enumerate(spreads):
        missing = collection.presence_by_attribute[position] < 0.5
        likely = collection.recognised.probabilities[position]
        assert spread.missing == missing.sum()
        assert sum(value.sure for value in spread.values) == (~missing & (likely >= np.float16(0.95))).sum()
    assert any(value.total for spread in spreads for value in spread.values)


def test_report_names_products_without_a_photo(shop_settings: Settings, tmp_path: Path) -> None:
    settings = shop_settings.model_copy(update={"collections": tmp_path / "collections"})
    shutil.copytree(shop_settings.collections / "shop", settings.collections / "shop")
    with ProductTable(settings.collections / "shop") as table:
        bare = Product.model_validate(product("P9", title="Bare & plain"))
        table.put([ListedProduct(bare, {})])
    output = Run(settings)("report", "collection", "shop", "--out", tmp_path / "report")
    assert "shop: images: 20; products: 6;" in output and "Products without a photo: 1" in output
    assert "Bare & plain P9" in PageText((tmp_path / "report" / "collection.html").read_text(encoding="utf-8")).text


def test_report_without_values_and_images_says_so(run: Run, living: Settings, folder: Path, tmp_path: Path) -> None:
    shutil.rmtree(folder / "images")
    output = run("report", "collection", "shop", "--out", tmp_path / "report")
    assert "Images that cannot be read: 11" in output and "Images with nothing recognised: unknown" in output
    page = (tmp_path / "report" / "collection.html").read_text(encoding="utf-8")
    assert "No values are known." in page
    assert (tmp_path / "report" / "collection.png").read_bytes().startswith(b"\x89PNG")
    assert 'There is no collection named "nowhere"' in run("report", "collection", "nowhere", status=2)


def test_section_lists_the_first_24_and_counts_the_others(named_settings: Settings, tmp_path: Path) -> None:
    settings = named_settings.model_copy(update={"collections": tmp_path / "collections"})
    shutil.copytree(named_settings.collections / "named", settings.collections / "named")
    manifest = settings.collections / "named" / "manifest.json"
    root = str(Collection.open(settings.collections / "named").root)
    manifest.write_text(manifest.read_text().replace(root, str(tmp_path / "gone")))
    Run(settings)("report", "collection", "named", "--out", tmp_path / "report")
    page = (tmp_path / "report" / "collection.html").read_text(encoding="utf-8")
    assert "And 16 more." in page and len(re.findall("<figcaption>[^<]+<span>missing", page)) == 24


@pytest.mark.parametrize(("count", "total", "text"), [(0, 0, "0%"), (1, 1000, "<1%"), (1, 3, "33%"), (3, 3, "100%")])
def test_share_of_few_is_not_zero(count: int, total: int, text: str) -> None:
    assert share(count, total) == text
