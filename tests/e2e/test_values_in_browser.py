"""The five ways to use values, in Chromium: desktop and phone, English and Vietnamese, with and without JavaScript."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from benchmarks.common.site_server import Site, serve
from rpf.engine import SearchEngine
from rpf.settings import Settings
from tests.conftest import with_instance

SLEEVE, NECKLINE = "sleeve_length", "neckline_design"


class Visitor(NamedTuple):
    page: Page
    language: str
    phone: bool
    scripts: bool

    def says(self, english: str, vietnamese: str) -> str:
        return english if self.language == "en" else vietnamese

    def submit(self) -> None:
        """Press the button of the search form."""
        self.page.locator(".btn-search").click()
        self.page.wait_for_load_state("networkidle")

    def open_query(self) -> None:
        """Open the query, which phones fold."""
        if self.phone:
            self.page.locator(".strip").click()

    def open_filters(self) -> None:
        if not self.page.locator(".facet").first.is_visible():
            self.page.locator(".filters > summary").click()

    def apply(self, button: str) -> None:
        """Wait for the new results; without scripts, press the button first."""
        if not self.scripts:
            self.page.locator(button).click()
        self.page.wait_for_load_state("networkidle")


@pytest.fixture(scope="module")
def engine(named_settings: Settings) -> SearchEngine:
    return SearchEngine(named_settings)


@pytest.fixture(scope="module")
def named_site(named_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("named-site")
    with serve(with_instance(named_settings, folder), folder / "log") as running:
        yield running


@pytest.fixture(
    params=[("en", False, True), ("vi", True, True), ("vi", False, False), ("en", True, False)],
    ids=["desktop-en", "phone-vi", "desktop-vi-no-scripts", "phone-en-no-scripts"],
)
def visitor(request: pytest.FixtureRequest, browser: Browser, named_site: Site) -> Iterator[Visitor]:
    language, phone, scripts = request.param
    context = browser.new_context(
        base_url=named_site.address,
        locale={"en": "en-US", "vi": "vi-VN"}[language],
        viewport={"width": 390, "height": 844} if phone else {"width": 1280, "height": 800},
        has_touch=phone,
        java_script_enabled=scripts,
    )
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto("/")
    yield Visitor(page, language, phone, scripts)
    context.close()
    assert errors == []


def items(page: Page) -> list[str]:
    return [str(link.get_attribute("href")) for link in page.locator(".hit-image").all()]


def commonest(engine: SearchEngine, key: str) -> int:
    counts = engine.facets("named", {})[key]
    return max(counts, key=counts.__getitem__)


def test_photo_alone_is_a_search(visitor: Visitor, engine: SearchEngine, photo: Path) -> None:
    page = visitor.page
    page.set_input_files("#image", photo)
    visitor.submit()
    assert items(page)
    visitor.open_query()
    expect(page.locator(".seen")).to_contain_text(visitor.says("We see:", "Chúng tôi thấy:"))
    image = engine.embed(photo)
    present = [key for key in engine.model.attributes if not image.is_missing(key)]
    assert [chip.get_attribute("value") for chip in page.locator(".weight input[name=a]").all()] == present


def test_the_same_but_with_another_value(visitor: Visitor, engine: SearchEngine) -> None:
    page, value = visitor.page, commonest(engine, SLEEVE)
    page.goto(f"/c/named/results?item=3&a={SLEEVE}&a={NECKLINE}&anyway=1")
    before = items(page)
    visitor.open_query()
    page.select_option(f"#v-{SLEEVE}", str(value))
    visitor.apply("#query button[type=submit]")
    page.wait_for_url(re.compile(f"v-{SLEEVE}={value}"))
    after = items(page)
    assert after and after != before
    page.reload()
    assert items(page) == after  # the address carries it
    visitor.open_query()
    drawing = page.locator(".wanted .drawing").first
    expect(drawing.locator("use")).to_have_attribute("href", re.compile(f"#{SLEEVE}-{value}$"))
    if visitor.scripts:
        page.wait_for_load_state("networkidle")
        assert drawing.evaluate("drawing => drawing.getBBox().width") > 0  # the policy of the page lets it load


def test_words_alone(visitor: Visitor, engine: SearchEngine) -> None:
    page, value = visitor.page, commonest(engine, SLEEVE)
    name = engine.collection("named").vocabulary.label(SLEEVE, value, visitor.language)
    page.fill("#attrs", name)
    visitor.submit()
    assert page.url.endswith(f"?a={SLEEVE}&v-{SLEEVE}={value}")
    assert items(page)
    name = engine.collection("named").vocabulary[SLEEVE].told(value, visitor.language)
    expect(page.locator(".similarities", has=page.locator(".same")).first).to_contain_text(name)


def test_words_and_details_change_a_search_without_a_photo(visitor: Visitor, engine: SearchEngine) -> None:
    page, vocabulary = visitor.page, engine.collection("named").vocabulary
    page.goto(f"/c/named/results?a={SLEEVE}&v-{SLEEVE}={commonest(engine, SLEEVE)}")
    shown = items(page)
    visitor.open_query()
    page.fill("#words", "hood")
    page.locator("#words").press("Enter")
    expect(page.locator("#words-problem")).to_contain_text("hood")
    expect(page.locator("#words-problem")).to_be_in_viewport()
    assert items(page)[0].split("?")[0] == shown[0].split("?")[0]
    value = engine.wanted_values[SLEEVE][0]
    page.fill("#words", vocabulary.label(SLEEVE, value, visitor.language))
    page.locator("#words").press("Enter")
    expect(page.locator(f"#v-{SLEEVE}")).to_have_value(str(value))
    if not page.locator("#words").is_visible():
        visitor.open_query()
    page.locator("#more > summary").click()
    page.locator(f"#more-{NECKLINE} > summary").click()
    page.locator(f"#more-{NECKLINE} a").first.click()
    expect(page.locator(f"#v-{NECKLINE}")).to_have_value(str(engine.wanted_values[NECKLINE][0]))
    expect(page.locator(f"#v-{NECKLINE}")).to_be_visible()


def test_words_without_a_value_are_asked_for_one(visitor: Visitor, engine: SearchEngine) -> None:
    page, vocabulary = visitor.page, engine.collection("named").vocabulary
    page.fill("#attrs", vocabulary[NECKLINE].name(visitor.language))
    page.locator("#attrs").press("Enter")
    expect(page.locator("#attrs-problem")).to_be_in_viewport()
    expect(page.locator("#image-problem")).to_have_count(0)
    page.locator(".corrections button").first.click()
    page.wait_for_url(re.compile(f"results.*v-{NECKLINE}="))


def test_filters_by_two_facets(visitor: Visitor, engine: SearchEngine) -> None:
    page = visitor.page
    page.goto(f"/c/named/results?item=3&a={SLEEVE}&anyway=1")
    first, second = commonest(engine, SLEEVE), commonest(engine, NECKLINE)
    visitor.open_filters()
    for key, value in ((SLEEVE, first), (NECKLINE, second)):
        box = page.locator(f"#f-{key}-{value}")
        if not box.is_visible():
            page.locator(f"#facet-{key} > summary").click()
        box.check()
        if visitor.scripts:
            page.wait_for_url(re.compile(f"f-{key}={value}"))
    visitor.apply(".filters > button")
    expect(page.locator(".active-filter")).to_have_count(2)
    shown = len(items(page))
    page.locator(".active-filter").first.click()
    page.wait_for_load_state("networkidle")
    expect(page.locator(".active-filter")).to_have_count(1)
    assert len(items(page)) >= shown


def test_photo_without_the_chosen_part(visitor: Visitor, engine: SearchEngine, tmp_path: Path) -> None:
    page, out = visitor.page, io.BytesIO()
    Image.new("RGB", (300, 400), (128, 128, 128)).save(out, "PNG")
    image = engine.embed(out.getvalue())
    key = next(key for key in engine.model.attributes if image.is_missing(key))
    page.set_input_files("#image", {"name": "grey.png", "mimeType": "image/png", "buffer": out.getvalue()})
    page.check(f"#a-{key}")
    visitor.submit()
    part = engine.collection("named").vocabulary[key].part(visitor.language)
    expect(page.locator(".nothing-seen h2")).to_have_text(
        visitor.says(f"We see no {part} in this photo.", f"Chúng tôi không thấy {part} trong ảnh này.")
    )
    assert not items(page)
    page.get_by_role("link", name=visitor.says("That is wrong", "Không đúng")).click()
    page.wait_for_load_state("networkidle")
    assert items(page)
