"""A shop's colours: parsed, and readable whatever they are."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.widget.colours import BLACK, WHITE, contrast, parse_colour, readable, style_sheet, text_on

colours = st.tuples(*[st.integers(0, 255)] * 3)


def variables(sheet: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6});", sheet))


@pytest.mark.parametrize(
    ("text", "colour"), [("#aa3366", (170, 51, 102)), ("AA3366", (170, 51, 102)), ("#a36", (170, 51, 102))]
)
def test_colour_is_parsed_with_six_digits_or_three(text: str, colour: tuple[int, int, int]) -> None:
    assert parse_colour(text) == colour


@pytest.mark.parametrize("text", [None, "", "red", "#aa336", "#aa33667", "#aa3366;}", "url(x)", "#ａa3366"])
def test_colour_that_is_none_is_not_parsed(text: str | None) -> None:
    assert parse_colour(text) is None


def test_contrast_is_that_of_wcag() -> None:
    assert contrast(BLACK, WHITE) == pytest.approx(21)
    assert contrast((118, 118, 118), WHITE) == pytest.approx(4.54, abs=0.005)


@given(colours, colours)
def test_readable_colour_has_the_contrast_of_text(colour: tuple[int, int, int], ground: tuple[int, int, int]) -> None:
    assert contrast(readable(colour, ground), ground) >= 4.5
    assert contrast(text_on(ground), ground) >= 4.5


@given(colours, colours, colours)
def test_style_sheet_is_readable_with_any_colours(
    accent: tuple[int, int, int], background: tuple[int, int, int], text: tuple[int, int, int]
) -> None:
    names = zip(("accent", "background", "text"), (accent, background, text), strict=True)
    sheet = style_sheet({name: "#{:02x}{:02x}{:02x}".format(*colour) for name, colour in names})
    shades = {name: parse_colour(colour) or BLACK for name, colour in variables(sheet).items()}
    assert shades["paper"] == background and shades["button"] == accent
    for ground in ("paper", "panel"):
        for name in ("ink", "soft", "accent", "wrong"):
            assert contrast(shades[name], shades[ground]) >= 4.5, (name, ground)
        assert contrast(shades["edge"], shades[ground]) >= 3, ground
    for name, ground in (("on-button", "button"), ("on-button", "button-strong"), ("on-accent", "accent")):
        assert contrast(shades[name], shades[ground]) >= 4.5, (name, ground)


def test_style_sheet_follows_the_visitor_unless_the_shop_chooses() -> None:
    assert "prefers-color-scheme: dark" in style_sheet({"accent": "#a36"})
    for arguments, scheme in (
        ({"theme": "dark"}, "dark"),
        ({"theme": "light"}, "light"),
        ({"background": "#101010"}, "dark"),
        ({"background": "#faf3e6", "theme": "dark"}, "light"),
    ):
        sheet = style_sheet(arguments)
        assert f"color-scheme: {scheme}" in sheet and "@media" not in sheet, arguments


def test_style_sheet_takes_the_place_of_all_colours_of_the_site() -> None:
    from tests.support import ROOT

    site = variables((ROOT / "static" / "site.css").read_text(encoding="utf-8"))
    in_figures = {"on-heat"}  # of the About page
    assert site.keys() - in_figures <= variables(style_sheet({"theme": "dark"})).keys()
