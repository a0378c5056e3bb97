"""Feeds for tests, written as the shop systems write them."""

from pathlib import Path
from typing import Any

from rpf.feeds import Feed, read_feed
from rpf.products import Product


def read_text(folder: Path, text: str, **options: Any) -> Feed:
    """Read a feed with this text."""
    path = folder / "feed"
    path.write_text(text, encoding="utf-8", newline="")
    return read_feed(path, **options)


def by_id(feed: Feed) -> dict[str, Product]:
    return {product.id: product for product in feed.products}


def places(feed: Feed) -> list[tuple[int, str]]:
    """Return line and column of each problem."""
    return [(problem.line, problem.column) for problem in feed.problems]


def variants(product: Product) -> list[tuple[str, str, str, str, bool | None]]:
    """Return id, colour, size, price and availability of each variant."""
    return [(one.id, one.colour, one.size, str(one.price), one.available) for one in product.variants]


def photos(product: Product) -> list[tuple[str, str]]:
    """Return source and colour of each photo."""
    return [(photo.source, photo.colour) for photo in product.photos]
