"""Dates, availability, colours and sizes, categories, and links."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from rpf.errors import FeedError
from rpf.feeds.dates import DateReader
from rpf.feeds.values import is_colour, is_size, parse_availability, split_path
from tests.support.feeds import places, read_text

DAY = timedelta(days=1)
UTC = timezone.utc


@pytest.mark.parametrize(
    ("text", "begin"),
    [
        ("2026-03-31", datetime(2026, 3, 31, tzinfo=UTC)),
        ("2026/3/31", datetime(2026, 3, 31, tzinfo=UTC)),
        ("31.03.2026", datetime(2026, 3, 31, tzinfo=UTC)),
        ("31-03-26", datetime(2026, 3, 31, tzinfo=UTC)),
        ("3/4/26", datetime(2026, 3, 4, tzinfo=UTC)),
        ("3/4/26, 12:00 AM", datetime(2026, 3, 4, tzinfo=UTC)),
    ],
)
def test_date_without_a_time_is_the_whole_day(text: str, begin: datetime) -> None:
    assert DateReader().read(text) == (begin, begin + DAY - timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-31T13:00-0800", datetime(2026, 3, 31, 21, tzinfo=UTC)),
        ("2026-03-31T13:00:30+05:30", datetime(2026, 3, 31, 7, 30, 30, tzinfo=UTC)),
        ("2026-03-31 13:00:00", datetime(2026, 3, 31, 13, tzinfo=UTC)),
        ("2026-03-31T13:00:00.000Z", datetime(2026, 3, 31, 13, tzinfo=UTC)),
    ],
)
def test_date_with_a_time_is_that_moment(text: str, moment: datetime) -> None:
    assert DateReader().read(text) == (moment, moment)


def test_date_has_the_order_of_day_and_month_that_another_one_shows() -> None:
    reader = DateReader()
    reader.observe("31/03/2026")

    assert reader.read("4/3/26")[0] == datetime(2026, 3, 4, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "31/31/26", "2026-02-30", "2026-01-01T25:00", "0000-01-01"])
def test_date_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        DateReader().read(text)


@pytest.mark.parametrize(
    "text", ["in stock", "In_Stock", "https://schema.org/InStock", "yes", "1", "12", "0.5", "preorder", "on-backorder"]
)
def test_availability_of_what_can_be_ordered_is_true(text: str) -> None:
    assert parse_availability(text) is True


@pytest.mark.parametrize("text", ["out of stock", "OutOfStock", "sold-out", "no", "0", "-3", "false", "0,0"])
def test_availability_of_what_cannot_be_ordered_is_false(text: str) -> None:
    assert parse_availability(text) is False


def test_option_names_of_several_languages_are_recognised() -> None:
    assert all(map(is_colour, ["Color", "fashion_color", "Main Colour", "Farbe", "Màu sắc", "颜色"]))
    assert all(map(is_size, ["Size", "shoe_size", "Größe", "Taille (FR)", "尺码"]))
    assert not any(map(is_colour, ["Size", "Colorado", "Material", ""]))


def test_category_path_may_have_escaped_separators() -> None:
    assert split_path(r"Women > Coats \> Jackets >  ") == ("Women", "Coats > Jackets")


ROW = "id,title,price,image,url_key,note\n1,Hat,5,h.jpg,{key},\n"


@pytest.mark.parametrize(
    ("key", "url"),
    [("red-hat", "red-hat"), ("mũ đỏ", "m%C5%A9%20%C4%91%E1%BB%8F"), ("a/b?c#d&e", "a%2Fb%3Fc%23d%26e")],
)
def test_link_is_filled_with_quoted_columns(tmp_path: Path, key: str, url: str) -> None:
    feed = read_text(tmp_path, ROW.format(key=key), link="https://shop.example/{id}/{url_key}.html")

    assert feed.products[0].url == f"https://shop.example/1/{url}.html"


def test_link_is_for_products_without_an_address(tmp_path: Path) -> None:
    text = "id,title,price,image,url\n1,Hat,5,h.jpg,https://other.example/hat\n2,Tie,5,t.jpg,\n"
    feed = read_text(tmp_path, text, link="https://shop.example/{id}")

    assert [product.url for product in feed.products] == ["https://other.example/hat", "https://shop.example/2"]


def test_link_that_needs_an_empty_column_is_reported(tmp_path: Path) -> None:
    feed = read_text(tmp_path, ROW.format(key="hat"), link="https://shop.example/{note}")

    assert (feed.products[0].url, places(feed)) == ("", [(2, "")])


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ("https://shop.example/{urlkey}", '"urlkey".*Its columns: id, image, note, price, title, url_key'),
        ("javascript:{id}", "no http or https"),
        ("shop.example/{id}", "no http or https"),
        ("https://shop.example/hat", "names no column"),
        ("https://shop.example/{id", "cannot be used"),
        ("https://shop.example/{}", "name of a column"),
        ("https://shop.example/{id!r}", "name of a column"),
        ("https://shop.example/{id:>5}", "name of a column"),
    ],
)
def test_link_that_cannot_be_used_is_an_error(tmp_path: Path, link: str, why: str) -> None:
    with pytest.raises(FeedError, match=why):
        read_text(tmp_path, ROW.format(key="hat"), link=link)


def test_link_names_columns_of_feeds_without_a_header_too(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="Its columns: id, title"):
        read_text(tmp_path, '{"id": "1", "title": "Hat"}', link="https://shop.example/{key}")


def test_currency_is_for_prices_that_name_none(tmp_path: Path) -> None:
    text = "id,title,price,image\n1,Hat,5,h.jpg\n2,Tie,5 USD,t.jpg\n3,Sock,,s.jpg\n"

    assert [product.currency for product in read_text(tmp_path, text, currency="VND").products] == ["VND", "USD", ""]


def test_currency_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match='"usd" is no currency'):
        read_text(tmp_path, ROW, currency="usd")


def test_currencies_of_one_product_that_differ_are_reported(tmp_path: Path) -> None:
    text = "id,group,title,price,image\n1,P,Hat,5 EUR,h.jpg\n2,P,Hat,4 USD,h.jpg\n"
    feed = read_text(tmp_path, text)

    assert (str(feed.products[0].price), feed.products[0].currency) == ("5.00", "EUR")
    assert places(feed) == [(3, "price")]
