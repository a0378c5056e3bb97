"""Bodies about products, collections, batches and events in /api/v1."""

from typing import Literal

from pydantic import Field

from rpf.products.product import Variant
from webapp.api.search_schemas import ItemAddress, PriceRange
from webapp.schemas import StrictModel


class ProductPhoto(StrictModel):
    """Photo of a product."""

    colour: str = Field(description="Colour that it shows, empty where that is unknown.")
    source: str | None = Field(description="Path or address that the shop gave; null without a write key.")
    item: ItemAddress | None = Field(description="Its item; null where the photo could not be had.")


class ProductVariant(StrictModel):
    """One colour and size of a product."""

    id: str = Field(description="The shop's id of the variant.")
    colour: str = Field(description="Its colour.")
    size: str = Field(description="Its size.")
    price: float | None = Field(description="Its price.")
    available: bool | None = Field(description="Whether it can be bought; null where the shop does not say.")
    columns: dict[str, str] | None = Field(description="What else the shop says of it; null without a write key.")

    @classmethod
    def of(cls, variant: Variant, with_columns: bool) -> "ProductVariant":
        """Convert a variant."""
        return cls(
            id=variant.id,
            colour=variant.colour,
            size=variant.size,
            price=None if variant.price is None else float(variant.price),
            available=variant.available,
            columns=dict(variant.columns) if with_columns else None,
        )


class ProductDetails(StrictModel):
    """Product with its variants and photos."""

    id: str = Field(description="The shop's id of the product.")
    title: str = Field(description="Its title.")
    url: str = Field(description="Its address in the shop.")
    categories: list[list[str]] = Field(description="Its category paths.")
    price: float | None = Field(description="Its lowest price.")
    currency: str = Field(description="Currency of the prices (ISO 4217).")
    available: bool | None = Field(description="Whether it can be bought; null where the shop does not say.")
    columns: dict[str, str] | None = Field(description="What else the shop says of it; null without a write key.")
    variants: list[ProductVariant] = Field(description="Its colours and sizes.")
    photos: list[ProductPhoto] = Field(description="Its photos.")


class UnreadPhoto(StrictModel):
    """Photo that could not be had. An earlier version of it stays."""

    source: str = Field(description="Path or address of the photo.")
    detail: str = Field(description="Why it could not be had.")


class PutResponse(StrictModel):
    """What a PUT has done."""

    id: str = Field(description="The id of the product.")
    change: Literal["added", "changed", "unchanged"] = Field(description="What has happened to the product.")
    photos: int = Field(ge=0, description="Number of photos by which searches find the product.")
    problems: list[UnreadPhoto] = Field(description="Photos that could not be had.")


class DeleteResponse(StrictModel):
    """What a DELETE has done."""

    id: str = Field(description="The id of the product.")
    deleted: bool = Field(description="Whether there was such a product.")


class JobProblem(StrictModel):
    """What is wrong with a line of a batch."""

    line: int = Field(ge=1, description="Number of the line, from 1.")
    detail: str = Field(description="What is wrong.")


class JobStatus(StrictModel):
    """State of a batch."""

    id: str = Field(description="Id of the job.")
    collection: str = Field(description="Collection that it changes.")
    state: Literal["waiting", "running", "done", "failed"] = Field(
        description="waiting: no line is done yet; failed: it cannot go on, detail says why."
    )
    detail: str = Field(description="Why it failed; else empty.")
    total: int = Field(ge=0, description="Number of lines.")
    done: int = Field(ge=0, description="Lines that are done, from the first one on.")
    added: int = Field(ge=0, description="Products that were added.")
    changed: int = Field(ge=0, description="Products that were changed.")
    unchanged: int = Field(ge=0, description="Products that were as they should be already.")
    deleted: int = Field(ge=0, description="Products that were deleted.")
    problem_count: int = Field(ge=0, description="Number of problems.")
    problems: list[JobProblem] = Field(description="The first thousand of them. All other lines are done.")


class CollectionSummary(StrictModel):
    """Collection that can be searched."""

    name: str = Field(description="Its name.")
    title: str = Field(description="Its title, for people.")
    items: int = Field(ge=0, description="Number of photos.")
    products: int = Field(ge=0, description="Number of products that have a photo.")
    prices: dict[str, PriceRange] = Field(description="Their lowest and highest price by currency, where it is known.")
    default: bool = Field(description="Whether requests without a collection mean this one.")
    attributes: list[str] = Field(description="Keys of its attributes.")


class CollectionList(StrictModel):
    """Collections that can be searched."""

    collections: list[CollectionSummary] = Field(description="The collections, the default one first.")


class AttributeValue(StrictModel):
    """Value of an attribute."""

    value: int = Field(description="Its number.")
    name: str = Field(description="Its name.")
    searchable: bool = Field(description="Whether it can be wanted (values); filters take all values.")


class AttributeSummary(StrictModel):
    """Attribute of a collection."""

    key: str = Field(description="Its key.")
    name: str = Field(description="Its name.")
    values: list[AttributeValue] = Field(description="Its values.")


class AttributeList(StrictModel):
    """Attributes of a collection."""

    attributes: list[AttributeSummary] = Field(description="The attributes, in the collection's order.")


class EventsResponse(StrictModel):
    """What was taken of a report of events."""

    accepted: int = Field(ge=0, description="Events that are recorded, if their search is known.")
    problems: list[str] = Field(description="What is wrong with the others.")
