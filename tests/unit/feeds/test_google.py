"""Product data of Google Merchant Center.

Attributes as in the "Product data specification", files as in "Create a product data source" (text), "RSS 2.0
specification" and "Atom 1.0 specification" of its help center.
"""

import csv
import io
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from rpf.errors import FeedError
from rpf.feeds import read_feed
from tests.support.feeds import by_id, photos, places, read_text, variants

NAMES = [
    "id", "title", "description", "link", "image_link", "additional_image_link", "availability", "price", "sale_price",
    "sale_price_effective_date", "google_product_category", "product_type", "brand", "color", "size", "item_group_id",
]  # fmt: skip
SHOP = "https://shop.example"
ROWS = [
    ["tee-1", "Tee blue S", "A tee.", f"{SHOP}/tee?c=1", f"{SHOP}/1.jpg", f"{SHOP}/2.jpg,{SHOP}/w_4,h_5/3.jpg",
     "in_stock", "15.00 USD", "12.00 USD", "2026-02-24T13:00-0800 / 2026-03-01T15:30-0800", "212",
     'Home > Women > Tees, "Sale > Red, blue"', "Acme", "Blue", "S", "tee"],
    ["tee-2", "Tee red M", "A tee.", f"{SHOP}/tee?c=2", f"{SHOP}/4.jpg", f"{SHOP}/2.jpg", "out of stock",
     "1,015.00 USD", "", "", "212", "Home > Women > Tees", "Acme", "Red", "M", "tee"],
    ["belt", "Belt", "A belt.", f"{SHOP}/belt", f"{SHOP}/belt.jpg", "", "preorder", "9 USD", "", "",
     "Apparel & Accessories > Clothing Accessories > Belts, Braces", "", "Acme", "Brown/Black", "", ""],
]  # fmt: skip


def table(separator: str, names: list[str] = NAMES) -> str:
    """Write the rows as a text file with quoted fields."""
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\n").writerows([names, *ROWS])
    return text.getvalue()


def xml(start: str, item: str, end: str, prefix: str = "g:") -> str:
    """Write the rows as XML; what has several values gets several elements."""
    text = start
    for row in ROWS:
        text += f"<{item}>\n"
        for name, cell in zip(NAMES, row, strict=True):
            values = cell.split(f",{SHOP[:4]}") if name == "additional_image_link" else [cell]
            values = [values[0], *(SHOP[:4] + value for value in values[1:])]
            if name == "product_type":
                values = [value.strip(' "') for value in cell.split(', "')]
            for value in filter(None, values):
                escaped = value.replace("&", "&amp;").replace(">", "&gt;")
                text += f"  <{prefix}{name}>{escaped}</{prefix}{name}>\n"
        text += f"<g:shipping>\n <g:country>US</g:country>\n <g:price>4.95 USD</g:price>\n</g:shipping></{item}>\n"
    return text + end


RSS = xml(
    '<?xml version="1.0"?>\n<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><title>Shop</title>\n',
    "item", "</channel></rss>",
)  # fmt: skip
ATOM = xml(
    '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0"><id>tag:x</id>\n',
    "entry",
    "</feed>",
)
SALE = datetime(2026, 2, 25, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "text",
    [table("\t"), table(","), table("\t", [name.replace("_", " ") for name in NAMES]), RSS, ATOM],
    ids=["TSV", "CSV", "names with spaces", "RSS", "Atom"],
)
def test_google_variants_of_one_group_are_a_product(tmp_path: Path, text: str) -> None:
    feed = read_text(tmp_path, text, now=SALE)
    tee, belt = feed.products

    assert (feed.format, feed.rows, feed.problems) == ("Google Merchant", 3, ())
    assert (tee.id, tee.title, tee.url, tee.currency) == ("tee", "Tee blue S", f"{SHOP}/tee?c=1", "USD")
    assert variants(tee) == [("tee-1", "Blue", "S", "12.00", True), ("tee-2", "Red", "M", "1015.00", False)]
    assert tee.price == Decimal(12)
    assert tee.categories == (("Home", "Women", "Tees"), ("Sale", "Red, blue"))
    assert tee.columns["brand"] == "Acme"
    assert tee.variants[1].columns == {"title": "Tee red M", "link": f"{SHOP}/tee?c=2"}
    assert photos(tee) == [
        (f"{SHOP}/1.jpg", "Blue"),
        (f"{SHOP}/2.jpg", ""),  # of both
        (f"{SHOP}/w_4,h_5/3.jpg", "Blue"),
        (f"{SHOP}/4.jpg", "Red"),
    ]
    assert (belt.id, belt.available) == ("belt", True)
    assert belt.categories == (("Apparel & Accessories", "Clothing Accessories", "Belts, Braces"),)


@pytest.mark.parametrize(("now", "price"), [("2026-02-24T20:59", 15), ("2026-02-24T21:01", 12), ("2026-03-02", 15)])
def test_google_sale_price_counts_between_its_dates_with_their_zone(tmp_path: Path, now: str, price: int) -> None:
    feed = read_text(tmp_path, table("\t"), now=datetime.fromisoformat(now).replace(tzinfo=timezone.utc))

    assert by_id(feed)["tee"].price == price


def test_google_sale_price_with_a_date_that_does_not_exist_is_reported(tmp_path: Path) -> None:
    feed = read_text(tmp_path, table("\t").replace("2026-03-01", "2026-02-29"), now=SALE)

    assert places(feed) == [(2, "sale_price")]
    assert feed.products[0].price == 15


def test_google_atom_has_links_as_attributes_and_ids_without_a_prefix(tmp_path: Path) -> None:
    text = (
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0"><entry>'
        '<title>Sweater</title><g:title>Red sweater</g:title><id>1a</id><link rel="self" href="https://x.example"/>'
        f'<link href="{SHOP}/1a"/><summary>Warm.</summary><g:image_link>{SHOP}/1a.jpg</g:image_link>'
        "<g:price>25 EUR</g:price></entry></feed>"
    )
    product = read_text(tmp_path, text).products[0]

    assert (product.id, product.title, product.url) == ("1a", "Red sweater", f"{SHOP}/1a")
    assert product.columns["summary"] == "Warm."


def test_google_xml_keeps_attributes_with_parts_as_one_column(tmp_path: Path) -> None:
    assert read_text(tmp_path, RSS).products[1].columns["shipping"] == "US:4.95 USD"


def test_google_xml_problems_have_the_line_of_the_item(tmp_path: Path) -> None:
    text = "\n\n" + RSS.replace("9 USD", "nine").replace(f"{SHOP}/4.jpg", "file:///etc/passwd")
    feed = read_text(tmp_path, text)
    lines = [number for number, line in enumerate(text.splitlines(), 1) if "<item>" in line]

    assert places(feed) == [(lines[1], "image_link"), (lines[2], "price")]
    assert [problem.product for problem in feed.problems] == ["tee", "belt"]
    assert len(feed.products) == 2


def test_google_xml_item_without_an_id_is_left_out(tmp_path: Path) -> None:
    feed = read_text(tmp_path, RSS.replace("<g:id>belt</g:id>", ""))

    assert list(by_id(feed)) == ["tee"]
    assert [place[1] for place in places(feed)] == ["id"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><item><title>&x;</title></item></rss>',
         "document type"),
        ('<!DOCTYPE r [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;">]><rss>&b;</rss>', "document type"),
        ("<rss><channel><item>&undefined;</item></channel></rss>", "undefined entity"),
        ("<html><body>Please log in</body></html>", "<html>"),
        ("<products><product/></products>", "<products>"),
        (RSS[: RSS.index("<item>", 500)], "no element found"),
        (RSS.replace("</g:id>", "</g:ID>", 1), "mismatched tag"),
        (RSS.replace(' xmlns:g="http://base.google.com/ns/1.0"', ""), "unbound prefix"),
        ('<?xml version="1.0" encoding="klingon"?><rss/>', "encoding"),
        ("<rss><channel><item><title>News</title></item></channel></rss>", "no usable row"),
        (RSS.replace("Tee blue S", "Tee\0blue S"), "not well-formed"),
    ],
    ids=["external entity", "entities", "unknown entity", "HTML", "other XML", "half a file", "tags", "prefix",
         "encoding", "news", "NUL"],
)  # fmt: skip
def test_google_xml_that_cannot_be_read_is_an_error_in_one_line(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(FeedError, match=why) as error:
        read_text(tmp_path, text)

    assert "\n" not in str(error.value)


def test_google_xml_in_other_encodings_is_read(tmp_path: Path) -> None:
    text = RSS.replace("Tee blue S", "Tee größer").replace('"1.0"?>', '"1.0" encoding="windows-1252"?>')
    (tmp_path / "feed.xml").write_bytes(text.encode("windows-1252"))

    assert read_feed(tmp_path / "feed.xml").products[0].title == "Tee größer"


def test_google_feed_without_items_has_no_products(tmp_path: Path) -> None:
    feed = read_text(tmp_path, "<rss><channel><title>Shop</title></channel></rss>")

    assert (feed.products, feed.rows, feed.problems) == ((), 0, ())
