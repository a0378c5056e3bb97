"""Product CSV files of Shopify.

Columns and their meaning as in "Using CSV files to import and export products" of Shopify's help center; the names
before 2025 as in its earlier versions.
"""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.feeds import by_id, photos, places, read_text, variants

OLD = (
    "Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Published,Option1 Name,Option1 Value,Option2 Name,"
    "Option2 Value,Variant SKU,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,"
    "Variant Compare At Price,Image Src,Image Position,Image Alt Text,Variant Image,Status\n"
)
NEW = (
    "URL handle,Title,Description,Vendor,Product category,Type,Tags,Published on online store,Option1 name,"
    "Option1 value,Option2 name,Option2 value,SKU,Inventory tracker,Inventory quantity,Continue selling when out "
    "of stock,Price,Compare-at price,Product image URL,Image position,Image alt text,Variant image URL,Status\n"
)
CDN = "https://cdn.shopify.com/s/files/1"
ROWS = (
    'linen-shirt,Linen Shirt,"<p>Airy.</p>\n<p>Washable.</p>",Acme,Apparel & Accessories > Clothing,Shirts,'
    f'"summer, linen",TRUE,Size,S,Color,White,LS-S-W,shopify,5,deny,49.90,59.90,{CDN}/white.jpg,1,front,'
    f"{CDN}/white.jpg,active\n"
    f"linen-shirt,,,,,,,,,M,,White,LS-M-W,shopify,0,deny,49.90,,{CDN}/blue.jpg,3,,{CDN}/white.jpg,\n"
    f"linen-shirt,,,,,,,,,S,,Blue,LS-S-B,shopify,0,continue,44.90,,{CDN}/detail.jpg,2,,{CDN}/blue.jpg,\n"
    f"linen-shirt,,,,,,,,,,,,,,,,,,{CDN}/back.jpg,4,,,\n"
    f"scarf,Scarf,,Acme,,,,TRUE,Title,Default Title,,,,,,deny,19.00,,{CDN}/scarf.jpg,1,,,active\n"
)


@pytest.mark.parametrize("header", [OLD, NEW], ids=["old names", "new names"])
def test_shopify_rows_of_one_handle_are_a_product(tmp_path: Path, header: str) -> None:
    feed = read_text(tmp_path, header + ROWS, link=f"https://shop.example/products/{{{header.split(',')[0]}}}")
    shirt, scarf = feed.products

    assert (feed.format, feed.rows, feed.problems, feed.hidden_rows) == ("Shopify", 5, (), 0)
    assert (shirt.id, shirt.title, shirt.url) == (
        "linen-shirt", "Linen Shirt", "https://shop.example/products/linen-shirt",
    )  # fmt: skip
    assert variants(shirt) == [
        ("LS-S-W", "White", "S", "49.90", True),
        ("LS-M-W", "White", "M", "49.90", False),
        ("LS-S-B", "Blue", "S", "44.90", True),
    ]
    assert (shirt.price, shirt.available) == (Decimal("44.90"), True)
    assert shirt.categories == (("Apparel & Accessories", "Clothing"), ("Shirts",))
    assert shirt.columns["Tags"] == "summer, linen"
    assert shirt.columns[header.split(",")[2]] == "<p>Airy.</p>\n<p>Washable.</p>"
    assert variants(scarf) == [("scarf", "", "", "19.00", True)]


@pytest.mark.parametrize("header", [OLD, NEW], ids=["old names", "new names"])
def test_shopify_images_are_in_the_order_of_their_positions(tmp_path: Path, header: str) -> None:
    shirt = by_id(read_text(tmp_path, header + ROWS))["linen-shirt"]

    # An image is the product's, not that of the variant in whose row it is; only the variant's image has its colour.
    assert photos(shirt) == [
        (f"{CDN}/white.jpg", "White"),
        (f"{CDN}/detail.jpg", ""),
        (f"{CDN}/blue.jpg", "Blue"),
        (f"{CDN}/back.jpg", ""),
    ]


def test_shopify_images_of_a_product_in_one_colour_show_it(tmp_path: Path) -> None:
    shirt = by_id(read_text(tmp_path, OLD + ROWS.replace("Blue", "White")))["linen-shirt"]

    assert {photo.colour for photo in shirt.photos} == {"White"}


def test_shopify_option_linked_to_the_colour_is_the_colour(tmp_path: Path) -> None:
    text = (
        "URL handle,Title,Option1 name,Option1 value,Option1 Linked To,SKU,Price\n"
        "hat,Hat,Finish,Jet,product.metafields.shopify.color-pattern,H1,5\n"
        "hat,,,Snow,,H2,5\n"
    )
    hat = read_text(tmp_path, text).products[0]

    assert [variant.colour for variant in hat.variants] == ["Jet", "Snow"]


@pytest.mark.parametrize(
    "change", [("active", "draft"), ("active", "archived"), ("active", "unlisted"), ("TRUE", "FALSE")]
)
def test_shopify_products_that_are_not_in_the_shop_are_left_out(tmp_path: Path, change: tuple[str, str]) -> None:
    feed = read_text(tmp_path, OLD + ROWS.replace(*change))

    assert (feed.products, feed.problems, feed.hidden_rows) == ((), (), 5)


def test_shopify_variants_with_the_same_sku_get_names_of_handle_and_options(tmp_path: Path) -> None:
    feed = read_text(tmp_path, OLD + ROWS.replace("LS-M-W", "LS-S-W").replace("LS-S-B", ""))

    assert [variant.id for variant in feed.products[0].variants] == [
        "LS-S-W", "linen-shirt / M / White", "linen-shirt / S / Blue",
    ]  # fmt: skip
    assert places(feed) == [(4, "Variant SKU")]
    assert feed.problems[0].product == "linen-shirt"


def test_shopify_stock_without_quantities_is_unknown_but_for_products_that_nobody_counts(tmp_path: Path) -> None:
    text = "Handle,Title,Variant SKU,Variant Price,Variant Inventory Tracker\na,A,1,5,shopify\nb,B,2,5,\n"

    assert [product.available for product in read_text(tmp_path, text).products] == [None, True]


def test_shopify_rows_whose_first_one_is_broken_are_left_out(tmp_path: Path) -> None:
    feed = read_text(tmp_path, OLD + ROWS.replace("Linen Shirt,", "Linen, Shirt,"))

    assert list(by_id(feed)) == ["scarf"]
    assert places(feed) == [(2, ""), (4, "Handle")]


def test_shopify_row_without_a_handle_is_left_out(tmp_path: Path) -> None:
    feed = read_text(tmp_path, OLD + ROWS + ",Nameless,,,,,,,,,,,,,,,,,,,,,\n")

    assert len(feed.products) == 2
    assert places(feed) == [(8, "Handle")]
