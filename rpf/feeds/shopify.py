"""Product CSV files of Shopify, with the column names before and since 2025.

Columns as in https://help.shopify.com/en/manual/products/import-export/using-csv and its sample file.
"""

from collections.abc import Iterator
from typing import ClassVar

from rpf.feeds.assemble import Assembler
from rpf.feeds.format import FeedFormat
from rpf.feeds.problems import ProblemLog, quoted
from rpf.feeds.rows import Cells, FeedRow, FieldNames, PhotoCell, PriceCell
from rpf.feeds.values import is_colour, is_size, split_path
from rpf.products.product import MAX_ID_LENGTH, MAX_URL_LENGTH

_OPTIONS = ("1", "2", "3")
_NO_OPTION = "default title"


class ShopifyFormat(FeedFormat):
    """Rows with the same handle are a product: the first one describes it, each may have a variant and an image."""

    name = "Shopify"
    orphans = "belong to no product with a title in this feed"
    fields: ClassVar[FieldNames] = {
        "id": ["url handle", "handle"],
        "title": ["title"],
        "category": ["product category"],
        "type": ["type"],
        "status": ["status"],
        "published": ["published on online store", "published"],
        "sku": ["sku", "variant sku"],
        "price": ["price", "variant price"],
        "images": ["product image url", "image src"],
        "position": ["image position"],
        "image text": ["image alt text"],
        "variant image": ["variant image url", "variant image"],
        "tracker": ["inventory tracker", "variant inventory tracker"],
        "quantity": ["inventory quantity", "variant inventory qty"],
        "oversold": ["continue selling when out of stock", "variant inventory policy"],
        **{f"option {number} name": [f"option{number} name"] for number in _OPTIONS},
        **{f"option {number}": [f"option{number} value"] for number in _OPTIONS},
        **{f"option {number} link": [f"option{number} linked to"] for number in _OPTIONS},
    }

    def __init__(self, log: ProblemLog) -> None:
        super().__init__(log)
        self._options: dict[str, list[str]] = {}  # names of the options, by handle
        self._sku_lines: dict[str, int] = {}

    def recognises(self, names: set[str]) -> bool:
        others = {"option1 name", "variant sku", "variant price", "image src", "body (html)", "vendor"}
        return "url handle" in names or ("handle" in names and not others.isdisjoint(names))

    def read(self, cells: Cells, assembler: Assembler) -> FeedRow | None:
        handle = cells.identifier("id", "handle")
        if not handle:
            return None
        cells.product = handle
        title, is_first = cells.text("title"), handle not in self._options
        if is_first:
            self._options[handle] = [
                f"{cells.text(f'option {number} name')} {cells.text(f'option {number} link')}" for number in _OPTIONS
            ]
        values = [cells.text(f"option {number}") for number in _OPTIONS]
        named = [(name, value) for name, value in zip(self._options[handle], values, strict=True) if value]
        sku, price = cells.text("sku").removeprefix("'"), cells.text("price")  # Shopify's mark of a text, for Excel
        return FeedRow(
            cells.line,
            handle,
            variant=self._variant(cells, handle, sku, values) if sku or price or named else "",
            is_product=is_first and bool(title),
            needs_product=not (is_first and title),
            is_hidden=is_first and _is_hidden(cells),
            title=title,
            colour=next((value for name, value in named if is_colour(name)), ""),
            size=next((value for name, value in named if is_size(name)), ""),
            available=self._is_available(cells),
            prices=(PriceCell(cells.label("price"), price),) if price else (),
            categories=cells.categories(
                cells.label("category"), [split_path(cells.text("category")), list(filter(None, [cells.text("type")]))]
            ),
            photos=tuple(_photos(cells)),
            columns=cells.columns,
        )

    def _variant(self, cells: Cells, handle: str, sku: str, values: list[str]) -> str:
        """Return the SKU, or handle and options where it is missing or another variant's: Shopify has no other id."""
        line = self._sku_lines.setdefault(sku, cells.line) if sku else 0
        if line == cells.line:
            return sku
        options = [value for value in values if value and value.lower() != _NO_OPTION]
        name = " / ".join([handle, *options])[:MAX_ID_LENGTH]
        if sku:
            cells.report(
                cells.label("sku"),
                f"The SKU {quoted(sku)} is in line {line} too: the variant is called {quoted(name)}. Give each variant "
                "a SKU of its own.",
            )
        return name

    def _is_available(self, cells: Cells) -> bool | None:
        """Return whether a variant can be ordered; unknown where the quantities are in another file."""
        if cells.text("oversold").lower() in ("continue", "true", "yes"):
            return True
        if not cells.text("tracker") and "tracker" in self.columns.labels:
            return True  # nobody counts it
        return cells.available("quantity")


def _is_hidden(cells: Cells) -> bool:
    """Return whether a product is a draft, archived, unlisted, or not in the online store."""
    return cells.text("status").lower() not in ("", "active") or cells.text("published").lower() in ("false", "no", "0")


def _photos(cells: Cells) -> Iterator[PhotoCell]:
    """Yield the image of the product in this row, which is not that of the variant in it, and the variant's image."""
    text = cells.text("position")
    position = int(text) if text.isdecimal() and len(text) < 6 else 0
    for column, source in cells.values("images"):
        yield from cells.photos(column, [source], has_colour=False, position=position)
    if source := cells.text("variant image", MAX_URL_LENGTH):
        yield from cells.photos(cells.label("variant image"), [source])
