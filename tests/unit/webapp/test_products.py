"""Products on the pages: folded results, cards, filters, the page of a product, and changes that show at once."""

import re
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from rpf.collection import Collection
from rpf.engine import NO_FILTER, ProductFilter, SearchEngine, SearchRequest
from rpf.products.product import Photo, Product, Variant
from rpf.products.table import ListedProduct, ProductTable
from rpf.settings import Settings
from tests.conftest import started_site
from tests.unit.webapp.test_pages import get, words
from webapp import product_views

COLOURS = ("red", "blue")
SLEEVE = "sleeve_length"


def product(number: int, price: str = "") -> Product:
    """Return product P<number> in two colours, with two photos of each."""
    return Product(
        id=f"P/{number}",
        title=f"Shirt &amp; tie {number}",
        url=f"https://shop.example/p{number}" if number else "",
        categories=(("Men", "Tops"),) if number % 2 else (("Women",),),
        price=Decimal(price or 10 + number),
        currency="USD",
        columns={"description": "<p>Soft <b>cotton</b>.</p><script>alert(1)</script>"},
        variants=tuple(
            Variant(
                id=f"P{number}-{colour}",
                colour=colour,
                size="M",
                price=Decimal(price or 10 + number),
                available=number != 3,
            )
            for colour in COLOURS
        ),
        photos=tuple(Photo(source=f"{number}-{colour}-{at}.jpg", colour=colour) for colour in COLOURS for at in (0, 1)),
    )


def listed(number: int, price: str = "") -> ListedProduct:
    shirt = product(number, price)
    return ListedProduct(shirt, {photo.source: 4 * number + at + 1 for at, photo in enumerate(shirt.photos)})


@pytest.fixture
def shop(named_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Return settings over a copy of "named" whose first 36 items are photos of nine products."""
    base = tmp_path_factory.mktemp("shop")
    shutil.copytree(named_settings.collections, base / "collections")
    with ProductTable(base / "collections" / "named") as table:
        table.put(map(listed, range(9)))
    return named_settings.model_copy(update={"collections": base / "collections", "instance": base / "instance"})


@pytest.fixture
def app(shop: Settings) -> Flask:
    return started_site(shop, WTF_CSRF_ENABLED=False)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def engine(app: Flask) -> SearchEngine:
    return app.extensions["rpf"].engine


@pytest.mark.parametrize("fold", ["photo", "colour", "product"])
def test_results_are_the_best_photo_of_each_group_in_the_order_of_photos(engine: SearchEngine, fold: str) -> None:
    group: Callable[[int], object] = {
        "photo": lambda item: item,
        "colour": lambda item: (item - 1) // 2 if item <= 36 else item,
        "product": lambda item: ((item - 1) // 4, "p") if item <= 36 else item,
    }[fold]
    query, weights = engine.query_item("named", 5), {SLEEVE: 1.0, "coat_length": 2.0}
    every = engine.search("named", SearchRequest(query, weights, 100)).hits
    expected: dict[object, int] = {}
    for hit in every:
        if group(hit.item.id) != group(5):
            expected.setdefault(group(hit.item.id), hit.item.id)
    for offset, k in ((0, 100), (3, 4)):
        results = engine.search("named", SearchRequest(query, weights, k, offset, fold=fold))  # type: ignore[arg-type]
        assert [hit.item.id for hit in results.hits] == list(expected.values())[offset : offset + k]
        assert results.total == len(expected)
        assert [hit.rank for hit in results.hits] == list(range(offset + 1, offset + 1 + len(results.hits)))


@pytest.mark.parametrize("fold", ["photo", "colour", "product"])
def test_excluded_item_takes_all_photos_of_its_product_with_it(engine: SearchEngine, fold: str) -> None:
    request = SearchRequest(engine.query_item("named", 40), {SLEEVE: 1.0}, 99, fold=fold)
    whole = engine.search("named", request)
    left = engine.search("named", replace(request, excluded=frozenset([6, 10**6])))
    products = [hit.item.id for hit in whole.hits if not hit.product or hit.product.product != "P/1"]
    assert [hit.item.id for hit in left.hits] == products and left.total == len(products) < whole.total


def test_product_filters_leave_what_passes_and_counts_say_how_many(engine: SearchEngine) -> None:
    query = engine.query_item("named", 40)
    wanted = ProductFilter(
        12, 16, available=True, facets={"category": frozenset({"Men"}), "colour": frozenset({"red"})}
    )
    results = engine.search("named", SearchRequest(query, {SLEEVE: 1.0}, 50, products=wanted, fold="product"))
    assert {hit.product.product for hit in results.hits if hit.product} == {"P/5"} and results.total == 1
    assert all(hit.product and hit.product.colour == "red" for hit in results.hits)
    counts = engine.product_facets("named", {}, wanted, "product")
    assert counts["colour"] == {"red": 1, "blue": 1} and counts["category"] == {"Men": 1, "Men > Tops": 1, "Women": 3}
    by_value = engine.facets("named", {}, NO_FILTER, "product")
    by_photo = engine.facets("named", {})
    for key, counts_of in by_value.items():
        for value, count in counts_of.items():
            assert 0 < count <= by_photo[key][value]


def test_cards_tell_name_price_colours_and_photos(client: FlaskClient) -> None:
    page = words(get(client, f"/c/named/results?item=40&a={SLEEVE}"))
    assert "12 products, most similar first" in page  # nine, and the three other garments
    assert page.count("Shirt & tie") >= 9 and "2 colours" in page and "4 photos" in page and "$15.00" in page
    assert (
        'href="/c/named/product/P/5?' in page
        and 'href="https://shop.example/p5" rel="noopener nofollow external"' in page
    )
    assert "sold out" in page
    photos = words(get(client, f"/c/named/results?item=40&a={SLEEVE}&show=photos"))
    assert "39 photos" in photos and "4 photos" not in photos.replace("39 photos", "")
    colours = words(get(client, f"/c/named/results?item=40&a={SLEEVE}&show=colours"))
    assert "21 products by colour" in colours


def test_filters_are_in_the_address_and_can_be_taken_back(client: FlaskClient) -> None:
    address = f"/c/named/results?item=40&a={SLEEVE}&p-category=Men&price_from=12&price_to=16,5&available=1"
    page = words(get(client, address))
    assert "1 product, most similar first" in page and "Filter (3)" in page
    links = re.findall(r'class="active-filter" href="([^"]+)"', page)
    assert len(links) == 3 and not any(
        "p-category=Men" in link and "available=1" in link and "price_to" in link for link in links
    )
    assert "Nothing is left" in words(get(client, f"/c/named/results?item=40&a={SLEEVE}&price_from=500"))
    for bad in ("price_from=cheap", "p-hat=red", "price_to=-1"):
        response = get(client, f"/c/named/results?item=40&a={SLEEVE}&{bad}")
        assert response.status_code == 422 and 'class="problem"' in words(response)


def shown(response: TestResponse) -> list[str]:
    return re.findall(r'class="hit-image" href="([^"?]+)', words(response))


def test_wrong_price_is_marked_and_costs_no_other_filter(client: FlaskClient) -> None:
    address = f"/c/named/results?item=40&a={SLEEVE}&p-category=Women"
    page = get(client, f"{address}&price_from=abc&price_to=14")
    assert page.status_code == 422 and shown(page) == shown(get(client, f"{address}&price_to=14")) != []
    assert 'name="price_from" inputmode="decimal" value="abc"' in words(page)
    assert 'id="price_from-problem" role="alert">"abc" is not a price.' in words(page)
    assert get(client, f"/c/named/results.csv?item=40&a={SLEEVE}&price_from=abc").status_code == 422


def test_counts_of_values_on_the_page_are_those_of_products_that_pass(client: FlaskClient) -> None:
    address = f"/c/named/results?item=40&a={SLEEVE}&anyway=1&price_from=12&price_to=16"
    options = re.findall(
        r'name="(f-\w+)" value="(\d+)".*?<span class="count">(\d+)</span>', words(get(client, address))
    )
    assert options
    for name, value, count in options:
        page = words(get(client, f"{address}&{name}={value}"))
        assert f"{count} product{'' if count == '1' else 's'}, most similar first" in page


def test_product_page_has_all_photos_and_no_markup_of_the_feed(client: FlaskClient) -> None:
    page = words(get(client, "/c/named/product/P/4"))
    assert "Shirt & tie 4" in page and "Soft cotton." in page and "alert(1)</script>" not in page
    assert len(re.findall(r'href="/c/named/item/(\d+)"', page)) == 4
    assert get(client, "/c/named/product/P/99").status_code == 404
    assert get(client, "/c/named/product/P%2F4").status_code == 200


def test_product_page_from_results_begins_with_the_photo_that_was_shown(client: FlaskClient) -> None:
    page = words(get(client, "/c/named/product/P/4?photo=20"))  # the second blue one
    assert [int(item) for item in re.findall(r'href="/c/named/item/(\d+)"', page)] == [20, 19, 17, 18]
    assert page.count("The photo in your results") == 1
    assert page.index(">blue") < page.index(">red")
    results = words(get(client, f"/c/named/results?item=40&a={SLEEVE}&anyway=1"))
    for address, product_id in re.findall(r'class="hit-image" href="([^"]*/product/(P/\d)\?[^"]*)"', results):
        page = words(get(client, address))
        shown = re.search(r"photo=(\d+)", address)
        assert shown and f'href="/c/named/item/{shown[1]}"' == re.findall(r'href="/c/named/item/\d+"', page)[0]
        category = "Men" if int(product_id[2:]) % 2 else "Women"
        link = re.search(rf'href="([^"]+)"[^>]*>{category}</a>', page)
        assert link and "p-category" in link[1] and get(client, link[1]).status_code == 200


def test_photo_and_product_are_searched_by_what_they_show(client: FlaskClient, engine: SearchEngine) -> None:
    link = re.search(r'class="hit-act" href="([^"]+)"', get(client, "/c/named/product/P/4").text)
    assert link and link[1] == "/c/named/?item=17"
    image = engine.query_item("named", 17)
    present = [key for key in engine.collection("named").vocabulary.keys if not image.is_missing(key)]
    assert present
    for address in (link[1], "/c/named/?product=P/4"):
        location = get(client, address).headers["Location"]
        assert location == "/c/named/results?item=17" + "".join(f"&a={key}" for key in present)
    assert get(client, "/c/named/?product=P/99").status_code == 404


def test_changed_price_shows_without_embedding(client: FlaskClient, shop: Settings) -> None:
    assert "$14.00" in words(get(client, "/c/named/product/P/4"))
    folder = shop.collections / "named"
    before = Collection.open(folder).manifest
    with ProductTable(folder) as table:
        table.put([listed(4, "99.5")])
    assert "$99.50" in words(get(client, "/c/named/product/P/4"))
    page = words(get(client, f"/c/named/results?item=40&a={SLEEVE}&price_from=90"))
    assert "$99.50" in page and "1 product," in page
    assert Collection.open(folder).manifest == before


def test_collection_without_products_is_as_before(client: FlaskClient, named_settings: Settings) -> None:
    plain = started_site(named_settings, WTF_CSRF_ENABLED=False).test_client()
    page = words(get(plain, f"/c/named/results?item=40&a={SLEEVE}"))
    assert "39 garments" in page and "each colour" not in page and "price_from" not in page
    response = get(plain, f"/c/named/results?item=40&a={SLEEVE}&available=1")
    assert response.status_code == 422 and "no products" in words(response)


def mark_copies(settings: Settings, copies: dict[int, int]) -> None:
    with sqlite3.connect(settings.collections / "named" / "items.sqlite") as connection:
        connection.executemany("INSERT OR REPLACE INTO copies VALUES (?, ?)", copies.items())


def test_products_with_the_same_photos_are_one_result(shop: Settings) -> None:
    # All of P/1 is P/0 again, half of P/3 is P/2.
    mark_copies(shop, {item + 4: item for item in (1, 2, 3, 4)} | {13: 9, 14: 10})
    client = started_site(shop, WTF_CSRF_ENABLED=False).test_client()
    address = f"/c/named/results?item=40&a={SLEEVE}"
    page = words(get(client, address))
    assert "11 products," in page and page.count("same photos as 1 other product") == 1
    assert "18 products by colour" in words(get(client, f"{address}&show=colours"))
    assert "39 photos," in words(get(client, f"{address}&show=photos"))
    assert re.search(
        r"With the same photos:\s+<a [^>]*>Shirt & tie 1</a></p>", words(get(client, "/c/named/product/P/0"))
    )
    assert "With the same photos" not in words(get(client, "/c/named/product/P/2"))
    page = get(client, f"/c/named/results?item=1&a={SLEEVE}").text
    assert "/product/P/0" not in page and "/product/P/1" not in page


def test_copies_without_products_are_one_result(named_settings: Settings, tmp_path: Path) -> None:
    settings = named_settings.model_copy(update={"collections": tmp_path})
    shutil.copytree(named_settings.collections / "named", tmp_path / "named")
    mark_copies(settings, {2: 1, 3: 1, 39: 7})
    client = started_site(settings, WTF_CSRF_ENABLED=False).test_client()
    address = f"/c/named/results?item=40&a={SLEEVE}&rest=1"
    page = words(get(client, address))
    assert "36 garments" in page and "2 copies of this photo" in page and "1 copy of this photo" in page
    assert "39 photos," in words(get(client, f"{address}&show=photos"))
    assert re.search(r"The same photo:\s+<a [^>]*>Garment 1</a>, <a ", words(get(client, "/c/named/item/2")))
    collection = Collection.open(tmp_path / "named")
    with collection.image_path(collection.item(40)).open("rb") as photo:
        response = client.post("/submit", data={"image": photo, "attrs": "sleeve length", "k": 50})
    assert response.json is not None and len(response.json["ids"]) == 40


def test_groups_are_whole_however_many_results_are_asked_for(engine: SearchEngine) -> None:
    query = engine.query_item("named", 1)
    whole = engine.search("named", SearchRequest(query, {SLEEVE: 1.0}, 99, fold="product")).hits
    for k in range(1, len(whole) + 2):
        part = engine.search("named", SearchRequest(query, {SLEEVE: 1.0}, k, fold="product")).hits
        assert [hit.item.id for hit in part] == [hit.item.id for hit in whole[:k]]
    np.testing.assert_array_less(0, [hit.product.photos for hit in whole if hit.product])


def test_facet_label_translates_usual_columns(app: Flask) -> None:
    with app.test_request_context(headers={"Accept-Language": "vi"}):
        labels = [product_views.facet_label(name) for name in ("category", "material", "age_group", "odd_column")]
    assert labels == ["Loại hàng", "Chất liệu", "Độ tuổi", "Odd column"]
