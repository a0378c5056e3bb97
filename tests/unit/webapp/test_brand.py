"""The operator's name, logo and accent: settings, pages, and contrast in both themes."""

import io
import re
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rpf.errors import ConfigError
from rpf.settings import Settings
from tests.support import ROOT
from webapp import create_app
from webapp.brand import MAX_LOGO_BYTES, Logo
from webapp.config import SiteConfig
from webapp.site_check import describe
from webapp.widget.colours import THEMES, Colour, accent_colours, accent_sheet, contrast, parse_colour

SVG = '<svg xmlns="http://www.w3.org/2000/svg" {}><script>alert(1)</script><path d="M0 0h9"/></svg>'


def png(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "navy").save(out, "PNG")
    return out.getvalue()


def site(settings: Settings, **changes: object) -> Flask:
    return create_app(settings, SiteConfig.model_validate(changes), TESTING=True)


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (None, "a file that can be read (No such file or directory)"),
        (b"", "an SVG, PNG or WebP file that is not damaged"),
        (b"GIF89a", "an SVG, PNG or WebP file that is not damaged"),
        (png(40, 40)[:60], "an SVG, PNG or WebP file that is not damaged"),
        (b"<html><body>no</body></html>", "an SVG, PNG or WebP file"),
        (b"<svg", "an SVG file that is not damaged"),
        (SVG.format("").encode(), "an SVG file with a viewBox, which says its shape"),
        (SVG.format('width="100%" height="0"').encode(), "an SVG file with a viewBox, which says its shape"),
        (b"\0" * (MAX_LOGO_BYTES + 1), "a file of up to 512 KB"),
    ],
)
def test_unusable_logo_is_refused_at_start_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, wanted: str
) -> None:
    file = tmp_path / "logo"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("RPF_SITE_LOGO", str(file))
    with pytest.raises(ConfigError) as error:
        SiteConfig.from_environ()
    assert str(error.value) == f'RPF_SITE_LOGO must be {wanted}, not "{file}".'


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("RPF_ACCENT", "red", "a colour such as #aa3366"),
        ("RPF_ACCENT", "#aa33", "a colour such as #aa3366"),
        ("RPF_SITE_NAME", "  ", "a name of up to 60 characters"),
        ("RPF_SITE_NAME", "x" * 61, "a name of up to 60 characters"),
    ],
)
def test_unusable_name_or_accent_is_refused_at_start(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, wanted: str
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(ConfigError) as error:
        SiteConfig.from_environ()
    assert str(error.value) == f'{name} must be {wanted}, not "{text}".'


@pytest.mark.parametrize(
    ("content", "media_type", "ratio"),
    [
        (png(90, 30), "image/png", 3),
        (SVG.format('viewBox="0 0 24 24"').encode(), "image/svg+xml", 1),
        (b'<?xml version="1.0"?>\n' + SVG.format('width="50px" height="20"').encode(), "image/svg+xml", 2.5),
    ],
)
def test_logo_is_read_with_its_type_and_shape(tmp_path: Path, content: bytes, media_type: str, ratio: float) -> None:
    (tmp_path / "logo").write_bytes(content)
    logo = Logo.read(tmp_path / "logo")
    assert (logo.data, logo.media_type, logo.ratio, logo.size[1]) == (content, media_type, ratio, 28)


def test_page_shows_name_logo_and_accent(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "logo.svg").write_text(SVG.format('viewBox="0 0 24 24"'))
    client = site(settings, site_name="Nähe & Co", site_logo=tmp_path / "logo.svg", accent="#aa3366").test_client()
    page = client.get("/c/tiny/about").text  # while the engine is not ready, too
    assert "· Nähe &amp; Co</title>" in page and '<span class="brand-name">Nähe &amp; Co</span>' in page
    assert "Fashion Search" not in page
    address = re.search(r'<img class="brand-logo" src="([^"]+)" width="28" height="28" alt="">', page)
    assert address and f'<link rel="icon" href="{address[1]}" type="image/svg+xml">' in page
    logo = client.get(address[1])
    assert logo.mimetype == "image/svg+xml" and logo.data == (tmp_path / "logo.svg").read_bytes()
    assert logo.headers["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    assert logo.headers["X-Content-Type-Options"] == "nosniff"
    sheet = re.search(r'<link rel="stylesheet" href="(/brand/accent.css[^"]+)">', page)
    assert sheet and page.index(sheet[0]) > page.index("site.css")  # it takes the place of the colours there
    assert client.get(sheet[1]).text == accent_sheet((170, 51, 102))


def test_wordmark_takes_the_place_of_the_name(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(png(300, 60))
    page = site(settings, site_name="Lumière", site_logo=tmp_path / "logo.png").test_client().get("/c/tiny/").text
    assert 'width="140" height="28" alt="Lumière"' in page
    assert "brand-name" not in page and "mark.svg" in page  # too wide for an icon


def test_page_without_a_brand_is_as_before(settings: Settings) -> None:
    client = site(settings).test_client()
    page = client.get("/c/tiny/").text
    assert "· RPF Fashion Search</title>" in page and "/brand/" not in page
    assert client.get("/brand/logo").status_code == client.get("/brand/accent.css").status_code == 404


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_any_accent_has_the_contrast_of_text_in_both_themes(accent: Colour) -> None:
    for name, theme in THEMES.items():
        shades = accent_colours(name, accent)
        for ground in (theme.paper, theme.panel):
            assert contrast(shades["accent"], ground) >= 4.5
            assert contrast(shades["accent-strong"], ground) >= 4.5
        for text, ground in (("on-accent", "accent"), ("on-button", "button"), ("on-button", "button-strong")):
            assert contrast(shades[text], shades[ground]) >= 4.5
        assert contrast(shades["button"], theme.paper) >= 1.6


def test_themes_are_those_of_the_style_sheet() -> None:
    css = (ROOT / "static" / "site.css").read_text(encoding="utf-8")
    light, dark = css.split("@media (prefers-color-scheme: dark)", 1)
    for part, theme in ((light, THEMES["light"]), (dark, THEMES["dark"])):
        for name, colour in theme._asdict().items():
            assert (text := re.search(rf"--{name}: (#[0-9a-f]+);", part)) and parse_colour(text[1]) == colour, name


def test_accent_that_can_be_read_stays_as_it_is() -> None:
    assert accent_colours("light", (170, 51, 102))["accent"] == (170, 51, 102)
    assert accent_colours("light", (255, 238, 0))["accent"] == (115, 107, 0)
    assert accent_colours("dark", (255, 238, 0))["accent"] == (255, 238, 0)


def test_check_of_the_site_says_what_the_accent_becomes(tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(png(30, 30))
    config = SiteConfig(site_name="Lumière", site_logo=tmp_path / "logo.png", accent="#ffee00")
    assert describe(config) == (
        f"Lumière; logo {tmp_path}/logo.png; accent #ffee00 (links #736b00 on light pages, #ffee00 on dark pages)"
    )
    assert describe(SiteConfig()) == "RPF Fashion Search"
