"""What a newcomer stumbles over, in Chromium, on a desktop and on a phone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.common.site_server import Site

DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
RESULTS = "/c/tiny/results?item=3&a=sleeve_length&a=coat_length"


def opened(browser: Browser, site: Site, viewport: dict[str, int], script: bool = True) -> Iterator[Page]:
    context = browser.new_context(
        base_url=site.address,
        locale="en-US",
        viewport=viewport,
        java_script_enabled=script,  # type: ignore[arg-type]
    )
    yield context.new_page()
    context.close()


@pytest.fixture
def desktop(browser: Browser, site: Site) -> Iterator[Page]:
    yield from opened(browser, site, DESKTOP)


@pytest.fixture
def phone(browser: Browser, site: Site) -> Iterator[Page]:
    yield from opened(browser, site, PHONE)


@pytest.fixture
def unscripted(browser: Browser, site: Site) -> Iterator[Page]:
    yield from opened(browser, site, PHONE, script=False)


def test_heat_of_a_result_shows_while_the_pointer_is_on_it(desktop: Page) -> None:
    desktop.goto(RESULTS)
    card = desktop.locator(".hit").first
    with desktop.expect_response("**/heat?item=*") as response:
        card.locator(".hit-image").hover()
    assert response.value.ok
    expect(card.locator(".hit-heat .heat")).to_have_count(2)
    card.locator("[data-tile]").nth(1).hover()
    expect(card.locator(".hit-heat .heat")).to_have_count(1)
    desktop.locator("#status").hover()
    expect(desktop.locator(".hit-heat")).to_have_count(0)


def test_heat_of_a_detail_shows_while_it_is_ticked(desktop: Page) -> None:
    desktop.goto("/c/tiny/item/3")
    region = desktop.locator(".region.heat").nth(1)
    ticked = desktop.locator(".labels input").nth(1)
    ticked.check()
    assert region.evaluate("rect => getComputedStyle(rect).display") == "inline"
    ticked.uncheck()
    assert region.evaluate("rect => getComputedStyle(rect).display") == "none"
