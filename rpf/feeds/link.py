"""Links to a shop's pages from a template such as "https://shop.example/{url_key}.html"."""

import string
from collections.abc import Collection, Mapping
from urllib.parse import quote

from rpf.errors import FeedError
from rpf.feeds.problems import NUL
from rpf.products.product import MAX_URL_LENGTH, check_url

MAX_COLUMNS_SHOWN = 40  # in a message


class LinkTemplate:
    """A template of addresses with names of columns in braces. An empty one makes no addresses."""

    def __init__(self, template: str) -> None:
        """Raises FeedError for a template that is no http or https address."""
        try:
            self._parts = _parse(template)
            self.names = [name for _, name in self._parts if name is not None]
            if template and not self.names:
                raise ValueError("it names no column")
            if template:
                check_url("".join(text + ("x" if name is not None else "") for text, name in self._parts))
        except ValueError as error:
            raise FeedError(
                'The link template "%(link)s" cannot be used: %(why)s. Write one such as '
                '"https://shop.example/{sku}.html".',
                link=template, why=str(error),
            ) from None  # fmt: skip

    def check(self, columns: Collection[str]) -> None:
        """Raise FeedError for a name that is no column."""
        for name in self.names:
            if name not in columns:
                shown = ", ".join(sorted(columns)[:MAX_COLUMNS_SHOWN])
                raise FeedError(
                    'The link template names "%(name)s", which is no column of the feed. Its columns: %(columns)s.',
                    name=name, columns=shown + (", ..." if len(columns) > MAX_COLUMNS_SHOWN else ""),
                )  # fmt: skip

    def fill(self, cells: Mapping[str, str | list[str]]) -> str:
        """Return the address of a row; "" if one of its columns is empty or unusable."""
        if not self.names:
            return ""
        address = ""
        for text, name in self._parts:
            value = "" if name is None else cells.get(name, "")
            value = (value if isinstance(value, str) else value[0]).strip()
            if name is not None and (not value or NUL in value):
                return ""
            address += text + quote(value, safe="", errors="replace")
        return address if len(address) <= MAX_URL_LENGTH else ""


def _parse(template: str) -> list[tuple[str, str | None]]:
    """Return texts, each with the name of the column after it."""
    parts = []
    for text, name, form, conversion in string.Formatter().parse(template):
        if form or conversion or name == "":
            raise ValueError("braces have the name of a column, and nothing else")
        parts.append((text, name))
    return parts
