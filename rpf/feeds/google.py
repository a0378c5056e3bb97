"""Product data of Google Merchant Center, as text files and as XML.

Attributes as in https://support.google.com/merchants/answer/7052112, quoting as in
https://support.google.com/merchants/answer/14998273.
"""

import csv
from collections.abc import Iterator
from typing import ClassVar

from rpf.feeds.assemble import Assembler
from rpf.feeds.format import FeedFormat
from rpf.feeds.rows import Cells, FeedRow, FieldNames, PhotoCell
from rpf.feeds.values import split_images, split_path


class GoogleFormat(FeedFormat):
    """A row for each variant; those of one product share an item_group_id."""

    name = "Google Merchant"
    fields: ClassVar[FieldNames] = {
        "id": ["id"],
        "group": ["item group id"],
        "title": ["title"],
        "url": ["link"],
        "images": ["image link", "additional image link"],
        "price": ["price"],
        "sale": ["sale price"],
        "sale dates": ["sale price effective date"],
        "available": ["availability"],
        "colour": ["color", "colour"],
        "size": ["size"],
        "categories": ["product type"],
        "google category": ["google product category"],
    }
    lists = ("images", "categories")

    def recognises(self, names: set[str]) -> bool:
        others = {"image link", "additional image link", "item group id", "google product category"}
        return "id" in names and not names.isdisjoint(others)

    def read(self, cells: Cells, assembler: Assembler) -> FeedRow | None:
        name = cells.identifier("id", "id")
        if not name:
            return None
        group = cells.product = cells.text("group") or name
        start, _, end = cells.text("sale dates").partition("/")
        return FeedRow(
            cells.line,
            group,
            variant=name,
            title=cells.text("title"),
            url=cells.url("url"),
            colour=cells.text("colour"),
            size=cells.text("size"),
            available=cells.available("available"),
            prices=cells.prices(start.strip(), end.strip()),
            categories=cells.categories(cells.label("categories"), self._paths(cells)),
            photos=tuple(_photos(cells)),
            columns=cells.columns,
        )

    def _paths(self, cells: Cells) -> Iterator[tuple[str, ...]]:
        """Yield the shop's categories, else Google's unless it is a number."""
        texts = [text for _, text in cells.values("categories")]
        for text in texts:
            yield from map(split_path, self._split(text))
        google = cells.text("google category")
        if not texts and not google.isdecimal():
            yield split_path(google)

    def _split(self, text: str) -> list[str]:
        """Split categories at commas; those with commas themselves are in quotation marks."""
        return next(csv.reader([" ".join(text.split())], skipinitialspace=True), [])


class GoogleXMLFormat(GoogleFormat):
    """An element for each variant, in which each category has an element too."""

    def _split(self, text: str) -> list[str]:
        return [text]


def _photos(cells: Cells) -> Iterator[PhotoCell]:
    for column, text in cells.values("images"):
        yield from cells.photos(column, split_images(text))
