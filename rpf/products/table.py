"""The product table: products, and which of a collection's items are their photos, in SQLite beside the items.

A search needs little of a product: an *entry* is a product in one colour, with its prices, its availability and its
facets; each item belongs to one entry. All else is kept as JSON, for the pages that show it. Changes are transactions
and touch no embedding.
"""

import json
import sqlite3
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from rpf.errors import CollectionError
from rpf.products.product import Product
from rpf.utils.sqlite import BUSY_SECONDS, check_tables, open_read_only, transaction

PRODUCTS_FILE = "products.sqlite"
MAX_PRICE_RANGES = 64  # collections whose price ranges are in memory
CATEGORY, COLOUR, SIZE = "category", "colour", "size"  # which every collection of products has
LEVELS = " > "  # between the levels of a category
SEVERAL = "|"  # between the values of a column
TABLES = {
    "products": "CREATE TABLE products (id TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID",
    "entries": "CREATE TABLE entries (id INTEGER PRIMARY KEY, product TEXT NOT NULL, colour TEXT NOT NULL, low REAL, "
    "high REAL, available INTEGER, facets BLOB NOT NULL)",  # facets: ids of values, 32 bits each
    "facet_values": "CREATE TABLE facet_values (id INTEGER PRIMARY KEY, name TEXT NOT NULL, value TEXT NOT NULL)",
    "photos": "CREATE TABLE photos (item INTEGER PRIMARY KEY, entry INTEGER NOT NULL, place INTEGER NOT NULL)",
    # Items that were photos, and are to be removed unless they become photos again.
    "outdated": "CREATE TABLE outdated (item INTEGER PRIMARY KEY)",
    # Photos that were fetched, and how their servers tell whether they have changed.
    "addresses": "CREATE TABLE addresses (url TEXT PRIMARY KEY, path TEXT NOT NULL, etag TEXT NOT NULL, "
    "modified TEXT NOT NULL) WITHOUT ROWID",
    # Columns of the feed that are facets too.
    "columns": "CREATE TABLE columns (name TEXT PRIMARY KEY) WITHOUT ROWID",
}
_INDEXES = {
    "entries_of_product": "CREATE UNIQUE INDEX entries_of_product ON entries (product, colour)",
    "facet_value": "CREATE UNIQUE INDEX facet_value ON facet_values (name, value)",
    "photos_of_entry": "CREATE INDEX photos_of_entry ON photos (entry)",
}


class Address(NamedTuple):
    """A photo that was fetched."""

    path: str  # in the collection's image folder
    etag: str  # as the server gave it, "" where it gives none
    modified: str


class ListedProduct(NamedTuple):
    """A product, and the items that are its photos."""

    product: Product
    items: Mapping[str, int]  # source of a photo -> id of the item, for those that could be read


class ProductTable(AbstractContextManager["ProductTable"]):
    """The products of a collection, for the process that holds the collection's lock.

    Raises CollectionError for a damaged file, and where the system refuses.
    """

    def __init__(self, folder: Path, columns: Sequence[str] | None = None) -> None:
        """Open the products of the collection in `folder`, and create the file if there is none.

        columns: those of the feed that become facets, in place of the ones before; None leaves them.
        """
        self._name = folder.name
        self._values: dict[tuple[str, str], int] = {}  # ids of facets' values
        self._connection = sqlite3.connect(folder / PRODUCTS_FILE, timeout=BUSY_SECONDS, isolation_level=None)
        with self._reporting():
            self._connection.executescript("PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = OFF")
            if not self._connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                with transaction(self._connection):
                    for statement in (*TABLES.values(), *_INDEXES.values()):
                        self._connection.execute(statement)
            check_product_tables(self._connection)
            self._connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
            self.columns = tuple(name for (name,) in self._connection.execute("SELECT name FROM columns"))
        if columns is not None and set(columns) != set(self.columns):
            self._set_columns(columns)

    def __exit__(self, *exc: object) -> None:
        self._connection.close()

    def put(self, products: Iterable[ListedProduct]) -> None:
        """Add products, or replace those with their ids. An item that is another product's photo stays there."""
        with self._change():
            for product, items in products:
                self._delete(product.id)
                self._insert(product, items)

    def delete(self, ids: Iterable[str]) -> None:
        """Delete products; their items stay."""
        with self._change():
            for product_id in ids:
                self._delete(product_id)

    def products(self, ids: Iterable[str] | None = None) -> Iterator[ListedProduct]:
        """Yield these products, as far as they exist, or all, in the order of their ids."""
        with self._reporting():
            yield from _read(self._connection, ids)

    def outdated(self) -> list[int]:
        """Return the items that were photos of a product, and are none now."""
        with self._reporting():
            return [item for (item,) in self._connection.execute("SELECT item FROM outdated ORDER BY item")]

    def forget_outdated(self) -> None:
        """Forget these items, which were removed."""
        with self._change():
            self._connection.execute("DELETE FROM outdated")

    def addresses(self) -> dict[str, Address]:
        """Return the photos that were fetched, by URL."""
        with self._reporting():
            rows = self._connection.execute("SELECT url, path, etag, modified FROM addresses")
            return {url: Address(*rest) for url, *rest in rows}

    def put_address(self, url: str, address: Address) -> None:
        """Remember a photo that was fetched."""
        with self._change():
            self._connection.execute("INSERT OR REPLACE INTO addresses VALUES (?, ?, ?, ?)", (url, *address))

    def _insert(self, product: Product, items: Mapping[str, int]) -> None:
        self._connection.execute("INSERT INTO products VALUES (?, ?)", (product.id, product.model_dump_json()))
        entries: dict[str, int] = {}
        for place, photo in enumerate(product.photos):
            if (item := items.get(photo.source)) is None:
                continue
            if photo.colour not in entries:
                entries[photo.colour] = self._insert_entry(product, photo.colour)
            self._connection.execute(
                "INSERT OR IGNORE INTO photos VALUES (?, ?, ?)", (item, entries[photo.colour], place)
            )
            self._connection.execute("DELETE FROM outdated WHERE item = ?", [item])

    def _insert_entry(self, product: Product, colour: str) -> int:
        low, high, available = product.offer(colour)
        facets = {self._facet_value(*pair) for pair in _facets(product, colour, self.columns)}
        row = product.id, colour, None if low is None else float(low), None if high is None else float(high), available
        return self._insert_row(
            "INSERT INTO entries (product, colour, low, high, available, facets) VALUES (?, ?, ?, ?, ?, ?)",
            (*row, array("i", sorted(facets)).tobytes()),
        )

    def _facet_value(self, name: str, value: str) -> int:
        """Return the id of a facet's value, which gets one if it is new."""
        if (name, value) not in self._values:
            query = "SELECT id FROM facet_values WHERE name = ? AND value = ?"
            row = self._connection.execute(query, (name, value)).fetchone()
            insert = "INSERT INTO facet_values (name, value) VALUES (?, ?)"
            self._values[name, value] = row[0] if row else self._insert_row(insert, (name, value))
        return self._values[name, value]

    def _insert_row(self, statement: str, values: tuple[object, ...]) -> int:
        row = self._connection.execute(statement, values).lastrowid
        assert row is not None
        return row

    def _delete(self, product_id: str) -> None:
        for (entry,) in self._connection.execute("SELECT id FROM entries WHERE product = ?", [product_id]).fetchall():
            self._connection.execute("INSERT OR IGNORE INTO outdated SELECT item FROM photos WHERE entry = ?", [entry])
            self._connection.execute("DELETE FROM photos WHERE entry = ?", [entry])
            self._connection.execute("DELETE FROM entries WHERE id = ?", [entry])
        self._connection.execute("DELETE FROM products WHERE id = ?", [product_id])

    def _set_columns(self, columns: Sequence[str]) -> None:
        products = list(self.products())
        self.columns = tuple(columns)
        with self._change():
            self._connection.execute("DELETE FROM columns")
            self._connection.executemany("INSERT INTO columns VALUES (?)", [(name,) for name in self.columns])
            for product, items in products:
                self._delete(product.id)
                self._insert(product, items)

    @contextmanager
    def _change(self) -> Iterator[None]:
        """Make a block one transaction; report what SQLite refuses."""
        self._values.clear()  # ids that a transaction gave are gone if it is rolled back
        with self._reporting(), transaction(self._connection):
            yield

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """Raise what SQLite or a damaged row refuses as CollectionError."""
        try:
            yield
        except (sqlite3.Error, ValueError) as error:
            raise unusable(self._name, error) from error


def check_product_tables(connection: sqlite3.Connection) -> None:
    """Raise ValueError unless the database has our tables and nothing else."""
    check_tables(connection, PRODUCTS_FILE, {**TABLES, **_INDEXES})


def read_products(folder: Path, ids: Iterable[str] | None = None) -> dict[str, ListedProduct]:
    """Return these products of the collection in `folder`, as far as they exist, or all, in the order of their ids.

    Raises CollectionError for a damaged file.
    """
    if not (folder / PRODUCTS_FILE).is_file():
        return {}
    try:
        with open_read_only(folder / PRODUCTS_FILE) as connection:
            check_product_tables(connection)
            return {listed.product.id: listed for listed in _read(connection, ids)}
    except (sqlite3.Error, ValueError) as error:
        raise unusable(folder.name, error) from error


@lru_cache(maxsize=MAX_PRICE_RANGES)
def price_ranges(folder: Path, stamp: object) -> dict[str, tuple[float, float]]:
    """Read the price ranges of one state (`stamp`) of the products once: it takes 10 ms for a thousand of them."""
    return read_price_ranges(folder)


def read_price_ranges(folder: Path) -> dict[str, tuple[float, float]]:
    """Return the lowest and the highest price of each currency in the collection in `folder`, "" where unknown.

    Of products with a photo. Raises CollectionError for a damaged file.
    """
    query = (
        "SELECT coalesce(json_extract(data, '$.currency'), '') AS currency, min(low), max(high) FROM entries "
        "JOIN products ON products.id = product WHERE low IS NOT NULL GROUP BY currency ORDER BY currency"
    )
    try:
        with open_read_only(folder / PRODUCTS_FILE) as connection:
            check_product_tables(connection)
            return {currency: (low, high) for currency, low, high in connection.execute(query)}
    except (sqlite3.Error, ValueError) as error:
        raise unusable(folder.name, error) from error


def _read(connection: sqlite3.Connection, ids: Iterable[str] | None) -> Iterator[ListedProduct]:
    """Yield products, in the order of their ids."""
    query, values = "SELECT id, data FROM products", list[str]()
    if ids is not None:
        query, values = f"{query} WHERE id IN (SELECT value FROM json_each(?))", [json.dumps(list(ids))]
    photos = "SELECT place, item FROM photos JOIN entries ON entries.id = entry WHERE product = ?"
    for product_id, data in connection.execute(f"{query} ORDER BY id", values).fetchall():
        product, items = Product.model_validate_json(data), dict(connection.execute(photos, [product_id]).fetchall())
        yield ListedProduct(product, {one.source: items[at] for at, one in enumerate(product.photos) if at in items})


def _facets(product: Product, colour: str, columns: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the names and values of an entry's facets."""
    variants = product.variants_in(colour)
    for path in product.categories:
        for level in range(1, len(path) + 1):
            yield CATEGORY, LEVELS.join(path[:level])
    yield from ((COLOUR, name) for name in ([colour] if colour else [one.colour for one in variants]) if name)
    yield from ((SIZE, one.size) for one in variants if one.size)
    for name in columns:
        for texts in (product.columns, *(variant.columns for variant in variants)):
            yield from ((name, value) for part in texts.get(name, "").split(SEVERAL) if (value := part.strip()))


def unusable(name: str, why: object) -> CollectionError:
    """Make the error for products that cannot be used."""
    return CollectionError("The products of the collection %(name)s cannot be used: %(why)s.", name=name, why=why)
