"""A product feed, read from a file."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from rpf.errors import FeedError
from rpf.feeds.assemble import Assembler
from rpf.feeds.files import FeedRecord, detect_kind, read_lines
from rpf.feeds.format import FeedFormat
from rpf.feeds.google import GoogleFormat, GoogleXMLFormat
from rpf.feeds.google_xml import read_google_xml
from rpf.feeds.json_lines import read_json_lines
from rpf.feeds.link import MAX_COLUMNS_SHOWN, LinkTemplate
from rpf.feeds.magento import MagentoFormat
from rpf.feeds.mapping import ColumnMapping, read_mapping
from rpf.feeds.plain import PlainFormat
from rpf.feeds.prices import is_currency
from rpf.feeds.problems import NUL, FeedProblem, ProblemLog, quoted
from rpf.feeds.rows import Cells, normalize
from rpf.feeds.shopify import ShopifyFormat
from rpf.feeds.table import FeedTable
from rpf.feeds.woocommerce import WooCommerceFormat
from rpf.products.product import MAX_ID_LENGTH, Product

_FORMATS: tuple[type[FeedFormat], ...] = (MagentoFormat, ShopifyFormat, WooCommerceFormat, GoogleFormat, PlainFormat)
_EXPECTED = {"title": "products have no name", "price": "products have no price", "images": "products have no photos"}


class Feed(NamedTuple):
    """Products of a feed in order of appearance, and what is wrong with it in order of lines."""

    format: str  # "Magento 2", "Shopify", "WooCommerce", "Google Merchant", "CSV", "JSON lines"
    products: tuple[Product, ...]
    problems: tuple[FeedProblem, ...]
    rows: int  # in the file, without its header and empty ones
    hidden_rows: int  # of products that the shop does not show (drafts, archived, disabled), which are left out


def read_feed(
    path: Path, *, mapping: Path | None = None, currency: str = "", link: str = "", now: datetime | None = None
) -> Feed:
    """Read a product feed of any known format.

    mapping: YAML file that says which columns are which fields; without one the format is recognised by the header.
    currency: of prices that name none (ISO 4217).
    link: template of the products' addresses, such as "https://shop.example/{url_key}.html", for feeds without them.
    now: moment, with its time zone, at which sale prices have to be in force.

    Raises FeedError for a file that is no feed, and for an unusable mapping, currency or link.
    """
    if currency and not is_currency(currency):
        raise FeedError('"%(currency)s" is no currency. Give a code such as USD.', currency=currency)
    reader = _FeedReader(path, LinkTemplate(link), currency, now or datetime.now(timezone.utc))
    column_mapping = read_mapping(mapping) if mapping else None
    if path.exists() and not path.is_file():  # reading a pipe would block
        raise FeedError('The feed "%(path)s" is no file. Save it as one.', path=path)
    try:
        return reader.read(column_mapping)
    except OSError as error:
        why = error.strerror or str(error)
        raise FeedError('The feed "%(path)s" cannot be read: %(why)s.', path=path, why=why) from None


class _FeedReader:
    def __init__(self, path: Path, link: LinkTemplate, currency: str, now: datetime) -> None:
        self._path, self._link, self._currency, self._now = path, link, currency, now
        self._log = ProblemLog()

    def read(self, mapping: ColumnMapping | None) -> Feed:
        kind = detect_kind(self._path)
        if kind == "table":
            return self._read_table(mapping)
        if kind == "json":
            lines = read_lines(self._path, self._log)
            return self._assemble(PlainFormat(self._log, mapping), read_json_lines(lines, self._log), "JSON lines")
        if mapping:
            raise FeedError("A mapping is for tables and JSON lines: XML has Google's names. Leave it out.")
        return self._assemble(GoogleXMLFormat(self._log), read_google_xml(self._path))

    def _read_table(self, mapping: ColumnMapping | None) -> Feed:
        forms = [PlainFormat(self._log, mapping)] if mapping else [form(self._log) for form in _FORMATS]

        def recognise(header: Sequence[str]) -> FeedFormat | None:
            names = set(map(normalize, header))
            return next((form for form in forms if form.recognises(names)), None)

        def rate(header: Sequence[str]) -> tuple[bool, int]:
            return recognise(header) is not None, len(set(header))

        table = FeedTable(read_lines(self._path, self._log), rate, self._log)
        form = recognise(table.header)
        columns = ", ".join(quoted(column) for column in table.header[:MAX_COLUMNS_SHOWN] if column) or "none"
        if form is None and mapping:
            raise FeedError(
                'The mapping names "%(id)s" as the id, which is no column of the feed "%(path)s". Its columns: '
                "%(columns)s.",
                id=mapping.id, path=self._path, columns=columns,
            )  # fmt: skip
        if form is None:
            raise FeedError(
                'The feed "%(path)s" has neither the columns of an export of Magento 2, Shopify, WooCommerce or Google '
                "Merchant Center, nor an id with a title, price or image. Its columns: %(columns)s. Give a mapping: "
                'a file with "id: COLUMN", "title: COLUMN", "price: COLUMN" and "images: COLUMN".',
                path=self._path, columns=columns,
            )  # fmt: skip
        self._check_header(form, table, mapping)
        return self._assemble(form, table.records())

    def _check_header(self, form: FeedFormat, table: FeedTable, mapping: ColumnMapping | None) -> None:
        """Give columns their fields, and report those that are missing or have an unusable name."""
        for column in table.header:
            if len(column) > MAX_ID_LENGTH or NUL in column:
                message = f"The name of the column is no text of up to {MAX_ID_LENGTH} characters: it is left out."
                self._log.add(table.header_line, column[:MAX_ID_LENGTH], f"{message} Rename it.")
            elif column:
                form.columns[column]
        names = set(map(normalize, table.header))
        fields = mapping.columns() if mapping else {}
        for column in (column for columns in fields.values() for column in columns):
            if normalize(column) not in names:
                message = "The mapping names this column, which is missing. Correct the mapping, or export the column."
                self._log.add(table.header_line, column, message)
        for name, effect in _EXPECTED.items():
            if name not in form.columns.labels and name not in fields:
                hint = f'Export it too, or give a mapping with "{name}: COLUMN".'
                hint = "Add it to the mapping." if mapping else hint
                self._log.add(table.header_line, name, f"The column is missing: {effect}. {hint}")

    def _assemble(self, form: FeedFormat, records: Iterable[FeedRecord], name: str = "") -> Feed:
        assembler = Assembler(form.columns, self._log, self._currency, bool(self._link.names), self._now)
        count = usable = 0
        for record in records:
            count += 1
            cells = Cells(record, form.columns)
            row = form.read(cells, assembler)
            for column, message in cells.problems:
                self._log.add(cells.line, column, message, cells.product)
            if row:
                usable += 1
                row.link = self._link.fill(cells.raw)
                assembler.add(row)
        count += self._log.broken_rows
        if count and not usable:
            raise FeedError(
                'The feed "%(path)s" has no usable row. The last problem: %(problem)s',
                path=self._path, problem=str(self._log.problems[-1]),
            )  # fmt: skip
        self._link.check(form.columns)
        form.finish(assembler)
        products = tuple(assembler.products())
        assembler.report_orphans(form.orphans)
        problems = [problem._replace(product=assembler.resolve(problem.product)) for problem in self._log.problems]
        problems.sort(key=lambda problem: problem.line)
        return Feed(name or form.name, products, tuple(problems), count, assembler.hidden_rows)
