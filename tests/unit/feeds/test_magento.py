"""Product exports of Magento 2.

Columns and cells as the "Product data attributes reference" of Adobe Commerce describes them, and as the exporter
(app/code/Magento/CatalogImportExport/Model/Export/Product.php) writes them.
"""

from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from rpf.feeds import read_feed
from tests.support.feeds import by_id, photos, places, read_text, variants

HEADER = (
    "sku,store_view_code,attribute_set_code,product_type,categories,product_websites,name,description,product_online,"
    "visibility,price,special_price,special_price_from_date,special_price_to_date,url_key,base_image,"
    "additional_attributes,qty,is_in_stock,additional_images,hide_from_product_page,configurable_variations\n"
)
SHIRT = HEADER + (
    'TEE-S-Red,,Top,simple,"Default Category/Men/Tees, Shirts,Default Category/Sale",base,Tee-S-Red,<p>A tee.</p>,'
    '1,"Not Visible Individually",20.000000,,,,tee-s-red,/t/e/tee-red.jpg,"size=S,color=Red",5.0000,1,'
    '"/t/e/tee-red.jpg,/t/e/tee-red-back.jpg,/t/e/size-chart.jpg",/t/e/size-chart.jpg,\n'
    'TEE-M-Red,,Top,simple,,base,Tee-M-Red,,1,"Not Visible Individually",21.000000,,,,tee-m-red,/t/e/tee-red.jpg,'
    '"size=M,color=Red",0.0000,0,,,\n'
    'TEE-S-Blue,,Top,simple,,base,Tee-S-Blue,,1,"Not Visible Individually",20.000000,,,,tee-s-blue,/t/e/tee-blue.jpg,'
    '"size=S,color=Blue",5.0000,1,/t/e/back.jpg,,\n'
    'TEE,,Top,configurable,"Default Category/Men/Tees, Shirts,Default Category/Sale",base,Tee Größe,"<p>A tee.</p>\n'
    '<p>Soft.</p>",1,"Catalog, Search",,,,,,/t/e/tee-red.jpg,"has_options=1,material=Cotton, Wool,climate=Cool|Hot",0,'
    "1,no_selection,,"
    '"sku=TEE-S-Red,size=S,color=Red|sku=TEE-M-Red,size=M,color=Red|sku=TEE-S-Blue,size=S,color=Blue"\n'
    "TEE,de,Top,configurable,,,T-Shirt,,,,,,,,,,,,,,,\n"
    'BELT,,Bag,simple,Default Category/Gear,base,Belt,,1,"Catalog, Search",30.000000,24.000000,3/1/26,3/31/26,belt,'
    '/b/e/belt.jpg,"color=""Dark """"Brown"""""",size=""One, all"",climate=""Cool""|""Hot"",waist=32""",3.0000,1,,,\n'
)


def test_magento_configurable_product_has_its_simple_ones_as_variants(tmp_path: Path) -> None:
    feed = read_text(tmp_path, SHIRT)
    shirt = by_id(feed)["TEE"]

    assert (feed.format, feed.rows, feed.problems) == ("Magento 2", 6, ())
    assert [product.id for product in feed.products] == ["TEE", "BELT"]
    assert variants(shirt) == [
        ("TEE-S-Red", "Red", "S", "20.00", True),
        ("TEE-M-Red", "Red", "M", "21.00", False),
        ("TEE-S-Blue", "Blue", "S", "20.00", True),
    ]
    assert (shirt.title, shirt.price, shirt.available) == ("Tee Größe", Decimal(20), True)
    assert shirt.categories == (("Men", "Tees, Shirts"), ("Sale",))
    assert shirt.columns["description"] == "<p>A tee.</p>\n<p>Soft.</p>"
    assert (shirt.columns["material"], shirt.columns["climate"]) == ("Cotton, Wool", "Cool|Hot")
    assert shirt.variants[1].columns["name"] == "Tee-M-Red"
    assert "attribute_set_code" not in shirt.variants[1].columns  # that of the product


def test_magento_images_have_the_colour_of_their_variant_and_no_leading_slash(tmp_path: Path) -> None:
    shirt = by_id(read_text(tmp_path, SHIRT))["TEE"]

    assert photos(shirt) == [
        ("t/e/tee-red.jpg", "Red"),
        ("t/e/tee-red-back.jpg", "Red"),  # size-chart.jpg is hidden
        ("t/e/tee-blue.jpg", "Blue"),
        ("t/e/back.jpg", "Blue"),
    ]


def test_magento_image_of_two_colours_has_none(tmp_path: Path) -> None:
    shirt = by_id(read_text(tmp_path, SHIRT.replace("/t/e/tee-blue.jpg", "/t/e/tee-red.jpg")))["TEE"]

    assert photos(shirt)[0] == ("t/e/tee-red.jpg", "")


def test_magento_visible_simple_product_is_a_product_with_one_variant(tmp_path: Path) -> None:
    belt = by_id(read_text(tmp_path, SHIRT, now=datetime(2026, 4, 1, tzinfo=timezone.utc)))["BELT"]

    assert (belt.columns["climate"], belt.columns["waist"]) == ("Cool|Hot", '32"')
    assert variants(belt) == [("BELT", 'Dark "Brown"', "One, all", "30.00", True)]
    assert photos(belt) == [("b/e/belt.jpg", 'Dark "Brown"')]


@pytest.mark.parametrize(
    ("now", "price"), [("2026-02-28", 30), ("2026-03-01", 24), ("2026-03-31T23:30", 24), ("2026-04-01", 30)]
)
def test_magento_special_price_counts_between_its_dates(tmp_path: Path, now: str, price: int) -> None:
    feed = read_text(tmp_path, SHIRT, now=datetime.fromisoformat(now).replace(tzinfo=timezone.utc))

    assert by_id(feed)["BELT"].price == price


def test_magento_url_key_is_made_of_the_name_where_it_is_empty(tmp_path: Path) -> None:
    feed = read_text(tmp_path, SHIRT, link="https://shop.example/{url_key}.html")

    assert [product.url for product in feed.products] == [
        "https://shop.example/tee-grosse.html",
        "https://shop.example/belt.html",
    ]
    assert "url" not in by_id(feed)["TEE"].variants[0].columns  # not visible individually


def test_magento_rows_without_a_sku_add_images_to_the_product_before(tmp_path: Path) -> None:
    text = SHIRT + ",,,,,,,,,,,,,,,/b/e/belt-back.jpg,,,,,,\n"

    assert photos(by_id(read_text(tmp_path, text))["BELT"])[1][0] == "b/e/belt-back.jpg"


def test_magento_disabled_products_are_left_out(tmp_path: Path) -> None:
    text = SHIRT.replace('<p>Soft.</p>",1,', '<p>Soft.</p>",2,').replace("Belt,,1,", "Belt,,2,")
    feed = read_text(tmp_path, text)

    assert (feed.products, feed.problems, feed.hidden_rows) == ((), (), 5)


def test_magento_invisible_products_of_no_configurable_one_are_reported_once(tmp_path: Path) -> None:
    text = "\n".join(line for line in SHIRT.split("\n") if "configurable" not in line or line.startswith("sku"))
    feed = read_text(tmp_path, text.replace("<p>Soft.</p>", "X").replace('X",1,"Catalog', ',1,"Catalog'))

    assert "BELT" in by_id(feed)
    assert any("3 rows are not visible individually" in problem.message for problem in feed.problems)


def test_magento_variation_without_a_row_or_of_two_products_is_reported(tmp_path: Path) -> None:
    text = SHIRT.replace("sku=TEE-S-Blue,", "sku=TEE-XL-Blue,") + (
        'TWIN,,Top,configurable,,base,Twin,,1,"Catalog, Search",,,,,,,,0,1,,,"sku=TEE-S-Red,size=S,color=Red"\n'
    )
    feed = read_text(tmp_path, text)

    assert [problem.product for problem in feed.problems] == ["TEE-S-Blue", "TEE", "TWIN"]
    assert [place[1] for place in places(feed)] == ["sku", "configurable_variations", "configurable_variations"]


def test_magento_export_of_luma_is_read_whole(shared: Path) -> None:
    feed = read_feed(shared / "luma" / "products.csv", currency="USD", link="https://shop.example/{url_key}.html")
    sources = {photo.source for product in feed.products for photo in product.photos}

    assert (feed.format, feed.rows, feed.problems, feed.hidden_rows) == ("Magento 2", 1994, (), 0)
    assert len(feed.products) == 147
    assert sum(len(product.variants) for product in feed.products) == 1847
    assert len({(product.id, one.colour) for product in feed.products for one in product.variants}) == 417
    assert len({(product.id, one.colour) for product in feed.products for one in product.photos if one.colour}) == 417
    assert len(sources) == 675
    assert all((shared / "luma" / "media" / source).is_file() for source in sources)
    assert all(product.price and product.currency == "USD" and product.title for product in feed.products)
    assert feed.products[0].url == "https://shop.example/chaz-kangeroo-hoodie.html"
