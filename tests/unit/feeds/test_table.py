"""Tables: encodings, separators, quotation marks, broken rows and cells, and what is no feed at all."""

import codecs
import os
from pathlib import Path

import pytest

from rpf.errors import FeedError
from rpf.feeds import read_feed
from tests.support.feeds import by_id, photos, places, read_text

TEXT = "id,title,price,image\n1,Größe „S“,5,a.jpg\n2,Áo,7,b.jpg\n"


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_table_with_any_separator_and_line_break_is_read(tmp_path: Path, separator: str, newline: str) -> None:
    feed = read_text(tmp_path, TEXT.replace(",", separator).replace("\n", newline))

    assert [product.title for product in feed.products] == ["Größe „S“", "Áo"]
    assert feed.problems == ()


def test_table_separator_is_that_of_the_header_whatever_the_cells_have(tmp_path: Path) -> None:
    feed = read_text(tmp_path, "id;title;price;image\n1;a, b, c, d, e, f | g;5,00;a.jpg\n")

    assert feed.products[0].title == "a, b, c, d, e, f | g"


def test_table_may_begin_with_excels_note_and_empty_lines(tmp_path: Path) -> None:
    feed = read_text(tmp_path, 'sep=;\n\n"id";"title";"image"\n1;Hat;"x\n')

    assert feed.products[0].id == "1"
    assert feed.rows == 1


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        TEXT.encode("utf-16"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
    ],
    ids=["UTF-8", "UTF-8 with BOM", "UTF-16 LE", "UTF-16 BE"],
)
def test_table_in_an_encoding_of_unicode_is_read(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "feed").write_bytes(data)
    feed = read_feed(tmp_path / "feed")

    assert [product.title for product in feed.products] == ["Größe „S“", "Áo"]
    assert feed.problems == ()


def test_table_that_is_no_utf8_is_read_as_windows_1252_and_that_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "feed").write_bytes(TEXT.encode("cp1252"))
    feed = read_feed(tmp_path / "feed")

    assert [product.title for product in feed.products] == ["Größe „S“", "Áo"]
    assert places(feed) == [(2, "")]
    assert "Windows-1252" in feed.problems[0].message


def test_table_with_line_breaks_in_cells_has_problems_at_the_line_where_the_row_begins(tmp_path: Path) -> None:
    text = 'id,title,price,image,text\n1,Hat,5,h.jpg,"<p>\n\n</p>"\n2,Cap,bad,c.jpg,"x\r\ny"\n3,Tie,5,ftp://x/y.jpg,\n'
    feed = read_text(tmp_path, text)

    assert feed.products[0].columns["text"] == "<p>\n\n</p>"
    assert feed.products[1].columns["text"] == "x\r\ny"
    assert places(feed) == [(5, "price"), (7, "image")]


def test_table_rows_with_too_many_or_too_few_cells_are_left_out(tmp_path: Path) -> None:
    feed = read_text(
        tmp_path, "id,title,image\n1,Hat,h.jpg\n2,Cap\n3,Tie, silk,t.jpg\n4,Bag,b.jpg,,\n,,\n\n5,Sock,s.jpg\n"
    )

    assert list(by_id(feed)) == ["1", "4", "5"]
    assert places(feed) == [(1, "price"), (3, ""), (4, "")]
    assert feed.rows == 5


@pytest.mark.parametrize(
    ("row", "title"),
    [
        ('2,"Cap "best" of all",c.jpg', 'Cap best" of all"'),
        ('2,5" heel,c.jpg', '5" heel'),
        ('2,"5"" heel",c.jpg', '5" heel'),
    ],
)
def test_table_with_stray_quotation_marks_is_read_as_well_as_may_be(tmp_path: Path, row: str, title: str) -> None:
    feed = read_text(tmp_path, f'id,title,image\n1,Hat,h.jpg\n{row}\n3,Tie,"t.jpg"\n')

    assert list(by_id(feed)) == ["1", "2", "3"]
    assert by_id(feed)["2"].title == title


@pytest.mark.parametrize("row", ['2,"Cap,c.jpg', '2,"Cap', '2,Cap,"c.jpg'])
def test_table_with_a_quotation_mark_that_is_never_closed_loses_one_row_at_most(tmp_path: Path, row: str) -> None:
    feed = read_text(tmp_path, f'id,title,image\n1,Hat,h.jpg\n{row}\n3,Tie,"t.jpg"\n4,"Bag",b.jpg\n')

    assert {"1", "3", "4"} <= set(by_id(feed))
    assert {line for line, column in places(feed) if column != "price"} <= {3}


def test_table_without_quoting_keeps_quotation_marks_at_the_begin_of_cells(tmp_path: Path) -> None:
    text = 'id\ttitle\timage\n1\t"Hat" of all\th.jpg\n2\t"XL Cap\tc.jpg\n3\tTie\tt.jpg\n4\tsmall"\tb.jpg\n'
    feed = read_text(tmp_path, text)

    assert [product.title for product in feed.products][1:] == ['"XL Cap', "Tie", 'small"']


def test_table_with_nul_bytes_leaves_the_cells_out(tmp_path: Path) -> None:
    text = "id,title,image,note\n1,H\0at,h.jpg,x\n2,Cap,c\0.jpg,y\n\x003,Tie,t.jpg,\n4,Bag,b.jpg,n\0ote\n"
    feed = read_text(tmp_path, text)

    assert places(feed) == [(1, "price"), (2, "title"), (3, "image"), (4, "id"), (5, "note")]
    assert [(product.id, product.title, len(product.photos)) for product in feed.products] == [
        ("1", "", 1), ("2", "Cap", 0), ("4", "Bag", 1),
    ]  # fmt: skip
    assert feed.products[2].columns == {}


def test_table_without_columns_that_products_should_have_is_reported(tmp_path: Path) -> None:
    feed = read_text(tmp_path, "id,title\n1,Hat\n")

    assert sorted(places(feed)) == [(1, "images"), (1, "price")]
    assert len(feed.products) == 1


@pytest.mark.parametrize(
    "source",
    [
        "ftp://x.example/a.jpg",
        "file:///etc/passwd",
        "/etc/passwd",
        "../a.jpg",
        "a/../../b.jpg",
        "C:\\a.jpg",
        "\\\\host\\a",
    ],
)
def test_table_image_from_elsewhere_is_left_out_and_the_product_stays(tmp_path: Path, source: str) -> None:
    feed = read_text(tmp_path, f"id,title,price,image,image 2\n1,Hat,5,{source},h.jpg\n")

    assert photos(feed.products[0]) == [("h.jpg", "")]
    assert places(feed) == [(2, "image")]
    assert source.replace("\\", "") in feed.problems[0].message.replace("\\", "")


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ({"price": "cheap"}, "price"),
        ({"price": "-5"}, "price"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"available": "perhaps"}, "available"),
        ({"currency": "XYZ!"}, "currency"),
        ({"title": "t" * 501}, "title"),
        ({"note": "n" * 10_001}, "note"),
        ({"category": " > ".join("abcdefghijklmnopqrstuvwxyz")}, "category"),
    ],
)
def test_table_cell_that_cannot_be_used_is_left_out_and_the_product_stays(
    tmp_path: Path, cells: dict[str, str], column: str
) -> None:
    row = {"id": "1", "title": "Hat", "price": "5", "image": "h.jpg", "url": "", "available": "", "currency": "",
           "category": "", "note": "", **cells}  # fmt: skip
    feed = read_text(tmp_path, ",".join(row) + "\n" + ",".join(row.values()) + "\n")

    assert [product.id for product in feed.products] == ["1"]
    assert (places(feed), feed.problems[0].product) == ([(2, column)], "1")


def test_table_problem_quotes_a_long_value_shortened_on_one_line(tmp_path: Path) -> None:
    feed = read_text(tmp_path, 'id,title,price,image\n1,Hat,"5\n\x1b[31m' + "9" * 500 + '",h.jpg\n')

    assert len(feed.problems[0].message) < 200
    assert feed.problems[0].message.isprintable()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is empty"),
        (b"\n\n  \n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"PK\x03\x04rest", "ZIP archive or a spreadsheet"),
        (b"\x1f\x8b\x08rest", "compressed"),
        (b"%PDF-1.7", "PDF"),
        (b"date,amount\n1,2\n", '"date", "amount"'),
        (b"Dear shop,\nplease find attached\n", "Give a mapping"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "neither"),
    ],
)
def test_file_that_is_no_feed_is_an_error_in_one_line(tmp_path: Path, data: bytes, why: str) -> None:
    (tmp_path / "feed.csv").write_bytes(data)

    with pytest.raises(FeedError, match=why) as error:
        read_feed(tmp_path / "feed.csv")

    assert str(error.value).isprintable()


def test_table_with_a_header_alone_has_no_products(tmp_path: Path) -> None:
    feed = read_text(tmp_path, "id,title,price,image\n")

    assert (feed.products, feed.rows, feed.problems) == ((), 0, ())


def test_file_with_an_endless_line_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "feed.csv").write_bytes(b"id,title\n1," + b"x" * 3_000_000 + b"\n")

    with pytest.raises(FeedError, match="Line 2 of the feed"):
        read_feed(tmp_path / "feed.csv")


@pytest.mark.parametrize(("name", "why"), [("missing.csv", "No such file"), ("folder", "no file"), ("pipe", "no file")])
def test_file_that_cannot_be_opened_is_an_error(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(FeedError, match=why):
        read_feed(tmp_path / name)


def test_table_with_a_header_of_many_columns_is_read(tmp_path: Path) -> None:
    names = ",".join(f"column {number}" for number in range(20_000))

    assert read_text(tmp_path, f"id,title,price,image,{names}\n1,Hat,5,h.jpg{',' * 20_000}\n").problems == ()


@pytest.mark.parametrize("header", ['"id,title,image', 'id,"title" x,image', 'id,title,"image'])
def test_table_with_stray_quotation_marks_in_the_header_is_read_or_refused(tmp_path: Path, header: str) -> None:
    try:
        assert read_text(tmp_path, f"{header}\n1,Hat,h.jpg\n").products[0].id == "1"
    except FeedError as error:
        assert "Give a mapping" in str(error)


def test_table_columns_of_one_name_that_are_empty_are_left_out(tmp_path: Path) -> None:
    text = "id,title,price,image,note,note\n1,Hat,5,h.jpg,,\n2,Tie,5,t.jpg,a,b\n"
    feed = read_text(tmp_path, text, link="https://shop.example/{note}")

    assert [product.columns for product in feed.products] == [{}, {"note": "a, b"}]
    assert [product.url for product in feed.products] == ["", "https://shop.example/a"]


def test_product_with_too_many_variants_photos_or_columns_keeps_the_first(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(205)]
    rows = "".join(f"{number},p,Hat,5,{number}.jpg,{',' * 204}\n" for number in range(2_001))
    text = f"id,group,title,price,image,{','.join(names)}\n{rows}q,,Tie,5,t.jpg,{','.join(names)}\n"
    feed = read_text(tmp_path, text)
    hat, tie = feed.products

    assert (len(hat.variants), len(hat.photos), len(tie.columns)) == (2_000, 200, 200)
    assert places(feed) == [(202, "image"), (2_002, "id"), (2_003, "")]
