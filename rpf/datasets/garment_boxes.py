"""Photographs with boxes around their garments, from a JSON file of boxes and a folder of photographs."""

from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rpf.errors import DatasetError
from rpf.models.garment_detector import Box

Share = Annotated[float, Field(ge=0, le=1)]


class BoxedGarment(BaseModel):
    """A garment that was framed by hand."""

    model_config = ConfigDict(frozen=True)

    kind: Literal["upper", "coat", "dress", "trousers", "skirt"]
    main: bool = True  # the one above, or below, the waist that shows most
    box: tuple[Share, Share, Share, Share]  # left, top, right, bottom as shares of the photograph's sides


class _BoxFile(BaseModel):
    photos: dict[str, list[BoxedGarment]]


class BoxedPhoto(NamedTuple):
    """A photograph and its garments."""

    path: Path
    garments: list[BoxedGarment]


def read_boxes(file: Path, folder: Path) -> list[BoxedPhoto]:
    """Read the photographs that a file has boxes of, sorted. Raises DatasetError."""
    try:
        photos = _BoxFile.model_validate_json(file.read_bytes()).photos
    except (OSError, ValidationError) as error:
        raise DatasetError("%(file)s has no boxes: %(why)s.", file=file, why=str(error).splitlines()[0]) from error
    boxed = [BoxedPhoto(folder / name, garments) for name, garments in sorted(photos.items())]
    if missing := [photo.path for photo in boxed if not photo.path.is_file()]:
        raise DatasetError("%(count)d photographs are missing, such as %(path)s.", count=len(missing), path=missing[0])
    return boxed


def moved(garment: BoxedGarment, box: Box) -> BoxedGarment:
    """Return a garment in another box."""
    return garment.model_copy(update={"box": box})
