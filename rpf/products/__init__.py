"""Products of a shop beside a collection's items.

- product: `Product` with its `Variant`s and `Photo`s, validated, without I/O;
- table: products, and which items are their photos, in SQLite;
- view: the same as arrays, for searches;
- filters: filters by price, availability and facets, with counts.
"""

from rpf.products.product import Photo, Product, Variant

__all__ = ["Photo", "Product", "Variant"]
