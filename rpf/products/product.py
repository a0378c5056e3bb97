"""Product, variant and photo: validated records of what a shop sells."""

import re
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

MAX_ID_LENGTH = 500  # characters, of titles, colours, sizes, categories and names of columns too
MAX_COLUMN_LENGTH = 10_000  # characters of a further column's text
MAX_URL_LENGTH = 2_000  # characters, of paths too
MAX_VARIANTS = 2_000
MAX_PHOTOS = 200
MAX_COLUMNS = 200
MAX_CATEGORIES = 100
MAX_CATEGORY_LEVELS = 20
MAX_PRICE = 10**12
PRICE_DECIMALS = 6

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
# Spaces are in paths of many feeds; control characters and line breaks are in none.
_ADDRESS = re.compile(
    r"https?://(?:[^/?#@\s\\]*@)?(?:\[[0-9a-f:.]+\]|[^/?#@:\[\]\s\\]+)(?::\d{1,5})?"
    "(?:[/?#][^\x00-\x1f\x7f-\x9f\u2028\u2029]*)?", re.I
)  # fmt: skip
_STORABLE = r"^[^\x00]*$"  # SQLite's functions take a NUL for the end; pydantic refuses halves of surrogate pairs


def check_url(url: str) -> str:
    """Return an address of the web. Raises ValueError for another scheme, and for an address without a host."""
    if not _ADDRESS.fullmatch(url):
        raise ValueError("it is no http or https address")
    return url


def is_address(source: str) -> bool:
    """Tell whether a photo's source is an address, and no path."""
    return bool(_SCHEME.match(source))


def check_source(source: str) -> str:
    """Return where a photo is: an address, or a path inside of a folder of images.

    Raises ValueError for other schemes, and for absolute and escaping paths.
    """
    if is_address(source):
        return check_url(source)
    parts = re.split(r"[/\\]", source)
    if not parts[0]:
        raise ValueError("the path is absolute")
    if ".." in parts:
        raise ValueError("the path leads out of the image folder")
    return source


Text = Annotated[str, Field(max_length=MAX_ID_LENGTH, pattern=_STORABLE)]
Name = Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH, pattern=_STORABLE)]
ColumnText = Annotated[str, Field(max_length=MAX_COLUMN_LENGTH, pattern=_STORABLE)]
Columns = Annotated[dict[Name, ColumnText], Field(max_length=MAX_COLUMNS)]
Price = Annotated[Decimal, Field(ge=0, le=MAX_PRICE, decimal_places=PRICE_DECIMALS, allow_inf_nan=False)]
Currency = Annotated[str, Field(pattern=r"^([A-Z]{3})?$")]  # ISO 4217; "" where it is unknown
Url = Annotated[str, Field(max_length=MAX_URL_LENGTH, pattern=_STORABLE)]
CategoryPath = Annotated[tuple[Name, ...], Field(min_length=1, max_length=MAX_CATEGORY_LEVELS)]


@cache
def _field_names(record: type[BaseModel]) -> set[str]:
    return set(record.model_fields)


class ProductRecord(BaseModel):
    """Base of the records: frozen, without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def model_post_init(self, context: Any) -> None:
        # Pydantic keeps with each record the set of the fields that were given: 728 bytes a variant. One set does.
        object.__setattr__(self, "__pydantic_fields_set__", _field_names(type(self)))


class Photo(ProductRecord):
    """A photo of a product, and the colour that it shows ("" where that is unknown)."""

    source: Annotated[Url, Field(min_length=1), AfterValidator(check_source)]  # a relative path, or an address
    colour: Text = ""


class Variant(ProductRecord):
    """One colour and size of a product. Its columns are those in which it differs from the product."""

    id: Name
    colour: Text = ""
    size: Text = ""
    price: Price | None = None
    available: bool | None = None
    columns: Columns = {}


class Offer(NamedTuple):
    """What a product costs, and whether it can be bought; None where that is unknown."""

    low: Decimal | None
    high: Decimal | None
    available: bool | None


class Product(ProductRecord):
    """What a shop sells under one title. Its price is the lowest of its variants, as a customer pays it now."""

    id: Name
    title: Text = ""
    url: Annotated[Url, AfterValidator(lambda url: url and check_url(url))] = ""
    categories: Annotated[tuple[CategoryPath, ...], Field(max_length=MAX_CATEGORIES)] = ()
    price: Price | None = None
    currency: Currency = ""
    available: bool | None = None
    columns: Columns = {}  # further ones, as they came
    variants: Annotated[tuple[Variant, ...], Field(max_length=MAX_VARIANTS)] = ()
    photos: Annotated[tuple[Photo, ...], Field(max_length=MAX_PHOTOS)] = ()

    def variants_in(self, colour: str) -> list[Variant]:
        """Return the variants in a colour, all for ""."""
        return [variant for variant in self.variants if colour in ("", variant.colour)]

    def offer(self, colour: str = "") -> Offer:
        """Return the offer of the variants in a colour, all for "", or of the product where they say nothing."""
        variants = self.variants_in(colour)
        prices = [variant.price for variant in variants if variant.price is not None]
        known = [variant.available for variant in variants if variant.available is not None]
        low, high = min(prices, default=self.price), max(prices, default=self.price)
        return Offer(low, high, any(known) if known else self.available)

    @model_validator(mode="after")
    def _check_unique(self) -> "Product":
        if len({variant.id for variant in self.variants}) != len(self.variants):
            raise ValueError("two variants have the same id")
        if len({photo.source for photo in self.photos}) != len(self.photos):
            raise ValueError("two photos have the same source")
        return self
