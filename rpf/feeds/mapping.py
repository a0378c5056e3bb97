"""Mapping file: which columns of a feed are which fields."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from rpf.errors import FeedError

MAX_MAPPING_BYTES = 100_000
_Names = Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]


class ColumnMapping(BaseModel):
    """Columns of a feed by field; "" for a field that the feed has not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1)
    group: str = ""  # id of the product that the row's variant belongs to
    title: str = ""
    url: str = ""
    price: str = ""
    sale_price: str = ""
    sale_start: str = ""
    sale_end: str = ""
    currency: str = ""
    colour: str = ""
    size: str = ""
    available: str = ""
    images: _Names = ()
    categories: _Names = ()
    image_separator: str = ""  # between images in one cell; "" for whichever fits
    category_separator: str = ","  # between categories in one cell
    level_separator: str = ">"  # between the levels of a category

    def columns(self) -> dict[str, tuple[str, ...]]:
        """Return the columns of each field that has any."""
        fields = self.model_dump(exclude={"image_separator", "category_separator", "level_separator"})
        return {name: (value,) if isinstance(value, str) else value for name, value in fields.items() if value}

    @model_validator(mode="after")
    def _check_unique(self) -> "ColumnMapping":
        counts = Counter(column for columns in self.columns().values() for column in columns)
        twice = next((column for column, count in counts.items() if count > 1), None)
        if twice is not None:
            raise ValueError(f'the column "{twice}" is given to two fields')
        return self


def read_mapping(path: Path) -> ColumnMapping:
    """Read a mapping from a YAML file. Raises FeedError that names the first wrong key."""
    try:
        with path.open("rb") as file:
            values = yaml.safe_load(file.read(MAX_MAPPING_BYTES))
        if not isinstance(values, dict):
            raise ValueError("it should say which column is the id, as in: id: sku")
        return ColumnMapping.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = str(first["loc"][0]) if first["loc"] else "columns"
        if first["type"] == "extra_forbidden":
            why = f"there is no field of that name; there are {', '.join(ColumnMapping.model_fields)}"
        else:
            why = first["msg"].removeprefix("Input ").removeprefix("Value error, ").lower()
        raise FeedError('The mapping "%(path)s", %(key)s: %(why)s.', path=path, key=key, why=why) from None
    except OSError as error:
        raise FeedError('The mapping "%(path)s" cannot be read: %(why)s.', path=path, why=error.strerror) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        why = " ".join(str(error).split())
        raise FeedError('The mapping "%(path)s" is wrong: %(why)s.', path=path, why=why) from None
