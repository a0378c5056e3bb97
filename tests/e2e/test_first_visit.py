"""What a newcomer stumbles over, in Chromium, on a desktop and on a phone."""

from collections.abc import Iterator
from pathlib import Path

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


def test_heat_of_a_detail_shows_by_the_switch_and_under_the_pointer(desktop: Page) -> None:
    desktop.goto("/c/tiny/item/3")
    region = desktop.locator(".region.heat").nth(1)
    ticked = desktop.locator(".labels input").nth(1)

    def display() -> str:
        shown: str = region.evaluate("rect => getComputedStyle(rect).display")
        return shown

    ticked.check()
    desktop.locator("h1").hover()
    assert display() == "none"  # the garment is in sight at first
    desktop.locator(".labels li").nth(1).hover()
    assert display() == "inline"
    desktop.get_by_label("Show where the details are").check()
    assert display() == "inline"
    ticked.uncheck()
    desktop.locator("h1").hover()
    assert display() == "none"


def test_panel_of_a_phone_closes_and_shows_the_results(phone: Page) -> None:
    phone.goto(RESULTS)
    phone.locator(".strip").click()
    phone.get_by_text("Add a detail").click()
    with phone.expect_response("**a=pant_length*"):
        phone.check("#a-pant_length")
    expect(phone.locator("#fold")).to_have_attribute("open", "")
    assert phone.locator(".query").bounding_box()["height"] < 0.75 * PHONE["height"]  # type: ignore[index]
    phone.get_by_role("button", name="Show the results").click()
    expect(phone.locator("#fold")).not_to_have_attribute("open", "")
    expect(phone.locator(".hit-image").first).to_be_in_viewport()


def test_panel_of_a_phone_without_scripts_opens_and_searches(unscripted: Page) -> None:
    unscripted.goto(RESULTS)
    unscripted.locator(".strip").click()
    unscripted.locator("#w-coat_length-0").check(force=True)
    unscripted.get_by_role("button", name="Search again").click()
    unscripted.wait_for_url("**w-coat_length=0*")
    expect(unscripted.locator(".hit-image").first).to_be_in_viewport()


def test_search_button_of_a_phone_is_above_the_fold(phone: Page) -> None:
    phone.goto("/c/tiny/")
    box = phone.locator(".btn-search").bounding_box()
    assert box is not None and box["y"] + box["height"] <= PHONE["height"]


def test_panel_of_a_desktop_is_open_and_leads_to_the_filters(desktop: Page) -> None:
    desktop.goto(RESULTS)
    expect(desktop.locator(".strip")).to_be_hidden()
    expect(desktop.locator(".weight").first).to_be_visible()
    expect(desktop.get_by_role("button", name="Search again")).to_be_hidden()
    expect(desktop.get_by_role("button", name="Show the results")).to_be_hidden()


def test_details_can_be_ticked_after_all_were_unticked(desktop: Page) -> None:
    desktop.goto("/c/tiny/results?item=3&a=sleeve_length")
    desktop.locator("#a-sleeve_length").click()
    expect(desktop.locator("#status")).to_have_text("Tick at least one detail.")
    desktop.check("#a-coat_length")
    expect(desktop.locator(".hit")).to_have_count(24)


def test_file_that_is_too_large_cannot_be_sent(desktop: Page, tmp_path: Path, photo: Path) -> None:
    large = tmp_path / "large.jpg"
    large.write_bytes(bytes(17 * 2**20))
    desktop.goto("/c/tiny/")
    search = desktop.get_by_role("button", name="Search", exact=True)
    desktop.set_input_files("#image", large)
    expect(desktop.locator("#drop-name.problem")).to_contain_text("too large")
    expect(search).to_be_disabled()
    desktop.set_input_files("#image", photo)
    expect(search).to_be_enabled()


def test_way_back_goes_to_the_place_that_was_left(desktop: Page) -> None:
    desktop.goto(RESULTS)
    desktop.evaluate("scrollTo({top: 500, behavior: 'instant'})")
    card = desktop.locator(".hit-image").nth(6)
    card.scroll_into_view_if_needed()
    place = desktop.evaluate("scrollY")
    card.click()
    desktop.get_by_role("link", name="Back to the results").click()
    desktop.wait_for_url("**/results?*")
    expect(card).to_be_in_viewport()
    assert desktop.evaluate("scrollY") == place > 0
