"""Products in a collection's folder: filters, counts and groups against a plain computation, changes, and damage."""

import sqlite3
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpf.errors import CollectionError, QueryError
from rpf.products import filters
from rpf.products.filters import ProductFilter, count_facets, passing_entries
from rpf.products.product import Photo, Product, Variant
from rpf.products.table import PRODUCTS_FILE, ListedProduct, ProductTable, read_price_ranges, read_products
from rpf.products.view import Fold, ProductView, open_products, product_stamp

COLOURS, SIZES, KINDS = ("red", "blue"), ("S", "M"), (("Men", "Tops"), ("Men", "Trousers"), ("Women",))
FOLDS: tuple[Fold, ...] = ("photo", "colour", "product")


def shirt(name: str, *, price: int | None = 20, colours: Iterable[str] = COLOURS, kind: int = 0) -> Product:
    return Product(
        id=name,
        title=f"Shirt {name}",
        categories=(KINDS[kind],),
        columns={"material": "Cotton|Wool"},
        variants=tuple(
            Variant(id=f"{name}-{colour}-{size}", colour=colour, size=size, price=price and Decimal(price + at))
            for at, (colour, size) in enumerate((c, s) for c in colours for s in SIZES)
        ),
        photos=tuple(Photo(source=f"{name}/{colour}.jpg", colour=colour) for colour in colours),
    )


def listed(product: Product, first: int) -> ListedProduct:
    return ListedProduct(product, {photo.source: first + at for at, photo in enumerate(product.photos)})


def view(folder: Path) -> ProductView:
    opened = open_products(folder)
    assert opened is not None
    return opened


def test_products_are_read_as_they_were_written(tmp_path: Path) -> None:
    first, second = listed(shirt("A"), 1), ListedProduct(shirt("B"), {"B/red.jpg": 7})  # one photo could not be read
    with ProductTable(tmp_path, ["material"]) as table:
        table.put([second, first])
        assert list(table.products()) == [first, second]
    assert read_products(tmp_path, ["B", "C"]) == {"B": second}
    products = view(tmp_path)
    assert products.ids == ("B", "A") and products.colours == ("red", "red", "blue")
    assert products.low.tolist() == [20, 20, 22] and products.high.tolist() == [21, 21, 23]
    assert products.facets.keys() == {"category", "colour", "size", "material"}
    assert products.facets["category"].values == ("Men", "Men > Tops")
    assert products.facets["material"].values == ("Cotton", "Wool")
    entries = products.entries_of(np.array([1, 2, 3, 7, 99]))
    assert entries.tolist() == [1, 2, -1, 0, -1]
    images = np.arange(5)
    groups = products.groups_of(entries, images, "product")
    assert groups is not None and groups[0] == groups[1] and len(set(groups.tolist())) == 4
    by_colour = products.groups_of(entries, images, "colour")
    assert by_colour is not None and len(set(by_colour.tolist())) == 5
    alone = products.groups_of(entries, np.array([0, 1, 7, 2, 7]), "product")
    assert alone is not None and alone[2] == alone[4] and len(set(alone.tolist())) == 3


def test_change_replaces_a_product_and_is_noticed(tmp_path: Path) -> None:
    assert product_stamp(tmp_path) is None and open_products(tmp_path) is None
    with ProductTable(tmp_path) as table:
        table.put([listed(shirt("A"), 1), listed(shirt("B"), 3)])
        before = product_stamp(tmp_path)
        table.put([listed(shirt("A", price=90, colours=["blue"]), 2)])
        assert product_stamp(tmp_path) != before
        products = view(tmp_path)
        assert products.summary.prices == (20, 91) and products.entries_of(np.array([1, 2]))[0] == -1
        table.delete(["A", "never"])
        assert view(tmp_path).ids == ("B",)


def test_named_columns_become_facets_of_products_that_are_there(tmp_path: Path) -> None:
    with ProductTable(tmp_path) as table:
        table.put([listed(shirt("A"), 1)])
    assert "material" not in view(tmp_path).facets
    with ProductTable(tmp_path, ["material"]) as table:
        assert table.columns == ("material",)
    assert view(tmp_path).facets["material"].values == ("Cotton", "Wool")
    with ProductTable(tmp_path) as table:
        assert table.columns == ("material",)


def test_item_of_two_products_stays_with_the_first(tmp_path: Path) -> None:
    with ProductTable(tmp_path) as table:
        table.put([listed(shirt("A"), 1), listed(shirt("B"), 1)])
        table.put([listed(shirt("B"), 1)])
    products = view(tmp_path)
    assert [products.ids[products.products[entry]] for entry in products.entries_of(np.array([1, 2]))] == ["A", "A"]


@pytest.mark.parametrize("most", [0, filters.MAX_TABLE])
@given(
    st.lists(
        st.tuples(
            st.sampled_from([None, 5, 20, 50]), st.sets(st.sampled_from(COLOURS)), st.integers(0, 2), st.integers(0, 2)
        ),
        max_size=6,
    ),
    st.tuples(st.sampled_from([None, 6, 20, 21]), st.sampled_from([None, 21, 60])),
    st.dictionaries(
        st.sampled_from(["colour", "category"]),
        st.frozensets(st.sampled_from(["red", "Men", "Men > Tops"]), min_size=1),
    ),
    st.sampled_from(FOLDS),
    st.integers(1, 30),
)
def test_filters_and_counts_are_those_of_a_plain_computation(
    most: int,
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[int | None, set[str], int, int]],
    prices: tuple[int | None, int | None],
    facets: Mapping[str, frozenset[str]],
    fold: Fold,
    images: int,
) -> None:
    folder = tmp_path_factory.mktemp("products")
    catalogue = [
        (shirt(str(at), price=price, colours=sorted(colours), kind=kind), copies)
        for at, (price, colours, kind, copies) in enumerate(rows)
    ]
    photos: list[tuple[str, str, Product]] = []  # product, colour and record by item
    with ProductTable(folder) as table:
        for product, copies in catalogue:
            shots = [photo.model_copy(update={"source": f"{n}-{photo.source}"}) for photo in product.photos
                     for n in range(copies)]  # fmt: skip
            product = product.model_copy(update={"photos": tuple(shots)})
            table.put([ListedProduct(product, {shot.source: len(photos) + at for at, shot in enumerate(shots)})])
            photos += [(product.id, shot.colour, product) for shot in shots]
    products = view(folder)
    low, high = prices
    if low is not None and high is not None and low > high:
        return
    wanted = ProductFilter(low, high, facets={name: of for name, of in facets.items() if name in products.facets})

    def values(photo: tuple[str, str, Product], name: str) -> set[str]:
        _, colour, product = photo
        path = product.categories[0]
        return {colour} if name == "colour" else {" > ".join(path[: level + 1]) for level in range(len(path))}

    def fits(photo: tuple[str, str, Product], without: str = "") -> bool:
        _, colour, product = photo
        costs = [float(one.price) for one in product.variants if one.colour == colour and one.price is not None]
        cheap = (low is None and high is None) or (
            bool(costs) and max(costs) >= (low or 0) and min(costs) <= (high or 1e9)
        )
        return cheap and all(values(photo, name) & of for name, of in wanted.facets.items() if name != without)

    items = np.arange(len(photos) + 2)  # two items have no product
    entries = products.entries_of(items)
    mask = np.append(passing_entries(products, wanted), False)[entries]
    assert mask.tolist() == [*map(fits, photos), False, False]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filters, "MAX_TABLE", most)
        groups = products.groups_of(entries, items % images, fold)
        counts = count_facets(products, wanted, entries, groups, None)

    def shown(product: str, colour: str) -> frozenset[int]:
        """Return the images of a product in a colour, or in all."""
        of_product = [at for at, photo in enumerate(photos) if photo[0] == product and colour in ("", photo[1])]
        return frozenset(at % images for at in of_product)

    for name in products.facets:
        results: dict[str, set[object]] = {}
        for item, photo in enumerate(photos):
            if fits(photo, without=name):
                for value in values(photo, name) if name in ("colour", "category") else SIZES:
                    results.setdefault(value, set()).add(
                        {
                            "photo": item,
                            "colour": (photo[1], shown(*photo[:2])),
                            "product": shown(photo[0], ""),
                        }[fold]
                    )
        assert counts[name] == {value: len(groups) for value, groups in results.items()}


def test_filter_that_cannot_be_is_refused(tmp_path: Path) -> None:
    for low, high in ((-1, None), (5, 4), (float("nan"), None)):
        with pytest.raises(QueryError, match="lowest price"):
            ProductFilter(low, high)
    with ProductTable(tmp_path) as table:
        table.put([listed(shirt("A"), 1)])
    with pytest.raises(QueryError, match="hat"):
        passing_entries(view(tmp_path), ProductFilter(facets={"hat": frozenset({"x"})}))


@pytest.mark.parametrize(
    "damage",
    [
        "CREATE VIEW more AS SELECT 1",
        "DELETE FROM entries",
        "UPDATE entries SET low = 'cheap'",
        "UPDATE entries SET facets = x'0102'",
    ],
)
def test_damaged_products_are_an_error_that_names_the_collection(tmp_path: Path, damage: str) -> None:
    with ProductTable(tmp_path) as table:
        table.put([listed(shirt("A"), 1)])
    with sqlite3.connect(tmp_path / PRODUCTS_FILE) as connection:
        connection.execute(damage)
    with pytest.raises(CollectionError, match=tmp_path.name):
        open_products(tmp_path)


def test_price_ranges_are_by_currency(tmp_path: Path) -> None:
    with ProductTable(tmp_path) as table:
        products = [shirt("A"), shirt("B", price=30), shirt("C", price=5), shirt("D", price=None)]
        for at, (product, currency) in enumerate(zip(products, ("EUR", "EUR", "", "USD"), strict=True)):
            table.put([listed(product.model_copy(update={"currency": currency}), 10 * at)])
        table.put([ListedProduct(shirt("E", price=1), {})])  # no search finds it
    assert read_price_ranges(tmp_path) == {"": (5, 8), "EUR": (20, 33)}


def test_damaged_record_is_an_error_where_it_is_shown(tmp_path: Path) -> None:
    with ProductTable(tmp_path) as table:
        table.put([listed(shirt("A"), 1)])
    with sqlite3.connect(tmp_path / PRODUCTS_FILE) as connection:
        connection.execute("""UPDATE products SET data = '{"id": "A", "url": "javascript:alert(1)"}'""")
    with pytest.raises(CollectionError, match="products"):
        read_products(tmp_path, ["A"])
    (tmp_path / PRODUCTS_FILE).write_bytes(b"no database")
    for read in (open_products, lambda folder: read_products(folder, ["A"]), read_price_ranges, ProductTable):
        with pytest.raises(CollectionError):
            read(tmp_path)
