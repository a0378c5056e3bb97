"""Product exports of Magento 2 and Adobe Commerce.

Columns as in https://experienceleague.adobe.com/docs/commerce-admin/systems/data-transfer/data-attributes-product.html
and in the exporter itself (Magento_CatalogImportExport, Magento_ConfigurableImportExport).
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import ClassVar

from rpf.feeds.assemble import Assembler
from rpf.feeds.format import FeedFormat
from rpf.feeds.problems import ProblemLog, quoted
from rpf.feeds.rows import MAX_LIST_LENGTH, Cells, FeedRow, FieldNames, PhotoCell
from rpf.feeds.values import is_colour, is_size, split_list
from rpf.utils.text import format_examples

_NAME = r"\s*[A-Za-z_]\w*="
_PAIR = re.compile(rf'(?:^|,)(?P<name>{_NAME})(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<plain>.*?))(?=,{_NAME}|$)', re.S)
_NO_IMAGE = "no_selection"
_FLAGS = ("has_options", "required_options")  # of no use outside of Magento


class MagentoFormat(FeedFormat):
    """A row for each simple product, and one for each configurable product that names its variations."""

    name = "Magento 2"
    orphans = "are not visible individually, and variations of no product in this feed"
    fields: ClassVar[FieldNames] = {
        "id": ["sku"],
        "type": ["product type"],
        "store": ["store view code"],
        "title": ["name"],
        "price": ["price"],
        "sale": ["special price"],
        "sale start": ["special price from date"],
        "sale end": ["special price to date"],
        "online": ["product online"],
        "visibility": ["visibility"],
        "available": ["is in stock"],
        "categories": ["categories"],
        "images": ["base image", "additional images"],
        "hidden images": ["hide from product page"],
        "attributes": ["additional attributes"],
        "variations": ["configurable variations"],
    }

    def __init__(self, log: ProblemLog) -> None:
        super().__init__(log)
        self._rows: dict[str, FeedRow] = {}
        self._options: dict[str, tuple[str, str]] = {}  # colour and size of variations, by SKU
        self._members: dict[str, list[str]] = {}  # SKUs of the variations, by that of the configurable product
        self._last = ""

    def recognises(self, names: set[str]) -> bool:
        others = {"attribute set code", "store view code", "product websites", "additional attributes"}
        return {"sku", "product type"} <= names and not others.isdisjoint(names)

    def read(self, cells: Cells, assembler: Assembler) -> FeedRow | None:
        if self._last and cells.label("id") not in cells.raw:  # further images of the product before
            cells.product = self._last
            return FeedRow(cells.line, self._last, colour=self._rows[self._last].colour, photos=tuple(_photos(cells)))
        sku = cells.identifier("id", "SKU")
        if not sku or (cells.text("store") and sku in self._rows):  # texts of another language
            return None
        cells.product = self._last = sku
        for name, value in _pairs(cells.text("attributes", MAX_LIST_LENGTH)):
            if name not in _FLAGS:
                cells.add_column(name, value)
        kind = cells.text("type").lower()
        is_variant = kind not in ("configurable", "grouped", "bundle")
        row = FeedRow(
            cells.line,
            sku,
            variant=sku if is_variant else "",
            is_product=True,
            needs_product=cells.text("visibility").lower() == "not visible individually",
            is_hidden=cells.text("online") in ("0", "2"),
            title=cells.text("title"),
            colour=cells.take_option(cells.columns, is_colour) if is_variant else "",
            size=cells.take_option(cells.columns, is_size) if is_variant else "",
            available=cells.available("available"),
            prices=cells.prices(cells.text("sale start"), cells.text("sale end")),
            categories=cells.categories(cells.label("categories"), _paths(cells.text("categories", MAX_LIST_LENGTH))),
            photos=tuple(_photos(cells)),
            columns=cells.columns,
        )
        if kind == "configurable":
            self._claim(cells, assembler, sku)
        self._rows.setdefault(sku, row)
        if not cells.columns.get("url_key"):  # as Magento itself makes one
            cells.raw["url_key"] = _url_key(row.title)
        return row

    def _claim(self, cells: Cells, assembler: Assembler, product: str) -> None:
        """Make simple products the variations of a configurable one."""
        members = self._members.setdefault(product, [])
        for variation in cells.text("variations", MAX_LIST_LENGTH).split("|"):
            options = dict(_pairs(variation))
            sku = options.pop("sku", "").strip()
            if not sku:
                continue
            first = assembler.alias(sku, product)
            if first != product:
                cells.report(
                    cells.label("variations"),
                    f"The variation {quoted(sku)} belongs to {quoted(first)} already, where it stays. Assign it once.",
                )
                continue
            members.append(sku)
            self._options[sku] = (
                cells.take_option(options, is_colour),
                cells.take_option(options, is_size),
            )

    def finish(self, assembler: Assembler) -> None:
        for sku, (colour, size) in self._options.items():
            if row := self._rows.get(sku):
                row.colour, row.size = colour or row.colour, size or row.size
        for product, members in self._members.items():
            missing = [sku for sku in members if sku not in self._rows]
            if missing:
                examples = format_examples(missing, len(missing))
                message = f"{len(missing)} variations have no row of their own {examples}: export them too."
                self.log.add(self._rows[product].line, self.columns.label("variations"), message, product)
        self._rows = {}


def _photos(cells: Cells) -> Iterator[PhotoCell]:
    """Yield the images; their paths begin with a slash, and are relative to the folder catalog/product all the same."""
    hidden = {_NO_IMAGE, *split_list(cells.text("hidden images", MAX_LIST_LENGTH), ",")}
    for column, text in cells.values("images"):
        sources = [source for source in split_list(text, ",") if source not in hidden]
        yield from cells.photos(column, [source.lstrip("/") or source for source in sources])


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and value of "color=Black,material="Wool, Cotton"". A comma before no name belongs to the value."""
    for match in _PAIR.finditer(text):
        name = match["name"].strip(" =")
        if match["quoted"] is not None:
            yield name, match["quoted"].replace('""', '"')
        else:  # several values with such marks are "a"|"b"
            text = match["plain"]
            yield name, text[1:-1].replace('"|"', "|") if re.fullmatch(r'".*"\|".*"', text, re.S) else text


def _paths(text: str) -> Iterator[list[str]]:
    """Yield the category paths, without the root category, which customers do not see.

    Paths are separated by commas, or by "|", and names may have commas too: what does not begin with the root is a part
    of the name before.
    """
    parts = re.split(r"[|]" if "|" in text else ",", text)
    root = parts[0].split("/")[0].strip()
    paths: list[str] = []
    for part in parts:
        if paths and "/" not in part and part.strip() != root:
            paths[-1] += f",{part}"
        else:
            paths.append(part)
    for path in paths:
        yield split_list(path.strip(), "/")[1:]


def _url_key(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^0-9a-z]+", "-", plain).strip("-")
