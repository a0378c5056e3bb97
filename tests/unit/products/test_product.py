"""Products, variants and photos: which values they take."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from rpf.products import Photo, Product, Variant
from rpf.products.product import MAX_PHOTOS, MAX_VARIANTS


@pytest.mark.parametrize(
    "source",
    ["a.jpg", "m/h/hood.jpg", "mẫu/áo dài.jpg", "..hidden.jpg", "https://shop.example/a b.jpg?v=1", "HTTP://x/a"],
)
def test_photo_with_a_relative_path_or_an_address_is_taken(source: str) -> None:
    assert Photo(source=source).source == source


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("", "at least 1 character"),
        ("/etc/passwd", "absolute"),
        ("\\\\server\\a.jpg", "absolute"),
        ("//cdn.example/a.jpg", "absolute"),
        ("a/../../b.jpg", "leads out"),
        ("a\\..\\b.jpg", "leads out"),
        ("file:///etc/passwd", "no http or https"),
        ("C:\\a.jpg", "no http or https"),
        ("data:image/png;base64,AAAA", "no http or https"),
        ("https:///a.jpg", "no http or https"),
        ("https://[x/a.jpg", "no http or https"),
        ("https://shop.example/a\nb.jpg", "no http or https"),
        ("a\0.jpg", "pattern"),
        ("a\ud800.jpg", "unicode"),
        ("https://shop.example/" + "a" * 2_000, "at most 2000"),
    ],
)
def test_photo_with_another_source_is_refused(source: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Photo(source=source)


@pytest.mark.parametrize(
    "fields",
    [
        {"id": ""},
        {"id": "a" * 501},
        {"id": "a\0"},
        {"title": "t" * 501},
        {"url": "javascript:alert(1)"},
        {"currency": "usd"},
        {"currency": "USD\n"},
        {"price": Decimal(-1)},
        {"price": Decimal("NaN")},
        {"price": Decimal("Infinity")},
        {"price": Decimal(10**12 + 1)},
        {"categories": (("Men", ""),)},
        {"columns": {"": "x"}},
        {"columns": {"x": "y" * 10_001}},
        {"columns": {str(number): "" for number in range(201)}},
        {"variants": tuple(Variant(id=str(number)) for number in range(MAX_VARIANTS + 1))},
        {"photos": tuple(Photo(source=str(number)) for number in range(MAX_PHOTOS + 1))},
        {"variants": (Variant(id="a"), Variant(id="a"))},
        {"photos": (Photo(source="a.jpg"), Photo(source="a.jpg", colour="Red"))},
        {"sku": "unknown"},
    ],
)
def test_product_with_a_value_out_of_bounds_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Product(**{"id": "p", **fields})


def test_product_is_the_same_after_json() -> None:
    product = Product(
        id="MH01",
        title="Áo hoodie",
        url="https://shop.example/mh01.html",
        categories=(("Men", "Tops"), ("Sale",)),
        price=Decimal("52.00"),
        currency="USD",
        available=True,
        columns={"material": "Wool\nCotton"},
        variants=(Variant(id="MH01-S", colour="Red", size="S", price=Decimal("52.00"), columns={"qty": "1"}),),
        photos=(Photo(source="m/h/mh01.jpg", colour="Red"),),
    )

    assert Product.model_validate_json(product.model_dump_json()) == product
