"""Style sheets of a shop's colours: what it names, and the rest mixed from that, with the contrast of WCAG 2.2 AA."""

import re
from collections.abc import Mapping
from typing import NamedTuple

Colour = tuple[int, int, int]
HEX = re.compile(r"#?([0-9a-f]{3}|[0-9a-f]{6})")
BLACK, WHITE = (0, 0, 0), (255, 255, 255)


class Theme(NamedTuple):
    """Colours of the site in static/site.css, which stand where the shop names none."""

    paper: Colour
    panel: Colour
    ink: Colour
    accent: Colour


THEMES: Mapping[str, Theme] = {
    "light": Theme(WHITE, (245, 245, 242), (29, 31, 30), (17, 94, 89)),
    "dark": Theme((20, 22, 21), (30, 33, 32), (236, 238, 236), (95, 201, 189)),
}
WRONG = (168, 35, 27)
TEXT_CONTRAST, EDGE_CONTRAST = 4.5, 3.0
BUTTON_CONTRAST = 1.6  # of a button's ground to the page, or a black one would vanish in a dark page
MIX_STEPS = 20
PANEL_SHARE = 0.04
ATTRIBUTE_COLOURS = 10


def parse_colour(text: str | None) -> Colour | None:
    """Parse #rrggbb or #rgb; None for anything else."""
    match = HEX.fullmatch((text or "").lower())
    if not match:
        return None
    digits = match[1] if len(match[1]) == 6 else "".join(2 * digit for digit in match[1])
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def format_colour(colour: Colour) -> str:
    """Format a colour as #rrggbb."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def contrast(first: Colour, second: Colour) -> float:
    """Return the contrast ratio of two colours by WCAG, 1 to 21."""
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


def text_on(ground: Colour) -> Colour:
    """Return black or white, whichever is easier to read; its contrast is 4.58 at least."""
    return max(WHITE, BLACK, key=lambda colour: contrast(colour, ground))


def readable(colour: Colour, *grounds: Colour, minimal: float = TEXT_CONTRAST) -> Colour:
    """Return the colour, mixed with black or white as far as its contrast to all grounds needs it.

    Black or white, whichever is easier to read on the first ground, must have that contrast to all of them.
    """
    end = text_on(grounds[0])
    mixtures = (mix(colour, end, step / MIX_STEPS) for step in range(MIX_STEPS))
    return next((one for one in mixtures if min(contrast(one, ground) for ground in grounds) >= minimal), end)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Mix two colours; share: of the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def style_sheet(arguments: Mapping[str, str]) -> str:
    """Return the style sheet for the arguments theme, accent, background and text, of which unusable ones do not count.

    A background decides between light and dark; else the theme does, or without one the visitor's own setting.
    """
    background, accent, text = (parse_colour(arguments.get(name)) for name in ("background", "accent", "text"))
    theme = arguments.get("theme", "")
    if background:
        theme = "dark" if text_on(background) == WHITE else "light"
    if theme in THEMES:
        return _rule(theme, background, accent, text)
    dark = _rule("dark", None, accent, text)
    return f"{_rule('light', None, accent, text)}@media (prefers-color-scheme: dark) {{\n{dark}}}\n"


def accent_sheet(accent: Colour) -> str:
    """Return the style sheet that gives the site's two themes another accent, and leaves their other colours."""
    light, dark = (_declare(accent_colours(theme, accent)) for theme in THEMES)
    return f":root {{\n{light}}}\n@media (prefers-color-scheme: dark) {{\n:root {{\n{dark}}}\n}}\n"


def accent_colours(theme: str, accent: Colour) -> dict[str, Colour]:
    """Return what an accent becomes in a theme of the site: of links and marks, of buttons, and of text on them."""
    paper, panel, ink, _ = THEMES[theme]
    return _accented(readable(accent, paper, panel), readable(accent, paper, minimal=BUTTON_CONTRAST), ink)


def _rule(theme: str, background: Colour | None, accent: Colour | None, text: Colour | None) -> str:
    site = THEMES[theme]
    paper, panel = site.paper, site.panel
    if background:
        paper, panel = background, mix(background, text_on(background), PANEL_SHARE)
    if contrast(text_on(paper), panel) < TEXT_CONTRAST:  # no text could be read on it
        panel = paper
    ink = readable(text or site.ink, paper, panel)
    button = accent or site.accent
    link = readable(button, paper, panel)
    colours = {
        "ink": ink,
        "soft": readable(mix(ink, paper, 0.3), paper, panel),
        "paper": paper,
        "panel": panel,
        "line": mix(paper, ink, 0.16),
        "edge": readable(mix(paper, ink, 0.35), paper, panel, minimal=EDGE_CONTRAST),
        **_accented(link, button, ink),
        "wrong": readable(WRONG, paper, panel),
        "halo": paper,
        "image-ground": panel,
        **{f"c{number}": link for number in range(ATTRIBUTE_COLOURS)},
    }
    return f":root {{\n  color-scheme: {theme};\n{_declare(colours)}}}\n"


def _accented(link: Colour, button: Colour, ink: Colour) -> dict[str, Colour]:
    return {
        "accent": link,
        "accent-strong": mix(link, ink, 0.3),
        "on-accent": text_on(link),
        "button": button,
        "button-strong": mix(button, text_on(text_on(button)), 0.15),
        "on-button": text_on(button),
    }


def _declare(colours: Mapping[str, Colour]) -> str:
    return "".join(f"  --{name}: {format_colour(colour)};\n" for name, colour in colours.items())


def _luminance(colour: Colour) -> float:
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
        for channel in (part / 255 for part in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
