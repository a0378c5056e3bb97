"""A small shop: five products in two colours, with two photos of each colour, over drawn garments."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from rpf.settings import Settings

COLOURS = ("red", "blue")
PRODUCTS = ("P0", "P1", "P2", "P3", "P4")


def copy_photos(paths: Iterable[Path], folder: Path) -> None:
    """Copy twenty garments as P0-red-0.jpg to P4-blue-1.jpg."""
    folder.mkdir(parents=True)
    for number, path in enumerate(list(paths)[:20]):
        shutil.copy(path, folder / f"P{number // 4}-{COLOURS[number // 2 % 2]}-{number % 2}.jpg")


def product(name: str, price: float = 0, **changes: Any) -> dict[str, Any]:
    """Return a product as JSON: P2 costs 22 in red and 27 in blue, where it is sold out."""
    price = price or 20 + int(name[1:])
    sizes = [(colour, size) for colour in COLOURS for size in "SM"]
    return {
        "id": name,
        "title": f"Shirt {name}",
        "url": f"https://shop.example/{name}",
        "categories": [["Men", "Tops"]],
        "price": price,
        "currency": "EUR",
        "columns": {"cost": "7"},
        "variants": [
            {"id": f"{name}-{colour}-{size}", "colour": colour, "size": size,
             "price": price + 5 * (colour == "blue"), "available": colour == "red"}
            for colour, size in sizes
        ],
        "photos": [
            {"source": f"{name}-{colour}-{number}.jpg", "colour": colour} for colour in COLOURS for number in range(2)
        ],
        **changes,
    }  # fmt: skip


def make_shop(settings: Settings, paths: Iterable[Path], name: str = "shop") -> None:
    """Make the collection of the shop, with its photos in its folder."""
    from rpf.collection import CollectionSpec, Writer
    from rpf.inference.load import load_model
    from rpf.ingest.sync import PhotoOptions, put_products
    from rpf.products.product import Product
    from rpf.products.table import ProductTable

    folder = settings.collections / name
    copy_photos(paths, folder / "images")
    model = load_model(settings)
    spec = CollectionSpec(model.checkpoint_hash, model.attributes, model.dim, "images", "The shop")
    products = [Product.model_validate(product(one)) for one in PRODUCTS]
    with Writer.open(folder, spec) as writer, ProductTable(folder) as table:
        put_products(writer, table, products, model, lambda phase, done, total: None, PhotoOptions())


@pytest.fixture(scope="session")
def shop_settings(
    tmp_path_factory: pytest.TempPathFactory, named_settings: Settings, wardrobe: dict[Path, dict[str, int]]
) -> Settings:
    """Return settings over the collections "shop" and "named", with a model that can name values."""
    from tests.conftest import with_instance

    base = tmp_path_factory.mktemp("shop-site")
    settings: Settings = with_instance(named_settings, base / "instance").model_copy(
        update={"collections": base / "collections", "collection": "shop"}
    )
    make_shop(settings, wardrobe)
    shutil.copytree(named_settings.collections / "named", settings.collections / "named")
    return settings
