"""Tables and JSON lines of no known shop system, with and without a mapping."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from rpf.errors import FeedError
from tests.support.feeds import by_id, photos, places, read_text, variants


def mapping(folder: Path, text: str) -> Path:
    path = folder / "mapping.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "header",
    [
        "id,title,price,url,image,category,colour,size,available",
        "SKU,Name,Price,Link,Images,Categories,Color,Size,Availability",
        "Article_Number,Product Name,PRICE,product-url,image_url,Category Path,COLOUR,size,in stock",
    ],
)
def test_plain_table_with_obvious_names_is_understood(tmp_path: Path, header: str) -> None:
    text = header + '\nA1,Coat,12.50,https://shop.example/a1,"a.jpg, b.jpg","Women > Coats, Sale",Red,S,yes\n'
    feed = read_text(tmp_path, text)
    coat = feed.products[0]

    assert (feed.format, feed.rows, feed.problems) == ("CSV", 1, ())
    assert (coat.id, coat.title, coat.url) == ("A1", "Coat", "https://shop.example/a1")
    assert coat.categories == (("Women", "Coats"), ("Sale",))
    assert variants(coat) == [("A1", "Red", "S", "12.50", True)]
    assert photos(coat) == [("a.jpg", "Red"), ("b.jpg", "Red")]


def test_plain_images_may_be_in_several_columns(tmp_path: Path) -> None:
    text = "id,title,image,image 2,image_3,Photo,Image URL 4\nA1,Coat,a.jpg,b.jpg,,a.jpg,c.jpg\n"

    assert [source for source, _ in photos(read_text(tmp_path, text).products[0])] == ["a.jpg", "b.jpg", "c.jpg"]


def test_plain_images_may_be_in_columns_of_one_name(tmp_path: Path) -> None:
    text = "id,title,image,image\nA1,Coat,a.jpg,b.jpg\n"

    assert [source for source, _ in photos(read_text(tmp_path, text).products[0])] == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize(
    ("cell", "sources"),
    [
        ("a.jpg|b.jpg", ["a.jpg", "b.jpg"]),
        ("a.jpg;b.jpg", ["a.jpg", "b.jpg"]),
        ('"x/a.jpg\ny/b.jpg"', ["x/a.jpg", "y/b.jpg"]),
        ('"https://x.example/1, https://x.example/2"', ["https://x.example/1", "https://x.example/2"]),
        ('"https://x.example/w_4,h_3/a.jpg"', ["https://x.example/w_4,h_3/a.jpg"]),
        ('"coat, red.jpg"', ["coat, red.jpg"]),
    ],
)
def test_plain_list_of_images_is_split_only_where_images_result(tmp_path: Path, cell: str, sources: list[str]) -> None:
    feed = read_text(tmp_path, f"id,title,images\nA1,Coat,{cell}\n")

    assert [source for source, _ in photos(feed.products[0])] == sources


def test_plain_further_rows_of_an_id_are_further_images(tmp_path: Path) -> None:
    text = "id,title,color,price,image\nA1,Coat,Red,5,a.jpg\nA2,Hat,,7,h.jpg\nA1,,,,b.jpg\nA1,Coat,Red,5,c.jpg\n"
    feed = read_text(tmp_path, text)

    assert feed.problems == ()
    assert photos(by_id(feed)["A1"]) == [("a.jpg", "Red"), ("b.jpg", "Red"), ("c.jpg", "Red")]
    assert len(by_id(feed)["A1"].variants) == 1


def test_plain_further_row_that_says_something_else_is_a_duplicate(tmp_path: Path) -> None:
    feed = read_text(tmp_path, "id,title,price,image\nA1,Coat,5,a.jpg\nA1,Coat,6,b.jpg\n")

    assert photos(feed.products[0]) == [("a.jpg", "")]
    assert (places(feed), feed.problems[0].product) == ([(3, "id")], "A1")


def test_plain_rows_of_one_group_are_variants_and_share_what_they_have_in_common(tmp_path: Path) -> None:
    text = (
        "id,group,title,color,size,price,fabric,ean,image\n"
        "1,P,Tee,Red,S,5,Cotton,11,r.jpg\n2,Q,Hat,,,9,Wool,12,h.jpg\n3,P,Tee,Red,M,5,Cotton,13,r.jpg\n"
        "4,P,Tee,Blue,M,4.5,Cotton,14,b.jpg\n"
    )
    tee, hat = read_text(tmp_path, text).products

    assert (tee.id, tee.columns, tee.price) == ("P", {"fabric": "Cotton"}, Decimal("4.50"))
    assert [variant.columns for variant in tee.variants] == [{"ean": "11"}, {"ean": "13"}, {"ean": "14"}]
    assert photos(tee) == [("r.jpg", "Red"), ("b.jpg", "Blue")]
    assert (hat.id, hat.columns) == ("Q", {"fabric": "Wool", "ean": "12"})


def test_plain_row_that_others_name_as_their_parent_is_the_product_itself(tmp_path: Path) -> None:
    text = (
        "id,parent,title,color,size,price,image\nP-S,P,Tee S,Red,S,5,s.jpg\nP,,Tee,,,,p.jpg\nP-M,P,Tee M,Red,M,6,\n"
        "Q,,Cap,Blue,M,7,q.jpg\nQ-L,Q,Cap,Blue,L,8,\n"
    )
    tee, cap = read_text(tmp_path, text).products

    assert (tee.title, [variant.id for variant in tee.variants]) == ("Tee", ["P-S", "P-M"])
    assert photos(tee) == [("p.jpg", "Red"), ("s.jpg", "Red")]
    assert [variant.id for variant in cap.variants] == ["Q", "Q-L"]  # the first has a size, and is sold itself


def test_plain_preferred_column_is_the_id_and_the_other_is_kept(tmp_path: Path) -> None:
    products = read_text(tmp_path, "code,sku,id,name\nC1,S1,1,Coat\nC2,,,Hat\n").products

    assert [(product.id, product.columns) for product in products] == [("1", {"code": "C1", "sku": "S1"}), ("C2", {})]


def test_mapping_names_the_columns_and_separators(tmp_path: Path) -> None:
    text = (
        "Artikel;Modell;Bezeichnung;Preis;Aktion;bis;Währung;Farbe;Größe;Bild 1;Bild 2;Gruppe;Lager;Stoff\n"
        "4711;47;Mantel;1.299,00;999,00;31.12.2030;EUR;Rot;S;a.jpg / b.jpg;c.jpg;Damen|Mäntel;3;Wolle\n"
    )
    feed = read_text(
        tmp_path,
        text,
        mapping=mapping(
            tmp_path,
            "id: Artikel\ngroup: Modell\ntitle: Bezeichnung\nprice: Preis\nsale_price: Aktion\nsale_end: bis\n"
            "currency: Währung\ncolour: Farbe\nsize: Größe\nimages: [Bild 1, Bild 2]\nimage_separator: ' / '\n"
            "categories: Gruppe\nlevel_separator: '|'\navailable: Lager\n",
        ),
    )
    coat = feed.products[0]

    assert (feed.format, feed.problems) == ("CSV", ())
    assert (coat.id, coat.price, coat.currency, coat.available) == ("47", Decimal(999), "EUR", True)
    assert variants(coat) == [("4711", "Rot", "S", "999.00", True)]
    assert [source for source, _ in photos(coat)] == ["a.jpg", "b.jpg", "c.jpg"]
    assert (coat.categories, coat.columns) == ((("Damen", "Mäntel"),), {"Stoff": "Wolle"})


def test_mapping_goes_before_a_format_that_the_header_shows(tmp_path: Path) -> None:
    text = "Handle,Title,Variant SKU,Variant Price,Image Src\nh,Hat,S1,5,a.jpg\n"
    feed = read_text(tmp_path, text, mapping=mapping(tmp_path, "id: Variant SKU\ntitle: Title\n"))

    assert (feed.format, feed.products[0].id) == ("CSV", "S1")


def test_mapping_with_a_missing_column_is_reported_and_the_rest_read(tmp_path: Path) -> None:
    feed = read_text(
        tmp_path, "id,t\n1,Hat\n", mapping=mapping(tmp_path, "id: id\ntitle: t\nimages: pic\nprice: cost\n")
    )

    assert feed.products[0].title == "Hat"
    assert sorted(places(feed)) == [(1, "cost"), (1, "pic")]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("title: t\n", "id"),
        ("id: sku\ncolor: c\n", "color.*colour"),
        ("id: 5\n", "id: should be a valid string"),
        ("id: sku\ntitle: sku\n", '"sku" is given to two fields'),
        ("- id\n", "id: sku"),
        ("id: [", "mapping"),
        ("", "id: sku"),
        ("id: nothing\n", '"nothing" as the id, which is no column'),
    ],
)
def test_mapping_that_cannot_be_used_is_an_error_in_one_line(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(FeedError, match=why) as error:
        read_text(tmp_path, "sku,t\n1,Hat\n", mapping=mapping(tmp_path, text))

    assert "\n" not in str(error.value)


def test_mapping_of_an_xml_feed_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="for tables and JSON lines"):
        read_text(tmp_path, "<rss/>", mapping=mapping(tmp_path, "id: sku"))


def test_mapping_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="cannot be read: No such file"):
        read_text(tmp_path, "sku,t\n1,Hat\n", mapping=tmp_path / "none.yaml")


def test_json_lines_keep_numbers_lists_and_inner_objects_as_text(tmp_path: Path) -> None:
    lines = [
        '{"id": 12345678901234567890, "title": "Coat", "price": 19.90, "images": ["a.jpg", "b,c.jpg"],'
        ' "available": true, "category": ["Women > Coats", "Sale"],'
        ' "details": {"fabric": "Wool", "care": ["cold", "no dryer"]}, "note": null}',
        "",
        '{"id": "2", "title": "Hat", "image": "h.jpg", "available": false}',
    ]
    feed = read_text(tmp_path, "\n".join(lines))
    coat = feed.products[0]

    assert (feed.format, feed.rows, feed.problems) == ("JSON lines", 2, ())
    assert (coat.id, str(coat.price), coat.available) == ("12345678901234567890", "19.90", True)
    assert photos(coat) == [("a.jpg", ""), ("b,c.jpg", "")]
    assert coat.categories == (("Women", "Coats"), ("Sale",))
    assert coat.columns == {"details.fabric": "Wool", "details.care": "cold, no dryer"}


def test_json_lines_take_a_mapping_with_paths(tmp_path: Path) -> None:
    line = {"sku": "A", "cost": {"amount": 5, "currency": "EUR"}, "media": [{"src": "a.jpg"}, {"src": "b.jpg"}]}
    feed = read_text(
        tmp_path,
        json.dumps(line),
        mapping=mapping(tmp_path, "id: sku\nprice: cost.amount\ncurrency: cost.currency\nimages: media.src\n"),
    )

    assert (feed.products[0].price, feed.products[0].currency) == (Decimal(5), "EUR")
    assert len(feed.products[0].photos) == 2


def test_json_lines_that_are_none_are_reported(tmp_path: Path) -> None:
    text = '{"id": "1", "title": "Hat"}\n{"id": \n[]\n"x"\n{"title": "Nameless"}\n' + '{"a":' * 2000 + "1" + "}" * 2000
    feed = read_text(tmp_path, text + '\n{"id": "2\\ud800", "title": "Bad \\u0000 title"}\n')

    assert places(feed) == [(2, ""), (3, ""), (4, ""), (5, "id"), (6, ""), (7, "title")]
    assert [product.id for product in feed.products] == ["1", "2?"]
    assert feed.products[1].title == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('[{"id": "1"}]', "one JSON list.*jq"),
        ('{"level": "info", "message": "x"}\n', "no usable row"),
        ("{", "no usable row"),
    ],
)
def test_json_that_is_no_feed_is_an_error(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(FeedError, match=why):
        read_text(tmp_path, text)
