"""Request and response bodies of POST /submit, checked by pydantic and published in the OpenAPI document."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

DEFAULT_K, MAX_K = 50, 1000
Similarity = Annotated[float, WithJsonSchema({"type": "number", "minimum": -1.000001, "maximum": 1.000001})]


class SubmitRequest(BaseModel):
    """Search by an image and attributes: what both kinds of request have in common."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    image: str | bytes
    attrs: str = Field(
        description='Names of attributes in English, Vietnamese or Chinese, separated by ; , + / or "and". Small '
        "misspellings are fine."
    )
    k: int = Field(DEFAULT_K, ge=1, le=MAX_K, description="Number of results.")
    collection: str = Field(
        default_factory=str, description="Name of the collection. Without it, the server's default collection."
    )
    lacking_last: bool = Field(
        False,
        description="Whether the answer says which named attributes are missing on each item; the order is the same.",
    )


class SubmitPath(SubmitRequest):
    """Search by the path of an image that the server can read."""

    image: str = Field(
        alias="img_path",
        description="Path of an image, absolute or relative to one of the folders that the server may read; where the "
        "server allows it, an http or https address.",
    )


class SubmitUpload(SubmitRequest):
    """Search by an uploaded image."""

    image: bytes = Field(description="Image (JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC, AVIF) of up to 16 MB.")


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
