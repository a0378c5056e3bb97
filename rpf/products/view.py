"""Product view: the entries of a collection's products as arrays, for filters, counts and folded results."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from rpf.products.table import PRODUCTS_FILE, check_product_tables, unusable
from rpf.utils.sqlite import open_read_only

Fold = Literal["photo", "colour", "product"]  # what one result is: a photo, a product in one colour, or a product
FOLDS: tuple[Fold, ...] = get_args(Fold)
Ints = npt.NDArray[np.int64]
Stamp = tuple[tuple[int, int], ...]


class Facet(NamedTuple):
    """The values of a facet, and the entries that have them."""

    values: tuple[str, ...]  # in order
    entries: Ints  # (m,)
    codes: Ints  # (m,) positions in `values`


class ProductSummary(NamedTuple):
    """What is known of all products together."""

    products: int
    prices: tuple[float, float] | None  # the lowest and the highest; None if none is known
    knows_stock: bool  # of some product at least


class ProductView:
    """Snapshot of E entries: products in one colour. See rpf.products.table."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Read one state of the table. Raises sqlite3.Error, ValueError."""
        connection.execute("BEGIN")
        query = "SELECT id, product, colour, low, high, available, facets FROM entries ORDER BY id"
        rows = connection.execute(query).fetchall()
        ids, products, colours, low, high, available, facets = zip(*rows, strict=True) if rows else [()] * 7
        self.colours: tuple[str, ...] = colours
        self.ids: tuple[str, ...] = tuple(dict.fromkeys(products))
        positions = {product: position for position, product in enumerate(self.ids)}
        self.products: Ints = np.array([positions[product] for product in products], np.int64)  # (E,) positions in ids
        self.low, self.high = np.array(low, float), np.array(high, float)  # (E,) prices; NaN where unknown
        self.available = np.array([-1 if one is None else one for one in available], np.int8)  # (E,) -1 where unknown
        numbers = np.array(ids, np.int64)
        photos = np.array(connection.execute("SELECT item, entry FROM photos ORDER BY item").fetchall(), np.int64)
        self._items, of_entry = photos.reshape(-1, 2).T
        self._entries = np.searchsorted(numbers, of_entry)
        if not np.isin(of_entry, numbers).all():
            raise ValueError("a photo belongs to no product")
        values = connection.execute("SELECT id, name, value FROM facet_values ORDER BY name, value").fetchall()
        self.facets = dict(_read_facets(values, facets))

    def entries_of(self, item_ids: Ints) -> Ints:
        """Return the entry of each item (n,), -1 for those without a product."""
        if not len(self._items):
            return np.full(len(item_ids), -1)
        at = np.minimum(np.searchsorted(self._items, item_ids), len(self._items) - 1)
        return np.where(self._items[at] == item_ids, self._entries[at], -1)

    def groups_of(self, entries: Ints, images: Ints, fold: Fold) -> Ints | None:
        """Return the group (n,) of each item from its entry (n,): those with equal numbers are one result.

        images: (n,) with equal numbers for near-duplicates. Items without a product are one where their images are;
        products where all of their images are, and with fold "colour" also the names of the colours. None where each
        item is one.
        """
        if fold == "photo":
            return None
        of_entry = self.products if fold == "product" else np.arange(len(self.products))
        groups = np.append(of_entry, 0)[entries]
        alone = entries < 0
        groups[alone] = len(of_entry) + np.unique(images[alone], return_inverse=True)[1]
        colours = self.colours if fold == "colour" else [""] * len(self.ids)
        groups[~alone] = _join_duplicates(groups[~alone], images[~alone], colours)
        return groups

    @cached_property
    def summary(self) -> ProductSummary:
        """Summarise all products."""
        known = not np.isnan(self.low).all()
        prices = (float(np.nanmin(self.low)), float(np.nanmax(self.high))) if known else None
        return ProductSummary(len(self.ids), prices, bool((self.available >= 0).any()))


def _join_duplicates(groups: Ints, images: Ints, colours: Sequence[str]) -> Ints:
    """Give groups (n,) of one colour, all of whose images (n,) are the same, the number of the first of them."""
    _, image, counts = np.unique(images, return_inverse=True, return_counts=True)
    several = np.isin(groups, groups[counts[image] > 1])
    images_of: dict[int, set[int]] = defaultdict(set)
    for group, number in zip(groups[several].tolist(), image[several].tolist(), strict=True):
        images_of[group].add(number)
    numbers, first = np.arange(len(colours)), dict[tuple[str, frozenset[int]], int]()
    for group, shown in sorted(images_of.items()):
        numbers[group] = first.setdefault((colours[group].casefold(), frozenset(shown)), group)
    return numbers[groups]


def product_stamp(folder: Path) -> Stamp | None:
    """Return what changes with every change of the products of the collection in `folder`; None without products."""
    path = folder / PRODUCTS_FILE
    try:
        stats = [path.stat()]
    except FileNotFoundError:
        return None
    log = path.with_name(f"{PRODUCTS_FILE}-wal")
    if log.exists():
        stats.append(log.stat())
    return tuple((stat.st_mtime_ns, stat.st_size) for stat in stats)


def open_products(folder: Path) -> ProductView | None:
    """Read the products of the collection in `folder`; None where there are none. Raises CollectionError."""
    path = folder / PRODUCTS_FILE
    if not path.is_file():
        return None
    try:
        with open_read_only(path) as connection:
            check_product_tables(connection)
            return ProductView(connection)
    except (sqlite3.Error, ValueError, OverflowError) as error:
        raise unusable(folder.name, error) from error


def _read_facets(values: Sequence[tuple[int, str, str]], facets: Sequence[bytes]) -> Iterator[tuple[str, Facet]]:
    """Yield the facets by name. values: (id, name, value), sorted; facets: the ids of each entry's values."""
    pairs = np.frombuffer(b"".join(facets), np.int32)
    sizes = np.array([len(of_entry) for of_entry in facets], np.int64)
    if (sizes % pairs.itemsize).any():
        raise ValueError("the facets of a product are malformed")
    entries = np.repeat(np.arange(len(facets)), sizes // pairs.itemsize)
    order = np.argsort(pairs, kind="stable")
    pairs, entries = pairs[order], entries[order]
    for name, group in groupby(values, key=itemgetter(1)):
        ids, _, texts = zip(*group, strict=True)
        starts, ends = np.searchsorted(pairs, ids), np.searchsorted(pairs, ids, side="right")
        having = [entries[start:end] for start, end in zip(starts, ends, strict=True)]
        yield name, Facet(texts, np.concatenate(having), np.repeat(np.arange(len(ids)), ends - starts))
