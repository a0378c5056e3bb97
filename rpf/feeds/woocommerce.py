"""Product exports of WooCommerce.

Columns as in https://woocommerce.com/document/product-csv-importer-exporter/ and in the exporter and importer
themselves (WC_Product_CSV_Exporter, WC_Product_CSV_Importer).
"""

import re
from typing import ClassVar

from rpf.feeds.assemble import Assembler
from rpf.feeds.format import FeedFormat
from rpf.feeds.rows import MAX_LIST_LENGTH, Cells, FeedRow, FieldNames
from rpf.feeds.values import is_colour, is_size, split_list, split_path

_ATTRIBUTE = re.compile(r"attribute \d+ (name|value\(s\)|visible|global|default)")
_FORMULA = re.compile(r"'[=+@\t\r-]")


class WooCommerceFormat(FeedFormat):
    """A row for each product, and one for each variation that names its parent."""

    name = "WooCommerce"
    orphans = "are variations of no product in this feed"
    fields: ClassVar[FieldNames] = {
        "id": ["id"],
        "type": ["type"],
        "sku": ["sku"],
        "title": ["name"],
        "published": ["published"],
        "price": ["regular price"],
        "sale": ["sale price"],
        "sale start": ["date sale price starts"],
        "sale end": ["date sale price ends"],
        "available": ["in stock?"],
        "categories": ["categories"],
        "images": ["images"],
        "parent": ["parent"],
        "url": ["external url"],
    }

    def recognises(self, names: set[str]) -> bool:
        others = {"regular price", "parent", "is featured?", "visibility in catalog", "attribute 1 name", "in stock?"}
        return "type" in names and not names.isdisjoint({"id", "sku"}) and len(names & others) >= 2

    def read(self, cells: Cells, assembler: Assembler) -> FeedRow | None:
        number = cells.text("id")
        name = cells.text("sku") or (f"id:{number}" if number else cells.identifier("sku", "SKU or ID"))
        if not name:
            return None
        cells.product = name
        kinds = set(split_list(cells.text("type").lower(), ",")) - {"virtual", "downloadable"}
        is_variation = "variation" in kinds
        parent = cells.identifier("parent", "parent of the variation") if is_variation else ""
        if is_variation and not parent:
            return None
        if number and name != f"id:{number}":
            assembler.alias(f"id:{number}", name)
        cells.product = parent or name
        attributes = _take_attributes(cells)
        colour = size = ""
        if "variable" not in kinds:
            colour, size = cells.take_option(attributes, is_colour), cells.take_option(attributes, is_size)
        for column, text in attributes.items():
            cells.add_column(column, text)
        return FeedRow(
            cells.line,
            parent or name,
            variant="" if kinds & {"variable", "grouped"} else name,
            is_product=not is_variation,
            needs_product=is_variation,
            is_hidden=cells.text("published").lower() in ("0", "-1", "2", "false"),
            title=_plain(cells.text("title")),
            url=cells.url("url"),
            colour=colour,
            size=size,
            available=cells.available("available"),
            prices=cells.prices(cells.text("sale start"), cells.text("sale end")),
            categories=cells.categories(
                cells.label("categories"), map(split_path, split_list(cells.text("categories", MAX_LIST_LENGTH), ","))
            ),
            photos=tuple(
                photo
                for column, text in cells.values("images")
                for photo in cells.photos(column, split_list(text, ","))
            ),
            columns={
                name: _break_lines(_plain(text)) if "description" in name.lower() else _plain(text)
                for name, text in cells.columns.items()
            },
        )


def _take_attributes(cells: Cells) -> dict[str, str]:
    """Take the columns of the attributes out; return the values of each attribute by its name."""
    names: dict[str, str] = {}
    values: dict[str, str] = {}
    for column in list(cells.columns):
        match = _ATTRIBUTE.fullmatch(column.lower())
        if match:
            number, text = column.split()[1], cells.columns.pop(column)
            if match[1] == "name":
                names[number] = text.strip()
            elif match[1] == "value(s)":
                values[number] = ", ".join(split_list(_plain(text), ","))
    return {name: values[number] for number, name in names.items() if name and number in values}


def _plain(text: str) -> str:
    """Return a text without the apostrophe that the exporter puts before what a spreadsheet would run."""
    return text[1:] if _FORMULA.match(text) else text


def _break_lines(text: str) -> str:
    r"""Put line breaks in the place of the exporter's \n, but not of a \n that was in the text."""
    return r"\n".join(part.replace(r"\n", "\n") for part in text.split(r"\\n"))
