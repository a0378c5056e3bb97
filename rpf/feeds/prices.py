"""Prices as feeds write them: "12.50", "1.299,00 €", "USD 1,299"."""

import re
from collections import Counter, defaultdict
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from babel import Locale
from babel.numbers import NumberFormatError, get_currency_precision, parse_decimal

from rpf.products.product import MAX_PRICE, PRICE_DECIMALS

_CELL = re.compile(r"(?P<before>[^\d.,+-]*)(?P<number>[+-]?(?:\d[\d.,'’\s]*)?[.,]?\d)(?P<after>[^\d.,+-]*)")
_SPACE_IN_NUMBER = re.compile(r"['’\s]")
# Where shops are whose currency signs differ: those of several currencies ("$", "kr", "¥") say nothing alone.
_LOCALES = ("en", "en_AU", "en_CA", "cs", "da", "de", "de_CH", "es_MX", "hu", "id", "ja", "nb", "pl", "pt_BR", "ro",
            "sv", "th", "tr", "uk", "vi", "zh")  # fmt: skip
_CENT = Decimal("0.01")
MAX_CELL_LENGTH = 60  # characters


class PriceValue(NamedTuple):
    """An amount, and the currency that its cell names ("" if none)."""

    amount: Decimal
    currency: str


class _Reading(NamedTuple):
    """A cell as a number with a decimal point, and as one with a decimal comma; None where it is none."""

    point: Decimal | None
    comma: Decimal | None
    currency: str


class PriceReader:
    """Reader of prices, with the decimal sign that the other prices of their column have.

    "1.299" is 1.299 or 1299: the column decides, therefore all its prices are to be observed before one is read.
    """

    def __init__(self) -> None:
        self._readings: dict[str, _Reading | None] = {}
        self._values: dict[tuple[str, str], PriceValue] = {}
        self._signs: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def observe(self, column: str, text: str) -> None:
        """Note which decimal sign a price of the column has, if it tells."""
        if text not in self._readings:
            self._readings[text] = _read_cell(text)
        reading = self._readings[text]
        if reading and (reading.point is None) != (reading.comma is None):
            self._signs[column]["." if reading.comma is None else ","] += 1

    def read(self, column: str, text: str) -> PriceValue:
        """Return an observed price. Raises ValueError that says what is wrong with it."""
        if (column, text) in self._values:
            return self._values[column, text]
        reading = self._readings[text]
        if reading is None:
            raise ValueError("it is no price")
        amount = self._choose(column, reading)
        if not amount.is_finite() or not 0 <= amount <= MAX_PRICE:
            raise ValueError("it is negative" if amount < 0 else f"it is more than {MAX_PRICE:,}")
        exact = amount.quantize(Decimal(1).scaleb(-PRICE_DECIMALS))
        cents = exact.quantize(_CENT)
        value = PriceValue(cents if cents == exact else exact.normalize(), reading.currency)
        return self._values.setdefault((column, text), value)

    def _choose(self, column: str, reading: _Reading) -> Decimal:
        if reading.point is None or reading.comma is None or reading.point == reading.comma:
            amount = reading.comma if reading.point is None else reading.point
            assert amount is not None
            return amount
        signs = self._signs[column]
        if signs["."] != signs[","]:
            return reading.point if signs["."] > signs[","] else reading.comma
        # Nothing tells. Three digits after the sign are thousands but in the few currencies with so many decimals.
        decimals = get_currency_precision(reading.currency) if reading.currency else 2
        return min(reading.point, reading.comma) if decimals >= 3 else max(reading.point, reading.comma)


def _read_cell(text: str) -> _Reading | None:
    cell = _CELL.fullmatch(text.strip()) if len(text) <= MAX_CELL_LENGTH else None
    if cell is None:
        return None
    currency = _find_currency(f"{cell['before'].strip()} {cell['after'].strip()}".strip())
    if currency is None:
        return None
    # A space or an apostrophe between digits separates thousands in whatever numbers.
    point = _parse(_SPACE_IN_NUMBER.sub(",", cell["number"]), "en")
    comma = _parse(_SPACE_IN_NUMBER.sub(".", cell["number"]), "de")
    return None if point is comma is None else _Reading(point, comma, currency)


def _parse(number: str, locale: str) -> Decimal | None:
    try:
        return parse_decimal(number, locale, strict=True)
    except NumberFormatError:
        return None


def is_currency(code: str) -> bool:
    """Return whether a text is the code of a currency (ISO 4217)."""
    return code in Locale.parse("en").currencies


def _find_currency(name: str) -> str | None:
    """Return the code of a currency's code or sign: "" for no name and for signs of several, None for other words."""
    return name if not name or is_currency(name) else _currency_signs().get(name)


@lru_cache
def _currency_signs() -> dict[str, str]:
    signs: defaultdict[str, set[str]] = defaultdict(set)
    for locale in map(Locale.parse, _LOCALES):
        for code, sign in locale.currency_symbols.items():
            signs[sign].add(code)
    return {sign: codes.pop() if len(codes) == 1 else "" for sign, codes in signs.items()}
