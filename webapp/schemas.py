"""Request and response bodies of the JSON API, checked by pydantic and published in the OpenAPI document."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.config import JsonDict

from rpf.engine import Crop, ValueFilter
from rpf.errors import QueryError
from webapp.middleware.request_body import InvalidField

DEFAULT_K, MAX_K = 50, 1000
Similarity = Annotated[float, WithJsonSchema({"type": "number", "minimum": -1.000001, "maximum": 1.000001})]
Probability = Annotated[float, Field(ge=0, le=1)]
Value = str | int  # its name or its number
Language = Literal["en", "vi", "zh"]
IMG_PATH = (
    "Path of an image, absolute or relative to one of the folders that the server may read; where the server allows "
    "it, an http or https address."
)
COLLECTION = "Name of the collection. Without it, the server's default collection."
UPLOAD = "Image (JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC, AVIF) of up to 16 MB."
NO_IMAGE = " May be left out where every named attribute has a wanted value."
AS_TEXT = " In a form, as JSON text."
FILTERS = (
    "Values by attribute: only items that are recognised to have one of them, in every attribute here, are ranked."
    + AS_TEXT
)
MINIMAL = "Probability from which on an item counts as having a value of filters."
ATTRS_OR_VALUES: JsonDict = {"anyOf": [{"required": ["attrs"]}, {"required": ["values"]}]}


class StrictModel(BaseModel):
    """Part of a request or a response: no unknown fields, no conversions."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Cropped(StrictModel):
    """The part of an image that counts."""

    crop: str = Field(
        default_factory=str,
        description="Part of the image that counts: its left and upper edge, width and height as shares of the sides "
        "of the image (turned, if it is), such as 0.25,0,0.5,1. The whole image without it.",
    )
    turn: Literal[0, 90, 180, 270] = Field(0, description="Degrees by which to turn the image clockwise, before all.")

    def as_crop(self) -> Crop:
        """Return the crop. Raises InvalidField."""
        try:
            return Crop.parse(self.crop, self.turn)
        except QueryError as error:
            raise InvalidField("crop", error.template, **error.params) from error


class ImageRequest(Cropped):
    """What all requests have in common."""

    image: str | bytes


class SubmitRequest(ImageRequest):
    """Search by an image, attributes and values: what both kinds of request have in common."""

    attrs: str = Field(
        default_factory=str,
        description="Names of attributes, or of values that are wanted in place of the image's (long sleeves), in "
        'English, Vietnamese or Chinese, separated by ; , + / or "and". Small misspellings are fine.',
    )
    k: int = Field(DEFAULT_K, ge=1, le=MAX_K, description="Number of results.")
    collection: str = Field(default_factory=str, description=COLLECTION)
    lacking_last: bool = Field(
        False,
        description="Whether the answer says which named attributes are missing on each item; the order is the same.",
    )
    values: dict[str, Value] = Field(
        default_factory=dict,
        description="Wanted values by attribute, in place of the image's, by name in English, Vietnamese or Chinese or "
        "by number; the attributes need not be in attrs." + AS_TEXT,
    )
    filters: dict[str, Value | list[Value]] = Field(default_factory=dict, description=FILTERS)
    minimal: Probability = Field(ValueFilter.minimal, description=MINIMAL)


class SubmitPath(SubmitRequest):
    """Search by the path of an image that the server can read."""

    model_config = ConfigDict(json_schema_extra=ATTRS_OR_VALUES)

    image: str = Field(default_factory=str, alias="img_path", description=IMG_PATH + NO_IMAGE)


class SubmitUpload(SubmitRequest):
    """Search by an uploaded image."""

    model_config = ConfigDict(json_schema_extra=ATTRS_OR_VALUES)

    image: bytes = Field(default_factory=bytes, description=UPLOAD + NO_IMAGE)


class SubmitResponse(BaseModel):
    """Ranking of a collection."""

    model_config = ConfigDict(extra="forbid")

    ids: list[Annotated[int, Field(ge=0)]] = Field(description="Ids of the items, the most similar first.")
    similarities: list[Similarity] = Field(description="Similarity of each item, from -1 to 1.")
    lacks: list[list[str]] = Field(
        default_factory=list,
        description="For each item the named attributes that are missing on it; with lacking_last only.",
    )
    retrieval_times: float = Field(ge=0, description="Seconds for the whole request.")


class DescribeRequest(ImageRequest):
    """Description of an image: what both kinds of request have in common."""

    language: Language = Field("en", description="Language of the names.")


class DescribePath(DescribeRequest):
    """Description of an image that the server can read."""

    image: str = Field(alias="img_path", description=IMG_PATH)
    collection: str = Field(
        default_factory=str,
        description="Name of the collection whose image folder img_path may be relative to. Without it, the server's "
        "default collection.",
    )


class DescribeUpload(DescribeRequest):
    """Description of an uploaded image."""

    image: bytes = Field(description=UPLOAD)


class DescribedAttribute(BaseModel):
    """What is recognised in one attribute."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="Name of the attribute.")
    presence: Probability | None = Field(description="Probability that the garment has the part; null if unknown.")
    value: int | None = Field(
        description="Number of the likeliest value; null where the part is missing (presence below 0.5), and where the "
        "value is not visible or unknown."
    )
    value_name: str | None = Field(description="Name of that value.")
    probability: Probability | None = Field(description="Probability that the garment has the part, with that value.")
    values: dict[str, Probability] | None = Field(
        description="Probability of each value, provided that the garment has the part; null where the part is "
        "missing, and where the server's model cannot name values."
    )


class GarmentBox(BaseModel):
    """Place of a garment, as shares of the sides of the image (turned, if it is)."""

    model_config = ConfigDict(extra="forbid")

    left: Probability = Field(description="Its left edge.")
    top: Probability = Field(description="Its upper edge.")
    width: Probability
    height: Probability


class DescribedGarment(BaseModel):
    """Garment that is found in an image."""

    model_config = ConfigDict(extra="forbid")

    kind: str = Field(description="Kind of garment: upper (a top), coat, dress, trousers or skirt.")
    box: GarmentBox = Field(description="Place in the whole image; left,top,width,height is a crop of a request.")
    probability: Probability = Field(description="Probability that there is such a garment.")


class DescribeResponse(BaseModel):
    """Presence and values of an image, and the garments in it."""

    model_config = ConfigDict(extra="forbid")

    attributes: dict[str, DescribedAttribute] = Field(description="Description of each attribute of the model.")
    garments: list[DescribedGarment] = Field(
        description="Garments in the whole image, whatever its crop, the likeliest first; empty where none is found, "
        "and where the server's model cannot find any."
    )


class FieldProblem(BaseModel):
    """Problem with one field of a request."""

    field: str
    detail: str


class ProblemDetails(BaseModel):
    """Description of a refused request or a failure (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = Field(description="What is wrong, in a sentence.")
    errors: list[FieldProblem] = Field(default_factory=list)
