"""A shop's products in Chromium, on desktop and phone, with and without JavaScript: find, filter, unfold, open."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.common.site_server import Site, serve
from rpf.settings import Settings
from tests.conftest import with_instance

SLEEVE = "sleeve_length"


class Visitor(NamedTuple):
    page: Page
    scripts: bool

    def open_filters(self) -> None:
        if not self.page.locator("#price-to").is_visible():
            self.page.locator(".filters > summary").click()

    def apply(self) -> None:
        """Wait for the new results; without scripts, press the button first."""
        if not self.scripts:
            self.page.locator(".filters button").click()
        self.page.wait_for_load_state("networkidle")

    def names(self) -> list[str]:
        return sorted(self.page.locator(".product-name").all_inner_texts())


@pytest.fixture(scope="module")
def shop_site(shop_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("shop-in-browser")
    with serve(with_instance(shop_settings, folder), folder / "log") as running:
        yield running


@pytest.fixture(params=[(False, True), (True, True), (True, False)], ids=["desktop", "phone", "phone-no-scripts"])
def visitor(request: pytest.FixtureRequest, browser: Browser, shop_site: Site) -> Iterator[Visitor]:
    phone, scripts = request.param
    context = browser.new_context(
        base_url=shop_site.address,
        locale="en-US",
        viewport={"width": 390, "height": 844} if phone else {"width": 1280, "height": 800},
        has_touch=phone,
        java_script_enabled=scripts,
    )
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"/c/shop/results?item=1&a={SLEEVE}&anyway=1")
    yield Visitor(page, scripts)
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth") if scripts else False
    context.close()
    assert errors == [] and not wide


def test_results_are_products_and_unfold_to_photos(visitor: Visitor) -> None:
    page = visitor.page
    expect(page.locator("#status")).to_contain_text("4 products")  # the query's own is left out
    assert visitor.names() == ["Shirt P1", "Shirt P2", "Shirt P3", "Shirt P4"]
    first = page.locator(".hit", has_text="Shirt P2")
    expect(first.locator(".product-facts")).to_contain_text("2 colours")
    expect(first.locator(".product-facts")).to_contain_text("4 photos")
    shop = first.get_by_text("To the shop")
    assert shop.get_attribute("href") == "https://shop.example/P2" and "noopener" in (shop.get_attribute("rel") or "")
    page.get_by_role("link", name="all photos").click()
    expect(page.locator("#status")).to_contain_text("19 photos")
    page.get_by_role("link", name="products", exact=True).click()
    expect(page.locator("#status")).to_contain_text("4 products")


def test_filters_narrow_down_and_can_be_taken_back(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open_filters()
    page.fill("#price-to", "22,50")
    page.locator("#price-to").press("Tab")
    visitor.apply()
    page.wait_for_url(re.compile("price_to=22"))
    expect(page.locator(".product-name")).to_have_count(2)
    assert visitor.names() == ["Shirt P1", "Shirt P2"]
    visitor.open_filters()
    page.locator("#available").check()
    visitor.apply()
    page.wait_for_url(re.compile("available=1"))
    assert visitor.names() == ["Shirt P1", "Shirt P2"]  # in red
    page.locator(".active-filter", has_text="22.5").click()
    expect(page.locator(".product-name")).to_have_count(4)
    page.get_by_text("Remove all filters").click()
    expect(page.locator(".active-filter")).to_have_count(0)


def test_wrong_price_is_marked_and_the_other_filters_stay(visitor: Visitor) -> None:
    page = visitor.page
    page.goto(f"/c/shop/results?item=1&a={SLEEVE}&anyway=1&price_to=22.5")
    names = visitor.names()
    visitor.open_filters()
    page.fill("#price-from", "abc")
    page.locator("#price-from").press("Enter")
    expect(page.locator("#price_from-problem")).to_have_text('"abc" is not a price.')
    expect(page.locator("#price_from-problem")).to_be_in_viewport()
    expect(page.locator("#price-from")).to_have_value("abc")
    assert visitor.names() == names == ["Shirt P1", "Shirt P2"]


def test_product_page_shows_its_colours_and_leads_on(visitor: Visitor) -> None:
    page = visitor.page
    photo = page.locator(".hit", has_text="Shirt P3").locator(".hit-image")
    number = re.findall(r"/thumb/(\d+)", photo.locator("img").get_attribute("src") or "")[0]
    photo.click()
    expect(page.locator("h1")).to_have_text("Shirt P3")
    expect(page.locator(".product-photos img").first).to_have_attribute("src", re.compile(rf"/thumb/{number}\?"))
    words, photos = (page.locator(part).bounding_box() for part in (".product-words", ".product-photos"))
    assert words and photos and (words["y"] > photos["y"])
    assert page.locator(".product-photos h2").count() == 2 and page.locator(".product-photos img").count() == 4
    expect(page.locator(".product-photos h2", has_text="blue")).to_contain_text("sold out")
    page.locator(".product-photos .hit-image").first.click()
    expect(page.get_by_text("All photos of this product")).to_be_visible()
    expect(page.locator("h1")).to_have_text("Shirt P3")
