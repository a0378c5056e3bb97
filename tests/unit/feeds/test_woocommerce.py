r"""Product exports of WooCommerce.

Columns as in its "Product CSV Importer and Exporter" document; cells as its exporter writes them
(class-wc-product-csv-exporter.php): line breaks in descriptions as \n, commas in values as \, , an apostrophe before
formulas, parents as SKU or id:44, prices with the shop's decimal sign.
"""

from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.feeds import by_id, photos, places, read_text, variants

HEADER = (
    'ID,Type,SKU,"GTIN, UPC, EAN, or ISBN",Name,Published,"Is featured?","Visibility in catalog","Short description",'
    'Description,"Date sale price starts","Date sale price ends","In stock?",Stock,"Weight (kg)","Sale price",'
    '"Regular price",Categories,Tags,Images,Parent,"External URL",Position,"Attribute 1 name","Attribute 1 value(s)",'
    '"Attribute 1 visible","Attribute 1 global","Attribute 2 name","Attribute 2 value(s)","Attribute 2 visible",'
    '"Attribute 2 global","Meta: fit"\n'
)
MEDIA = "https://shop.example/wp-content/uploads"
ROWS = (
    r"44,variable,tee,,V-Neck Tee,1,0,visible,Soft.,<p>Airy.</p>\n<p>C:\\new</p>,,,1,,.5,,,"
    rf'"Clothing > Tees\, Shirts, Sale",summer,"{MEDIA}/tee.jpg, {MEDIA}/tee-blue.jpg, {MEDIA}/tee-back.jpg",,,0,'
    'Color,"Blue, Red",1,1,Size,"L, M",1,1,slim\n'
    f'76,variation,,,V-Neck Tee - Red,1,0,visible,,,,,1,,,,"1.020,00",,,{MEDIA}/tee.jpg,tee,,1,Color,Red,,1,'
    "Size,M,,1,\n"
    f'77,variation,tee-blue,,V-Neck Tee - Blue,1,0,visible,,,2026-03-01,2026-03-31,backorder,,,"15,50","20,00",,,'
    f"{MEDIA}/tee-blue.jpg,id:44,,2,Color,Blue,,1,Size,,,1,\n"
    f'58,"simple, virtual",belt,,\'=Belt,1,0,visible,,,,,0,,,,55,Accessories,,{MEDIA}/belt.jpg,,,0,Colour,'
    '"Dark\\, warm brown",1,0,Material,Leather,1,0,\n'
    f"87,grouped,set,,Set,1,0,visible,,,,,1,,,,,Clothing,,{MEDIA}/set.jpg,,,0,,,,,,,,,\n"
    f"89,external,pennant,,Pennant,1,0,visible,,,,,1,,,,11,Decor,,pennant.jpg,,https://other.example/pennant,0,,,,,,,,,\n"
)


def test_woocommerce_variations_belong_to_their_parent_by_sku_or_id(tmp_path: Path) -> None:
    feed = read_text(tmp_path, HEADER + ROWS, now=datetime(2026, 3, 31, 23, 59, tzinfo=timezone.utc))
    tee = by_id(feed)["tee"]

    assert (feed.format, feed.rows, feed.problems) == ("WooCommerce", 6, ())
    assert [product.id for product in feed.products] == ["tee", "belt", "set", "pennant"]
    assert variants(tee) == [("id:76", "Red", "M", "1020.00", True), ("tee-blue", "Blue", "", "15.50", True)]
    assert (tee.title, tee.price, tee.available) == ("V-Neck Tee", Decimal("15.50"), True)
    assert tee.categories == (("Clothing", "Tees, Shirts"), ("Sale",))
    assert tee.columns["Description"] == "<p>Airy.</p>\n<p>C:\\new</p>"
    assert (tee.columns["Color"], tee.columns["Meta: fit"]) == ("Blue, Red", "slim")
    assert not any(column.startswith("Attribute") for column in tee.columns)


def test_woocommerce_images_have_the_colour_of_the_variation_that_names_them(tmp_path: Path) -> None:
    tee = by_id(read_text(tmp_path, HEADER + ROWS))["tee"]

    assert photos(tee) == [
        (f"{MEDIA}/tee.jpg", "Red"),
        (f"{MEDIA}/tee-blue.jpg", "Blue"),
        (f"{MEDIA}/tee-back.jpg", ""),
    ]


def test_woocommerce_simple_grouped_and_external_products_stand_alone(tmp_path: Path) -> None:
    products = by_id(read_text(tmp_path, HEADER + ROWS))

    assert products["belt"].title == "=Belt"
    assert variants(products["belt"]) == [("belt", "Dark, warm brown", "", "55.00", False)]
    assert products["belt"].columns["Material"] == "Leather"
    assert (products["set"].variants, products["set"].price) == ((), None)
    assert products["pennant"].url == "https://other.example/pennant"
    assert photos(products["pennant"]) == [("pennant.jpg", "")]


def test_woocommerce_variation_before_its_parent_is_its_variant_too(tmp_path: Path) -> None:
    lines = ROWS.splitlines(keepends=True)
    feed = read_text(tmp_path, HEADER + lines[2] + lines[1] + lines[0])

    assert feed.problems == ()
    assert [variant.id for variant in feed.products[0].variants] == ["tee-blue", "id:76"]


def test_woocommerce_variations_without_their_parent_are_reported_once(tmp_path: Path) -> None:
    feed = read_text(tmp_path, HEADER + "".join(ROWS.splitlines(keepends=True)[1:]))

    assert "tee" not in by_id(feed)
    assert places(feed) == [(2, "ID")]
    assert "2 rows are variations of no product in this feed (id:76, tee-blue)" in feed.problems[0].message


@pytest.mark.parametrize("published", ["0", "-1"])
def test_woocommerce_private_products_and_drafts_are_left_out(tmp_path: Path, published: str) -> None:
    feed = read_text(tmp_path, HEADER + ROWS.replace("V-Neck Tee,1", f"V-Neck Tee,{published}"))

    assert "tee" not in by_id(feed)
    assert (feed.problems, feed.hidden_rows) == ((), 3)


def test_woocommerce_row_without_sku_and_id_is_left_out(tmp_path: Path) -> None:
    feed = read_text(tmp_path, HEADER + ROWS + ",simple,,,Nameless,1" + "," * 26 + "\n")

    assert len(feed.products) == 4
    assert places(feed) == [(8, "SKU")]


GERMAN = """\
ID,Typ,Artikelnummer,Name,Vorrätig?,Angebotspreis,Regulärer Preis,Kategorien,Bilder,Übergeordnetes Produkt
10,variable,tee,T-Shirt,1,,,Damen > Oberteile,"t1.jpg, t2.jpg",
11,variation,tee-rot,T-Shirt - Rot,1,,"19,90",,rot.jpg,tee
12,variation,tee-blau,T-Shirt - Blau,0,"15,00","19,90",,,tee
13,simple,guertel,Gürtel,1,,"49,00",Accessoires,guertel.jpg,
"""


def test_woocommerce_export_in_german_asks_for_a_mapping(tmp_path: Path) -> None:
    feed = read_text(tmp_path, GERMAN)

    assert [problem.column for problem in feed.problems] == ["price", "images"]
    assert all(f'a mapping with "{problem.column}: COLUMN"' in problem.message for problem in feed.problems)


def test_woocommerce_export_in_german_is_read_by_the_mapping_of_the_documentation(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "catalogue.md").read_text(encoding="utf-8")
    (example,) = (part for part in text.split("```") if part.startswith("yaml\nid: Artikelnummer"))
    mapping = tmp_path / "mapping.yaml"
    mapping.write_text(example.removeprefix("yaml\n"), encoding="utf-8")
    products = by_id(read_text(tmp_path, GERMAN, mapping=mapping))

    assert products.keys() == {"tee", "guertel"} and products["tee"].categories == (("Damen", "Oberteile"),)
    assert variants(products["tee"]) == [("tee-rot", "", "", "19.90", True), ("tee-blau", "", "", "15.00", False)]
    assert photos(products["tee"]) == [("t1.jpg", ""), ("t2.jpg", ""), ("rot.jpg", "")]
