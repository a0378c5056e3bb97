"""Bodies of searches and descriptions in /api/v1."""

from typing import Annotated, Literal, get_args
from uuid import UUID

from pydantic import Field

from rpf.access.events import MAX_POSITION
from rpf.engine import MAX_PICTURES, ValueFilter
from rpf.products.product import MAX_PRICE
from webapp.schemas import (
    AS_TEXT,
    COLLECTION,
    FILTERS,
    MAX_K,
    MINIMAL,
    UPLOAD,
    Cropped,
    Language,
    Probability,
    Similarity,
    StrictModel,
    Value,
)  # fmt: skip
from webapp.search_params import MAX_WEIGHT

DEFAULT_LIMIT = 24
MAX_FACET_VALUES = 200  # in one filter
ResultField = Literal["rank", "similarity", "similarities", "missing", "values", "item", "product"]
RESULT_FIELDS: tuple[ResultField, ...] = get_args(ResultField)
Weight = Annotated[float, Field(ge=0, le=MAX_WEIGHT, allow_inf_nan=False)]
Bound = Annotated[float, Field(ge=0, le=MAX_PRICE, allow_inf_nan=False)]
IMG_PATH = "Path of an image, absolute or relative to one of the folders that the server may read."
IMAGE_URL = "http or https address of an image, where the server allows that."


class PriceRange(StrictModel):
    """Range of prices, both ends included."""

    low: Bound | None = Field(None, description="The lowest price.")
    high: Bound | None = Field(None, description="The highest price.")


class ProductFilters(StrictModel):
    """What products have to be."""

    price: PriceRange = Field(PriceRange(), description="Prices, of which a product has one at least.")
    available: bool = Field(False, description="Whether only products that can be bought are ranked.")
    facets: dict[str, Annotated[list[str], Field(min_length=1, max_length=MAX_FACET_VALUES)]] = Field(
        default_factory=dict,
        max_length=50,
        description="Values by facet (category, colour, size, and the columns that the shop has chosen): products that "
        "have one of them, in every facet here.",
    )


class ImageReference(Cropped):
    """An image that the server can reach, an item, or a product."""

    img_path: str = Field(default_factory=str, description=IMG_PATH)
    image_url: str = Field(default_factory=str, description=IMAGE_URL)
    item: int | None = Field(None, ge=0, description="Id of an item of the collection.")
    product: str = Field(default_factory=str, description="Id of a product; its first photo is the image.")


class FurtherPicture(ImageReference):
    """One more picture of a search."""

    attributes: list[str] = Field(
        default_factory=list,
        description="Attributes that it is an example of. Without it, those that no picture is named for.",
    )


class SearchFields(Cropped):
    """Search by an image, attributes and values: what both kinds of request have in common."""

    collection: str = Field(default_factory=str, description=COLLECTION)
    attributes: str | list[str] | dict[str, Weight] = Field(
        default_factory=list,
        description="Attributes to compare, by name in English, Vietnamese or Chinese: a list, an object with weights "
        f"from 0 to {MAX_WEIGHT:g}, or one text with ; between the names. A name of a value (long sleeves) wants that "
        "value. Without it, the attributes of values; without these too, all." + AS_TEXT,
    )
    values: dict[str, Value] = Field(
        default_factory=dict,
        description="Wanted values by attribute, in place of the image's, by name or number: the same, but with long "
        "sleeves." + AS_TEXT,
    )
    filters: dict[str, Value | list[Value]] = Field(default_factory=dict, description=FILTERS)
    minimal: Probability = Field(ValueFilter.minimal, description=MINIMAL)
    product_filters: ProductFilters = Field(
        default_factory=ProductFilters, description="Price, availability and facets of products." + AS_TEXT
    )
    fold: Literal["photo", "colour", "product"] = Field(
        "product",
        description="What one result is: a photo, a product in one colour, or a product. Items without a product are "
        "one result each.",
    )
    offset: int = Field(0, ge=0, lt=MAX_POSITION, description="Number of results to leave out, for further pages.")
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_K, description="Number of results.")
    fields: Annotated[list[ResultField], Field(min_length=1)] = Field(
        list(RESULT_FIELDS), description="Fields of each result in the response." + AS_TEXT
    )
    facets: bool = Field(False, description="Whether to count the results by the values of each filter and facet.")
    language: Language = Field("en", description="Language of the values' names.")
    also: Annotated[list[FurtherPicture], Field(max_length=MAX_PICTURES - 1)] = Field(
        default_factory=list, description="Further pictures: more examples, or examples of some attributes." + AS_TEXT
    )
    unlike: Annotated[list[FurtherPicture], Field(max_length=MAX_PICTURES)] = Field(
        default_factory=list,
        description="Pictures that the results should not be like. Items and products among them are left out of "
        "the results, with copies of their photos." + AS_TEXT,
    )
    query_id: UUID | None = Field(
        None, strict=False, description="For further pages: the query_id of the first, so that both are one search."
    )


class SearchByReference(ImageReference, SearchFields):
    """Search by an image that the server can reach, an item, a product, or by values alone."""


class SearchByUpload(SearchFields):
    """Search by an uploaded image."""

    image: bytes = Field(description=UPLOAD)


class ResultValue(StrictModel):
    """Value that was recognised in an attribute."""

    value: int = Field(description="Its number.")
    name: str = Field(description="Its name.")
    probability: Probability = Field(description="Probability that the garment has the part, with that value.")


class ItemAddress(StrictModel):
    """An item: a photo in a collection."""

    id: int = Field(ge=0, description="Id of the item.")
    width: int = Field(description="Pixels of the original.")
    height: int = Field(description="Pixels of the original.")
    thumbnail: str | None = Field(description="Address of a small WebP of it; null for an item without an image.")
    image: str | None = Field(description="Address of a large WebP of it.")


class ResultProduct(StrictModel):
    """Product of a result."""

    id: str = Field(description="The shop's id of the product.")
    title: str = Field(description="Its title.")
    url: str = Field(description="Its address in the shop.")
    price: float | None = Field(description="Its lowest price; with fold other than product, in this colour.")
    currency: str = Field(description="Currency of the price (ISO 4217).")
    available: bool | None = Field(description="Whether it can be bought; null where the shop does not say.")
    colour: str = Field(description="Colour that the photo shows.")
    colours: int = Field(ge=0, description="Number of colours of the product.")
    photos: int = Field(ge=0, description="Number of photos that the result stands for.")
    duplicates: list[str] = Field(description="Ids of other products with the same photos, up to 100.")


class SearchResult(StrictModel):
    """One result. It has the fields that the request names."""

    rank: int = Field(1, ge=1, description="Place in the whole ranking, from 1.")
    similarity: Similarity = Field(0, description="Weighted mean of the similarities, from -1 to 1.")
    similarities: dict[str, Similarity] = Field({}, description="Similarity in each attribute.")
    missing: list[str] = Field([], description="Attributes whose part the garment seems to lack.")
    values: dict[str, ResultValue] = Field({}, description="Recognised value of each attribute that has one.")
    item: ItemAddress | None = Field(None, description="The photo that fits best.")
    product: ResultProduct | None = Field(None, description="Its product; null for an item without one.")


class ValueCount(StrictModel):
    """Number of results with a value of an attribute."""

    value: int = Field(description="Number of the value.")
    name: str = Field(description="Its name.")
    count: int = Field(ge=0, description="Results that are left if it is the only value chosen of its attribute.")


class SearchFacets(StrictModel):
    """Counts of results by what they can be filtered by."""

    filters: dict[str, list[ValueCount]] = Field(description="By attribute; empty where values are unknown.")
    product_filters: dict[str, dict[str, int]] = Field(description="By facet and value of products.")


class SearchResponse(StrictModel):
    """Page of a ranking."""

    query_id: UUID = Field(strict=False, description="Id of the search, for events about it.")
    total: int = Field(ge=0, description="Results in the whole ranking.")
    seconds: float = Field(ge=0, description="Seconds for the whole request.")
    results: list[SearchResult] = Field(description="The results, best first.")
    facets: SearchFacets | None = Field(None, description="Counts, where the request has facets: true.")


class DescribeFields(Cropped):
    """Description of an image: what both kinds of request have in common."""

    language: Language = Field("en", description="Language of the names.")


class DescribeByReference(DescribeFields):
    """Description of an image that the server can reach."""

    img_path: str = Field(default_factory=str, description=IMG_PATH)
    image_url: str = Field(default_factory=str, description=IMAGE_URL)
    collection: str = Field(default_factory=str, description="Collection whose image folder img_path may be in.")


class DescribeByUpload(DescribeFields):
    """Description of an uploaded image."""

    image: bytes = Field(description=UPLOAD)
