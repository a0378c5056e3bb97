"""Tables and JSON lines of no known shop system: columns by a mapping, or by their obvious names."""

import re
from typing import ClassVar

from rpf.feeds.assemble import Assembler
from rpf.feeds.format import FeedFormat
from rpf.feeds.mapping import ColumnMapping
from rpf.feeds.prices import is_currency
from rpf.feeds.problems import ProblemLog, quoted
from rpf.feeds.rows import Cells, ColumnFields, FeedRow, FieldNames, normalize
from rpf.feeds.values import split_images, split_list, split_path

_IMAGE = re.compile(
    r"(?:(?:main|product|additional) )?(?:image|photo|picture)s?(?: (?:url|link|src|path)s?)?(?: ?\d+)?"
)
_FIELDS = {"sale_price": "sale", "sale_start": "sale start", "sale_end": "sale end"}  # of a mapping, here


class _ObviousColumns(ColumnFields):
    """Fields by obvious names, with any number of columns such as "image 2"."""

    def __missing__(self, column: str) -> tuple[str, int] | None:
        if _IMAGE.fullmatch(normalize(column)):
            self.labels.setdefault("images", column)
            self[column] = ("images", 0)
            return self[column]
        return super().__missing__(column)


class PlainFormat(FeedFormat):
    """A row for each variant. Further rows of the same id are further images of it."""

    name = "CSV"
    fields: ClassVar[FieldNames] = {
        "id": ["id", "sku", "product id", "item id", "article number", "product number", "code"],
        "group": ["group", "group id", "item group id", "parent", "parent id", "parent sku"],
        "title": ["title", "name", "product name", "product title"],
        "url": ["url", "link", "product url", "product link"],
        "price": ["price"],
        "sale": ["sale price", "special price"],
        "currency": ["currency"],
        "colour": ["colour", "color"],
        "size": ["size"],
        "available": ["available", "availability", "in stock", "stock"],
        "categories": ["categories", "category", "category path"],
    }
    lists = ("images", "categories")

    def __init__(self, log: ProblemLog, mapping: ColumnMapping | None = None) -> None:
        super().__init__(log)
        self.mapping = mapping
        if mapping:
            names = {_FIELDS.get(name, name): [*map(normalize, some)] for name, some in mapping.columns().items()}
            self.columns = ColumnFields(names, self.lists)
        else:
            self.columns = _ObviousColumns(self.fields, self.lists)
        self._rows: dict[str, FeedRow] = {}

    def recognises(self, names: set[str]) -> bool:
        if self.mapping:
            return normalize(self.mapping.id) in names
        others = {*self.fields["title"], *self.fields["price"]}
        return not names.isdisjoint(self.fields["id"]) and (
            not names.isdisjoint(others) or any(map(_IMAGE.fullmatch, names))
        )

    def read(self, cells: Cells, assembler: Assembler) -> FeedRow | None:
        name = cells.identifier("id", "id")
        if not name:
            return None
        group = cells.text("group")
        cells.product = group or name
        row = FeedRow(
            cells.line,
            cells.product,
            variant=name,
            is_product=not group,
            title=cells.text("title"),
            url=cells.url("url"),
            colour=cells.text("colour"),
            size=cells.text("size"),
            available=cells.available("available"),
            currency=self._currency(cells),
            prices=cells.prices(cells.text("sale start"), cells.text("sale end")),
            categories=cells.categories(cells.label("categories"), self._paths(cells)),
            photos=tuple(
                photo
                for column, text in cells.values("images")
                for photo in cells.photos(column, self._split_images(text))
            ),
            columns=cells.columns,
        )
        first = self._rows.setdefault(name, row)
        if first is not row and _adds_images(row, first):
            return FeedRow(cells.line, first.product, colour=first.colour, photos=row.photos)
        return row

    def finish(self, assembler: Assembler) -> None:
        self._rows = {}

    def _currency(self, cells: Cells) -> str:
        code = cells.text("currency").upper()
        if code and not is_currency(code):
            cells.report(
                cells.label("currency"), f'{quoted(code)} is no currency: it is left out. Write a code such as "EUR".'
            )
            return ""
        return code

    def _paths(self, cells: Cells) -> list[tuple[str, ...]]:
        between, level = (self.mapping.category_separator, self.mapping.level_separator) if self.mapping else (",", ">")
        texts = [text for _, text in cells.values("categories")]
        paths = [path for text in texts for path in (split_list(text, between) if between else [text])]
        return [split_path(path, level) if level else (path,) for path in paths]

    def _split_images(self, text: str) -> list[str]:
        separator = self.mapping.image_separator if self.mapping else ""
        return split_list(text, separator) if separator else split_images(text)


def _adds_images(row: FeedRow, first: FeedRow) -> bool:
    """Return whether a row says nothing else than an earlier one of the same id, but for its images."""
    facts = [
        (getattr(row, name), getattr(first, name))
        for name in ("title", "url", "colour", "size", "available", "currency", "prices", "categories")
    ]
    return bool(row.photos) and all(value in ("", None, (), before) for value, before in facts)
