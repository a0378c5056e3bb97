"""Line drawings of attributes and values: which symbols static/details.svg has."""

import re
from functools import cache

from rpf.attributes import Attribute
from rpf.attributes.text import compact
from rpf.utils.paths import SHIPPED_FOLDER

FILE_NAME = "details.svg"  # in static/, drawn by `make drawings`


def drawing_id(attribute: Attribute, value: int | None = None) -> str:
    """Return the id of the symbol of an attribute or a value of it; empty where it is not drawn."""
    if value is None:
        return _symbols().get(compact(attribute.key), "")
    return _symbols().get(compact(f"{attribute.key}-{value}"), "") if attribute.values else ""


@cache
def _symbols() -> dict[str, str]:
    """Return the ids by what they are without regard to spelling."""
    text = (SHIPPED_FOLDER / "static" / FILE_NAME).read_text(encoding="utf-8")
    return {compact(name): name for name in re.findall(r'<symbol id="([^"]+)"', text)}
