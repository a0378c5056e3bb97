"""Rows of a feed to products: variants and photos of one product are joined."""

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from rpf.feeds.dates import DateReader
from rpf.feeds.prices import PriceReader
from rpf.feeds.problems import ProblemLog, quoted
from rpf.feeds.rows import ColumnFields, FeedRow, PriceCell
from rpf.products.product import MAX_COLUMNS, MAX_PHOTOS, MAX_VARIANTS, Photo, Product, Variant
from rpf.utils.text import format_examples

T = TypeVar("T")


class Assembler:
    """Collector of the rows of a feed, which become products at its end.

    Rows of one product need not be neighbours, and prices and dates are read as those of the whole column show.
    """

    def __init__(self, fields: ColumnFields, log: ProblemLog, currency: str, has_link: bool, now: datetime) -> None:
        """currency: of prices that name none. has_link: rows have links by a template."""
        self._fields, self._log, self._currency, self._has_link, self._now = fields, log, currency, has_link, now
        self._rows: dict[str, list[FeedRow]] = {}
        self._aliases: dict[str, str] = {}
        self._variant_lines: dict[str, int] = {}
        self._prices, self._dates = PriceReader(), DateReader()
        self._shared: dict[Any, Any] = {}  # one copy of each value
        self._orphans: list[FeedRow] = []  # variants without the row of their product
        self.hidden_rows = 0

    def alias(self, name: str, product: str) -> str:
        """Let a product have another name; return the id of the product that has it first."""
        return self._aliases.setdefault(name, product)

    def resolve(self, name: str) -> str:
        """Return the id of a product by any of its names."""
        return self._aliases.get(name, name)

    def add(self, row: FeedRow) -> None:
        """Take a row in. A variant that is there already is left out and reported."""
        if row.variant and self._variant_lines.setdefault(row.variant, row.line) != row.line:
            message = f"{quoted(row.variant)} is in line {self._variant_lines[row.variant]} too: this row is left out."
            self._report(row, "id", f"{message} Give each variant an id of its own.")
            return
        for cell in row.prices:
            self._prices.observe(cell.column, cell.text)
            self._dates.observe(cell.start)
            self._dates.observe(cell.end)
        # Rows wait for the end of the feed, therefore they share what they have in common.
        share: Callable[[T, T], T] = self._shared.setdefault
        row.product, row.colour, row.size = (share(text, text) for text in (row.product, row.colour, row.size))
        row.photos, row.prices = share(row.photos, row.photos), share(row.prices, row.prices)
        row.categories = share(row.categories, row.categories)
        names, texts = tuple(row.columns), tuple(share(text, text) for text in row.columns.values())
        row.packed_columns, row.columns = (share(names, names), texts), {}
        self._rows.setdefault(row.product, []).append(row)

    def products(self) -> Iterator[Product]:
        """Yield the products in order of appearance. The rows are gone then."""
        groups: dict[str, list[FeedRow]] = {}
        for name, rows in self._rows.items():
            groups.setdefault(self.resolve(name), []).extend(rows)
        self._rows, self._shared = {}, {}
        for product in list(groups):
            rows = sorted(groups.pop(product), key=lambda row: row.line)
            for row in rows:
                row.columns = dict(zip(*row.packed_columns, strict=True))
            rows = self._choose(product, rows)
            if rows:
                yield self._build(product, rows)

    def report_orphans(self, why: str) -> None:
        """Report the variants without the row of their product, in one problem, as a shop may have many."""
        if self._orphans:
            examples = format_examples([row.variant or row.product for row in self._orphans], len(self._orphans))
            message = f"{len(self._orphans)} rows {why} {examples}: they are left out. Export their products too."
            self._report(self._orphans[0], "id", message)

    def _choose(self, product: str, rows: list[FeedRow]) -> list[FeedRow]:
        """Return the rows that are shown: first the product's, if it has one."""
        mains = [row for row in rows if row.is_product and row.product == product]
        others = [row for row in rows if not (row.is_product and row.product == product)]
        for row in mains[1:]:
            message = f"{quoted(product)} is in line {mains[0].line} too: this row is left out."
            self._report(row, "id", f"{message} Give each product one row.")
        if mains and mains[0].is_hidden:
            self.hidden_rows += len(rows)
            return []
        self.hidden_rows += sum(row.is_hidden for row in others)
        rows = [*mains[:1], *(row for row in others if not row.is_hidden)]
        if not mains or mains[0].needs_product:
            self._orphans += [row for row in rows if row.needs_product]
            rows = [row for row in rows if not row.needs_product]
        return rows

    def _build(self, product: str, rows: list[FeedRow]) -> Product:
        main = rows[0] if rows[0].is_product and rows[0].product == product else None
        sold = [row for row in rows if row.variant]
        if main and len(sold) > 1 and not (main.colour or main.size):
            sold = [row for row in sold if row is not main]  # what all of them have in common, and no variant itself
        first = main or next(iter(sold), rows[0])
        if len(sold) > MAX_VARIANTS:
            message = f"{quoted(product)} has {len(sold):,} variants: those from here on are left out."
            self._report(sold[MAX_VARIANTS], "id", f"{message} Divide it into products of up to {MAX_VARIANTS:,}.")
            sold = sold[:MAX_VARIANTS]
        amounts, currency = self._pay(product, rows)
        columns = self._common_columns(main, sold)
        variants = tuple(
            Variant(
                id=row.variant,
                colour=row.colour,
                size=row.size,
                price=amounts.get(row.line),
                available=row.available,
                columns=self._differing_columns(row, first, columns),
            )
            for row in sold
        )
        prices = [variant.price for variant in variants if variant.price is not None]
        offered = [variant.available for variant in variants if variant.available is not None]
        return Product(
            id=product,
            title=first.title,
            url=self._url(product, main, sold),
            categories=next((row.categories for row in [first, *sold] if row.categories), ()),
            price=min(prices, default=amounts.get(first.line)),
            currency=currency,
            available=any(offered) if offered else first.available,
            columns=columns,
            variants=variants,
            photos=self._photos(product, rows, {row.colour for row in sold}),
        )

    def _url(self, product: str, main: FeedRow | None, sold: list[FeedRow]) -> str:
        """Return the address in the feed, or else that by the template: of the product's row, which variants share."""
        rows = [main] if main else sold
        url = next(filter(None, (row.url for row in [*rows, *sold])), "")
        url = url or next(filter(None, (row.link for row in rows)), "")
        if not url and self._has_link and rows:
            message = f"{quoted(product)} has no address: a column that the link needs is empty. Fill it in."
            self._report(rows[0], "", message)
        return url

    def _common_columns(self, main: FeedRow | None, sold: list[FeedRow]) -> dict[str, str]:
        """Return the columns of the product: those of its row, or else those that its variants have in common."""
        if main or not sold:
            return self._limit_columns(main, dict(main.columns)) if main else {}
        columns = dict(sold[0].columns)
        for row in sold[1:]:
            columns = {name: text for name, text in columns.items() if row.columns.get(name) == text}
        return self._limit_columns(sold[0], columns)

    def _differing_columns(self, row: FeedRow, first: FeedRow, common: dict[str, str]) -> dict[str, str]:
        """Return in what a variant differs from its product: columns, its title, its address."""
        columns = {name: text for name, text in row.columns.items() if common.get(name) != text}
        for name, text, usual in (("title", row.title, first.title), ("url", row.url, first.url)):
            if text and text != usual:
                columns.setdefault(self._fields.label(name), text)
        return self._limit_columns(row, columns)

    def _limit_columns(self, row: FeedRow, columns: dict[str, str]) -> dict[str, str]:
        if len(columns) <= MAX_COLUMNS:
            return columns
        message = f"There are {len(columns)} columns with text: those after the first {MAX_COLUMNS} are left out."
        self._report(row, "", f"{message} Export fewer.")
        return dict(list(columns.items())[:MAX_COLUMNS])

    def _photos(self, product: str, rows: list[FeedRow], colours: set[str]) -> tuple[Photo, ...]:
        """Return the photos, each once, with the colour of the variants that name it, if that is one colour.

        colours: of the variants; if they have one colour, all photos show it.
        """
        cells = [(row, cell) for row in rows for cell in row.photos]
        cells.sort(key=lambda pair: (pair[1].position == 0, pair[1].position))  # stable: else in order of appearance
        shown: dict[str, set[str]] = {}
        for row, cell in cells:
            shown.setdefault(cell.source, set()).update({row.colour} - {""} if cell.has_colour else ())
            if len(shown) > MAX_PHOTOS:
                message = (
                    f"{quoted(product)} has more than {MAX_PHOTOS} images: those from here on are left out. Name fewer."
                )
                self._report(row, "images", message)
                del shown[cell.source]
                break
        choices = {source: some or colours for source, some in shown.items()}
        return tuple(
            Photo(source=source, colour=next(iter(some)) if len(some) == 1 else "") for source, some in choices.items()
        )

    def _pay(self, product: str, rows: list[FeedRow]) -> tuple[dict[int, Decimal], str]:
        """Return the price of each line with one, and their currency: the first that is named."""
        currency = ""
        amounts: dict[int, Decimal] = {}
        for row in rows:
            for cell in row.prices:
                try:
                    if not self._in_force(cell):
                        continue
                    value = self._prices.read(cell.column, cell.text)
                    named = value.currency or row.currency
                    if named and named != (currency or named):
                        raise ValueError(f"others of {quoted(product)} are in {currency}")
                except ValueError as error:
                    message = f'The price {quoted(cell.text)} is left out: {error}. Write one such as "12.50 EUR".'
                    self._log.add(row.line, cell.column, message, product)
                    continue
                currency = currency or named
                amounts[row.line] = min(value.amount, amounts.get(row.line, value.amount))
        return amounts, currency or (self._currency if amounts else "")

    def _in_force(self, cell: PriceCell) -> bool:
        """Return whether a price is in force now. Raises ValueError for dates that cannot be read."""
        try:
            begins = not cell.start or self._dates.read(cell.start)[0] <= self._now
            return begins and (not cell.end or self._now <= self._dates.read(cell.end)[1])
        except (ValueError, OverflowError):
            raise ValueError(f"{quoted(f'{cell.start} / {cell.end}')} is no range of dates") from None

    def _report(self, row: FeedRow, name: str, message: str) -> None:
        """Report a problem of a row, in the column of a field."""
        column = self._fields.label(name) if name else ""
        self._log.add(row.line, column, message, row.product)
