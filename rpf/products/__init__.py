"""Products of a shop: their records.

- product: `Product` with its `Variant`s and `Photo`s, validated, without I/O.
"""

from rpf.products.product import Photo, Product, Variant

__all__ = ["Photo", "Product", "Variant"]
