"""Rows of a feed: the fields that a format gives its columns, and what a row says of a product."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from rpf.feeds.files import FeedRecord
from rpf.feeds.problems import NUL, quoted
from rpf.feeds.values import parse_availability
from rpf.products.product import (
    MAX_CATEGORIES,
    MAX_CATEGORY_LEVELS,
    MAX_COLUMN_LENGTH,
    MAX_ID_LENGTH,
    MAX_URL_LENGTH,
    check_source,
    check_url,
)

MAX_LIST_LENGTH = 100_000  # characters of a cell with several values
FieldNames = Mapping[str, Sequence[str]]  # field -> names of its columns (normalized), the preferred one first


class PhotoCell(NamedTuple):
    """A photo that a row names."""

    source: str
    has_colour: bool = True  # it shows the colour of its row
    position: int = 0  # among the product's photos, from 1; 0 where the row does not say


class PriceCell(NamedTuple):
    """A price that a row names, in force from `start` to `end` (dates as they came)."""

    column: str
    text: str
    start: str = ""
    end: str = ""


@dataclass(slots=True, eq=False)
class FeedRow:
    """What a row says of a product or of one of its variants."""

    line: int
    product: str  # id of the product, or another name of it: see Assembler.alias
    variant: str = ""  # its id; "" where the row is no variant
    is_product: bool = False  # the row describes the product as a whole
    needs_product: bool = False  # the variant is not sold without the row of its product
    is_hidden: bool = False  # the shop does not show it
    title: str = ""
    url: str = ""
    link: str = ""  # by the template
    colour: str = ""
    size: str = ""
    available: bool | None = None
    currency: str = ""
    prices: tuple[PriceCell, ...] = ()  # of which the lowest one in force is paid
    categories: tuple[tuple[str, ...], ...] = ()
    photos: tuple[PhotoCell, ...] = ()
    columns: dict[str, str] = field(default_factory=dict)
    packed_columns: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())  # names and texts, while the row waits


class ColumnFields(dict[str, "tuple[str, int] | None"]):
    """The field of each column, and its rank among the columns of that field; None for further columns."""

    def __init__(self, names: FieldNames, lists: Sequence[str]) -> None:
        """lists: fields that may have several columns; of another field's columns the others are further columns."""
        super().__init__()
        self.lists = lists
        self._places = {name: (key, rank) for key, some in names.items() for rank, name in enumerate(some)}
        self.labels: dict[str, str] = {}  # field -> its column in this feed

    def __missing__(self, column: str) -> tuple[str, int] | None:
        place = self._places.get(normalize(column))
        if place:
            self.labels.setdefault(place[0], column)
        self[column] = place
        return place

    def label(self, name: str) -> str:
        """Return the column of a field as the feed writes it, or else the field's name."""
        return self.labels.get(name, name)


def normalize(column: str) -> str:
    """Return the name of a column without regard to case, and to spaces, underscores and hyphens."""
    return " ".join(column.casefold().replace("_", " ").replace("-", " ").split())


class Cells:
    """Cells of a row by field, and the further ones as columns; reports those that cannot be used."""

    __slots__ = ("_fields", "_values", "columns", "line", "problems", "product", "raw")

    def __init__(self, record: FeedRecord, fields: ColumnFields) -> None:
        self.line, self.raw = record
        self.product = ""  # of the problems
        self.problems: dict[tuple[str, str], None] = {}  # columns and messages, each once
        self._fields = fields
        self._values: dict[str, list[tuple[str, str]]] = {}  # field -> column and text
        self.columns: dict[str, str] = {}
        ranks: dict[str, int] = {}
        for column, value in self.raw.items():
            place = fields[column]
            if place is None:
                self.add_column(column, value if isinstance(value, str) else ", ".join(value))
                continue
            name, rank = place
            texts = [(column, text.strip()) for text in ([value] if isinstance(value, str) else value) if text.strip()]
            if name in fields.lists:
                self._values.setdefault(name, []).extend(texts)
            elif texts and rank <= ranks.get(name, rank):
                for other, text in self._values.get(name, ()):
                    self.add_column(other, text)
                self._values[name], ranks[name] = texts, rank
            elif texts:
                self.add_column(column, texts[0][1])

    def add_column(self, column: str, text: str) -> None:
        """Keep a further column as it came, if it can be stored."""
        if not column or len(column) > MAX_ID_LENGTH or NUL in column:
            return  # the header is reported once
        if NUL in text:
            self.report(column, "The text has a NUL byte: it is left out. Export the feed again.")
        elif len(text) > MAX_COLUMN_LENGTH:
            self.report(column, f"The text is left out. Write up to {MAX_COLUMN_LENGTH:,} characters.")
        elif text:
            self.columns[column] = text

    def report(self, column: str, message: str) -> None:
        self.problems[column, message] = None

    def label(self, name: str) -> str:
        """Return the column of a field as the feed writes it."""
        return self._fields.label(name)

    def values(self, name: str) -> Iterator[tuple[str, str]]:
        """Yield column and text of a field with several columns."""
        for column, text in self._values.get(name, ()):
            if checked := self.check(column, text, MAX_LIST_LENGTH):
                yield column, checked

    def text(self, name: str, limit: int = MAX_ID_LENGTH) -> str:
        """Return the text of a field; "" if there is none or it cannot be stored, which is reported."""
        return self.check(*self._values[name][0], limit) if self._values.get(name) else ""

    def check(self, column: str, text: str, limit: int = MAX_ID_LENGTH) -> str:
        """Return a text of a column, stripped; "" if it cannot be stored, which is reported."""
        if NUL in text:
            self.report(column, "The text has a NUL byte: it is left out. Export the feed again.")
        elif len(text) > limit:
            self.report(column, f"{quoted(text)} is too long: it is left out. Write up to {limit:,} characters.")
        else:
            return text.strip()
        return ""

    def identifier(self, name: str, what: str) -> str:
        """Return an id; "" if it is missing or cannot be used, which is reported: the row is to be left out."""
        if not self._values.get(name):
            self.report(self.label(name), f"The {what} is missing: the row is left out. Give each row one.")
        return self.text(name)

    def url(self, name: str) -> str:
        """Return an address of the shop; "" if there is none or it is another scheme's, which is reported."""
        text = self.text(name, MAX_URL_LENGTH)
        try:
            return text and check_url(text)
        except ValueError:
            self.report(
                self.label(name), f"{quoted(text)} is no http or https address: it is left out. Write it whole."
            )
            return ""

    def available(self, name: str) -> bool | None:
        """Return the availability; None if the row does not tell."""
        text = self.text(name)
        try:
            return parse_availability(text) if text else None
        except ValueError:
            self.report(
                self.label(name), f'The availability {quoted(text)} is unknown. Write "in stock" or "out of stock".'
            )
            return None

    def take_option(self, options: dict[str, str], is_option: Callable[[str], bool]) -> str:
        """Take the option or attribute out that is the colour or the size, that with the shortest name first."""
        names = sorted(filter(is_option, options), key=len)
        return self.check(names[0], options.pop(names[0])) if names else ""

    def prices(self, start: str, end: str) -> tuple[PriceCell, ...]:
        """Return the price, and the sale price that is in force from `start` to `end` (dates as they came)."""
        prices = [PriceCell(self.label("price"), text)] if (text := self.text("price")) else []
        if text := self.text("sale"):
            prices.append(PriceCell(self.label("sale"), text, start, end))
        return tuple(prices)

    def categories(self, column: str, paths: Iterable[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
        """Return the category paths that have levels, each once; report those that are too long."""
        usable: dict[tuple[str, ...], None] = {}
        for path in filter(None, paths):
            if len(usable) >= MAX_CATEGORIES or len(path) > MAX_CATEGORY_LEVELS or max(map(len, path)) > MAX_ID_LENGTH:
                self.report(
                    column,
                    f"The category {quoted(' > '.join(path))} is left out. Write up to {MAX_CATEGORIES} with up to "
                    f"{MAX_CATEGORY_LEVELS} levels, and names of up to {MAX_ID_LENGTH} characters.",
                )
            else:
                usable[tuple(path)] = None
        return tuple(usable)

    def photos(
        self, column: str, sources: Sequence[str], has_colour: bool = True, position: int = 0
    ) -> Iterator[PhotoCell]:
        """Yield the photos among sources; report those that are neither an address nor a path inside of a folder."""
        for source in sources:
            try:
                if len(source) > MAX_URL_LENGTH:
                    raise ValueError(f"it has more than {MAX_URL_LENGTH:,} characters")
                if NUL in source:
                    raise ValueError("it has a NUL byte")
                yield PhotoCell(check_source(source), has_colour, position)
            except ValueError as error:
                self.report(
                    column,
                    f"The image {quoted(source)} is left out: {error}. Give an http or https address, or a path "
                    "relative to the image folder.",
                )
