"""Values as feeds write them: availability, colours and sizes, categories, lists of images."""

import re
import unicodedata
from functools import lru_cache

_AVAILABLE = {
    "in stock", "instock", "available", "true", "yes", "y", "preorder", "pre order", "presale", "backorder",
    "back order", "on backorder", "limited availability", "limitedavailability", "online only", "onlineonly",
}  # fmt: skip
_UNAVAILABLE = {
    "out of stock", "outofstock", "unavailable", "not available", "false", "no", "n", "sold out", "soldout",
    "discontinued", "instoreonly",
}  # fmt: skip
_COLOUR_WORDS = {"color", "colour", "colors", "colours", "farbe", "couleur", "colore", "cor", "kleur", "farve", "färg",
                 "kolor", "màu", "颜色", "顏色", "カラー", "색상"}  # fmt: skip
_SIZE_WORDS = {"size", "sizes", "größe", "groesse", "grösse", "taille", "talla", "taglia", "tamanho", "maat",
               "størrelse", "storlek", "rozmiar", "cỡ", "尺码", "尺寸", "サイズ", "사이즈"}  # fmt: skip
_WORDS = re.compile(r"[^\W\d_]+")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_FILE = re.compile(r"[^?#]*\.\w{2,5}(?:[?#].*)?")


def parse_availability(text: str) -> bool:
    """Return whether a product can be ordered. Raises ValueError for unknown words.

    A quantity, Google's and schema.org's words, yes and no. What is ordered now and sent later is available.
    """
    if re.fullmatch(r"-?\d{1,12}([.,]\d{1,12})?", text):
        return float(text.replace(",", ".")) > 0
    word = re.sub(r"[\s_-]+", " ", text.strip().rpartition("/")[2].lower())
    if word in _AVAILABLE or word in _UNAVAILABLE:
        return word in _AVAILABLE
    raise ValueError("it is unknown")


@lru_cache(10_000)
def is_colour(name: str) -> bool:
    """Return whether an option or attribute of that name is the colour."""
    return not _COLOUR_WORDS.isdisjoint(_words(name))


@lru_cache(10_000)
def is_size(name: str) -> bool:
    """Return whether an option or attribute of that name is the size."""
    return not _SIZE_WORDS.isdisjoint(_words(name))


def _words(name: str) -> list[str]:
    return _WORDS.findall(unicodedata.normalize("NFC", name).lower())


def split_list(text: str, separator: str) -> list[str]:
    """Split a cell at a separator; a backslash before it makes it a part of the value."""
    parts = re.split(rf"(?<!\\){re.escape(separator)}", text)
    return [value for part in parts if (value := part.replace(f"\\{separator}", separator).strip())]


def split_images(text: str) -> list[str]:
    """Split a list of addresses before each, and one of files at a line break, "|", ";" or "," if only files result."""
    if _ADDRESS.match(text.strip()):
        return re.split(rf"[\s|;,]+(?={_ADDRESS.pattern})", text.strip())
    for separator in ("\n", "|", ";", ","):
        parts = [part.strip() for part in text.split(separator) if part.strip()]
        if len(parts) > 1 and all(map(_FILE.fullmatch, parts)):
            return parts
    return [text.strip()] if text.strip() else []


def split_path(text: str, separator: str = ">") -> tuple[str, ...]:
    """Split a category path into its levels."""
    return tuple(split_list(text, separator))
