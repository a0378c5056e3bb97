"""Prices as feeds write them."""

from decimal import Decimal

import pytest

from rpf.feeds.prices import PriceReader


def read(*texts: str) -> list[tuple[Decimal, str]]:
    """Read the prices of one column."""
    reader = PriceReader()
    for text in texts:
        reader.observe("price", text)
    return [tuple(reader.read("price", text)) for text in texts]


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("5", "5.00", ""),
        ("12.50", "12.50", ""),
        ("12,50", "12.50", ""),
        ("0.500", "0.50", ""),
        (".5", "0.50", ""),
        ("52.000000", "52.00", ""),
        ("1.2345", "1.2345", ""),
        ("100.12345678", "100.123457", ""),
        ("1.299,00 €", "1299.00", "EUR"),
        ("1,299.00 USD", "1299.00", "USD"),
        ("USD 1,299,000", "1299000.00", "USD"),
        ("£12", "12.00", "GBP"),
        ("1 299,00 zł", "1299.00", "PLN"),
        ("1\u202f299,00\u00a0EUR", "1299.00", "EUR"),
        ("CHF 1'299.50", "1299.50", "CHF"),
        ("299.000 ₫", "299000.00", "VND"),
        ("R$ 1.299,90", "1299.90", "BRL"),
        ("15.500 KWD", "15.50", "KWD"),  # a currency with three decimals
        ("$12.00", "12.00", ""),  # of many countries
        ("199 kr", "199.00", ""),
    ],
)
def test_price_alone_is_read_as_it_is_most_likely_meant(text: str, amount: str, currency: str) -> None:
    assert read(text) == [(Decimal(amount), currency)]


@pytest.mark.parametrize(
    ("texts", "amounts"),
    [
        (["12,50", "1,299"], ["12.50", "1.299"]),
        (["12.50", "1,299"], ["12.50", "1299"]),
        (["12.50", "1.299"], ["12.50", "1.299"]),
        (["12,50", "1.299"], ["12.50", "1299"]),
        (["5", "1.299"], ["5", "1299"]),
        (["12.50", "12,50", "13,50", "1.299"], ["12.50", "12.50", "13.50", "1299"]),
    ],
)
def test_price_with_an_ambiguous_sign_is_read_like_the_others_of_its_column(
    texts: list[str], amounts: list[str]
) -> None:
    assert [amount for amount, _ in read(*texts)] == [Decimal(amount) for amount in amounts]


def test_price_is_not_decided_by_other_columns() -> None:
    reader = PriceReader()
    reader.observe("price", "12.50")
    reader.observe("sale", "1.299")

    assert reader.read("sale", "1.299").amount == 1299


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no price"),
        ("from 5", "no price"),
        ("5 or 6", "no price"),
        ("1.2.3", "no price"),
        ("1,2,3", "no price"),
        ("1 2", "no price"),
        ("1e5", "no price"),
        ("Infinity", "no price"),
        ("5 EUR USD", "no price"),
        ("9" * 1000, "no price"),
        ("-5", "negative"),
        ("2000000000000", "more than 1,000,000,000,000"),
    ],
)
def test_price_that_is_none_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read(text)
