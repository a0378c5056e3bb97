"""Products as files of each format of feeds, and products that all formats can tell."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from xml.sax.saxutils import escape

from hypothesis import strategies as st

from rpf.products import Photo, Product, Variant

PLAIN = st.characters(
    codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Zl", "Zp", "Zs"), exclude_characters="\\,;=|>'/"
)
SHOP = "https://shop.example"
Row = dict[str, Any]


def texts(limit: int = 12) -> st.SearchStrategy[str]:
    """Draw texts without what has a meaning in one of the formats."""
    return (
        st.text(st.one_of(PLAIN, st.sampled_from(' "&<')), min_size=1, max_size=limit)
        .map(str.strip)
        .filter(lambda text: text and text[0] not in "+-@" and text[0] != '"')
    )


@st.composite
def products(draw: st.DrawFn) -> tuple[Product, ...]:
    """Draw products with variants by colour and size, a photo of each colour, and a description with line breaks."""
    return tuple(draw(_product(f"{number}-")) for number in range(draw(st.integers(1, 4))))


@st.composite
def _product(draw: st.DrawFn, prefix: str) -> Product:
    colours = draw(st.lists(texts(), min_size=1, max_size=3, unique=True))
    sizes = draw(st.lists(texts(), min_size=1, max_size=3, unique=True))
    prices = st.decimals(0, 10**6, places=2)
    pairs = [(colour, size) for colour in colours for size in sizes]
    variants = tuple(
        Variant(id=f"{prefix}v{number}", colour=colour, size=size, price=draw(prices), available=draw(st.booleans()))
        for number, (colour, size) in enumerate(pairs)
    )
    return Product(
        id=prefix + draw(texts()),
        title=draw(texts(40)),
        url=f"{SHOP}/{prefix}",
        categories=(tuple(draw(st.lists(texts(), min_size=1, max_size=3))),),
        price=min(variant.price for variant in variants if variant.price is not None),
        currency="EUR",
        available=any(variant.available for variant in variants),
        columns={"description": draw(st.sampled_from(["<p>Soft.</p>\n<p>a, b; c|d\te</p>", 'He said "no"', "x"]))},
        variants=variants,
        photos=tuple(
            Photo(source=f"{SHOP}/{prefix}{number}.jpg", colour=colour) for number, colour in enumerate(colours)
        ),
    )


def _source(product: Product, variant: Variant) -> str:
    return next(photo.source for photo in product.photos if photo.colour == variant.colour)


def _table(rows: Iterable[Row], separator: str = ",", newline: str = "\n") -> str:
    rows = list(rows)
    text = io.StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(text, names, restval="", delimiter=separator, lineterminator=newline)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _flat(some: Sequence[Product]) -> Iterable[Row]:
    for product in some:
        for variant in product.variants:
            yield {
                "id": variant.id, "group": product.id, "title": product.title, "url": product.url,
                "category": " > ".join(product.categories[0]), "price": f"{variant.price}",
                "currency": product.currency, "available": "yes" if variant.available else "no",
                "colour": variant.colour, "size": variant.size, "image": _source(product, variant), **product.columns,
            }  # fmt: skip


def csv_file(some: Sequence[Product], separator: str = ",", newline: str = "\n") -> str:
    return _table(_flat(some), separator, newline)


def json_file(some: Sequence[Product]) -> str:
    return "\n".join(json.dumps(row) for row in _flat(some))


def _google(some: Sequence[Product]) -> Iterable[Row]:
    for row in _flat(some):
        category = row["category"] if "," not in row["category"] else f'"{row["category"]}"'
        yield {
            "id": row["id"], "item_group_id": row["group"], "title": row["title"], "link": row["url"],
            "image_link": row["image"], "price": f"{row['price']} EUR", "color": row["colour"], "size": row["size"],
            "availability": "in_stock" if row["available"] == "yes" else "out_of_stock", "product_type": category,
            "description": row["description"],
        }  # fmt: skip


def google_file(some: Sequence[Product]) -> str:
    return _table(_google(some), "\t")


def google_xml(some: Sequence[Product]) -> str:
    items = (
        "".join(f"<g:{name}>{escape(text)}</g:{name}>" for name, text in row.items()).join(["<item>", "</item>\n"])
        for row in _google(some)
    )
    start = '<?xml version="1.0"?><rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel>\n'
    return start + "".join(items) + "</channel></rss>"


def magento_file(some: Sequence[Product]) -> str:
    rows: list[Row] = []
    for product in some:
        for variant in product.variants:
            rows.append({
                "sku": variant.id, "attribute_set_code": "", "product_type": "simple", "name": product.title,
                "visibility": "Not Visible Individually", "price": f"{variant.price:.6f}", "product_online": 1,
                "is_in_stock": int(bool(variant.available)), "base_image": _source(product, variant),
                "additional_attributes": f"color={variant.colour},size={variant.size}", "description": "",
            })  # fmt: skip
        variations = (f"sku={one.id},color={one.colour},size={one.size}" for one in product.variants)
        rows.append({
            "sku": product.id, "product_type": "configurable", "name": product.title, "visibility": "Catalog, Search",
            "categories": "/".join(["Default Category", *product.categories[0]]), **product.columns,
            "configurable_variations": "|".join(variations), "product_online": 1,
        })  # fmt: skip
    return _table(rows)


def woocommerce_file(some: Sequence[Product]) -> str:
    rows: list[Row] = []
    for number, product in enumerate(some):
        rows.append({
            "ID": number, "Type": "variable", "SKU": product.id, "Name": product.title, "Published": 1, "In stock?": 1,
            "Regular price": "", "Categories": " > ".join(product.categories[0]), "Images": "", "Parent": "",
            **{name: text.replace("\n", "\\n") for name, text in product.columns.items()},
        })  # fmt: skip
        rows += [
            {
                "ID": "", "Type": "variation", "SKU": variant.id, "Name": product.title, "Published": 1,
                "In stock?": int(bool(variant.available)), "Regular price": str(variant.price).replace(".", ","),
                "Images": _source(product, variant), "Parent": product.id if len(rows) % 2 else f"id:{number}",
                "Attribute 1 name": "Color", "Attribute 1 value(s)": variant.colour,
                "Attribute 2 name": "Size", "Attribute 2 value(s)": variant.size,
            }
            for variant in product.variants
        ]  # fmt: skip
    return _table(rows)


def shopify_file(some: Sequence[Product]) -> str:
    rows: list[Row] = []
    for product in some:
        sources = [photo.source for photo in product.photos]
        for number, variant in enumerate(product.variants):
            first = number == 0
            rows.append({
                "URL handle": product.id, "Title": product.title if first else "",
                "Product category": " > ".join(product.categories[0]) if first else "",
                "Option1 name": "Color" if first else "", "Option1 value": variant.colour,
                "Option2 name": "Size" if first else "", "Option2 value": variant.size, "SKU": variant.id,
                "Inventory tracker": "shopify", "Inventory quantity": int(bool(variant.available)),
                "Price": str(variant.price), "Product image URL": sources[number] if number < len(sources) else "",
                "Variant image URL": _source(product, variant), **(product.columns if first else {}),
            })  # fmt: skip
    return _table(rows)


WRITERS: dict[str, Callable[[Sequence[Product]], str]] = {
    "CSV": csv_file, "JSON lines": json_file, "Google Merchant": google_file, "Google Merchant XML": google_xml,
    "Magento 2": magento_file, "WooCommerce": woocommerce_file, "Shopify": shopify_file,
}  # fmt: skip
