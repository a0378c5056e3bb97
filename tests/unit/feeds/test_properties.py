"""Properties of all formats: what is written is read back, and nothing in a file raises anything but FeedError."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpf.errors import FeedError, printable
from rpf.feeds import read_feed
from rpf.products import Product
from tests.support.feed_writers import WRITERS, csv_file, products
from tests.support.feeds import read_text


@pytest.mark.parametrize("format_name", WRITERS)
@given(some=products())
def test_products_written_in_a_format_are_read_back_equal(
    tmp_path: Path, format_name: str, some: tuple[Product, ...]
) -> None:
    feed = read_text(tmp_path, WRITERS[format_name](some), currency="EUR")
    with_address = format_name in ("CSV", "JSON lines") or format_name.startswith("Google")
    expected = some if with_address else tuple(product.model_copy(update={"url": ""}) for product in some)

    assert feed.problems == ()
    assert feed.format == format_name.removesuffix(" XML")
    assert feed.products == expected


@given(
    some=products(),
    separator=st.sampled_from(",;\t|"),
    newline=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_products_in_any_separator_and_encoding_are_read_back_equal(
    tmp_path: Path, some: tuple[Product, ...], separator: str, newline: str, encoding: str
) -> None:
    (tmp_path / "feed").write_bytes(csv_file(some, separator, newline).encode(encoding))

    assert read_feed(tmp_path / "feed").products == some


@pytest.mark.parametrize("format_name", WRITERS)
@given(some=products(), data=st.data())
def test_products_beside_broken_bytes_are_read_or_the_feed_is_refused(
    tmp_path: Path, format_name: str, some: tuple[Product, ...], data: st.DataObject
) -> None:
    content = bytearray(WRITERS[format_name](some).encode())
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(content)))
        length = data.draw(st.integers(0, 20))
        content[place : place + length] = data.draw(
            st.one_of(st.binary(max_size=8), st.sampled_from([b'"', b"\n", b"\0", b",", b"{", b"<", b"\xff", b"="]))
        )
    (tmp_path / "feed").write_bytes(content)

    try:
        feed = read_feed(tmp_path / "feed")
    except FeedError as error:
        assert printable(error) == str(error)
    else:
        assert all(printable(problem) == str(problem) and problem.line >= 1 for problem in feed.problems)


@given(content=st.one_of(st.binary(), st.binary().map(b"id,title,image\n".__add__), st.text().map(str.encode)))
def test_arbitrary_bytes_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "feed").write_bytes(content)

    try:
        read_feed(tmp_path / "feed")
    except FeedError as error:
        assert printable(error) == str(error)


@given(content=st.binary())
def test_arbitrary_bytes_are_no_mapping(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "feed").write_text("id,title\n1,Hat\n")
    (tmp_path / "mapping.yaml").write_bytes(content)

    with pytest.raises(FeedError):
        read_feed(tmp_path / "feed", mapping=tmp_path / "mapping.yaml")
