"""Further pages of results in one list: by scrolling, by button, by link, and again on the way back."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from benchmarks.common.site_server import Site, serve
from rpf.settings import Settings
from tests.conftest import with_instance
from tests.support.ranked_items import SLEEVE, make_ranked_items

SCREENS = {"desktop": (1280, 800), "phone": (390, 844)}
LONG, ENDING = f"/c/long/results?item=1&a={SLEEVE}", f"/c/ending/results?item=1&a={SLEEVE}"


@pytest.fixture(scope="module")
def long_site(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Serve a list of 200 results, of which nothing is told, and one of 100 of which the 40th is the last close one."""
    base = tmp_path_factory.mktemp("long")
    changed = with_instance(settings, base / "instance").model_copy(
        update={"collections": base / "collections", "collection": "long"}
    )
    make_ranked_items(changed, "long", 201)
    make_ranked_items(changed, "ending", 101, {*range(1, 30), 40})
    with serve(changed, base / "log") as running:
        yield running


@pytest.fixture(params=SCREENS)
def page(request: pytest.FixtureRequest, browser: Browser, long_site: Site) -> Iterator[Page]:
    """Open a page on desktop and phone; an error in a script fails the test."""
    width, height = SCREENS[request.param]
    context = browser.new_context(
        base_url=long_site.address, locale="en-US", viewport={"width": width, "height": height}
    )
    context.set_default_timeout(10_000)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert errors == []


def ranks(page: Page) -> list[int]:
    ranks: list[int] = page.evaluate("[...document.querySelectorAll('.hit')].map(hit => Number(hit.dataset.position))")
    return ranks


def scroll_to_end(page: Page, count: int) -> None:
    """Scroll down until there are so many results at least."""
    for _ in range(200):
        if len(ranks(page)) >= count:
            return
        page.evaluate("scrollTo({top: document.documentElement.scrollHeight, behavior: 'instant'})")
        page.wait_for_timeout(100)
    raise AssertionError(f"{len(ranks(page))} results, not {count}; {page.locator('#pages').inner_html()}")


def scroll_to_hit(page: Page, count: int, number: int) -> Locator:
    """Open the list, load so many results at least, and scroll to the image of one of them, counted from 0."""
    page.goto(LONG)
    scroll_to_end(page, count)
    hit = page.locator(".hit-image").nth(number)
    hit.scroll_into_view_if_needed()
    page.wait_for_timeout(400)
    return hit


def test_scrolling_adds_pages_until_a_button_lets_the_end_be_reached(page: Page) -> None:
    page.goto(LONG)
    assert len(ranks(page)) in (24, 48)  # the second page may be near already
    scroll_to_end(page, 144)  # the first page, and five more
    assert ranks(page) == list(range(1, 145))
    expect(page.locator("#shown")).to_have_text("144 of 200 results are shown.")
    assert page.url.endswith(LONG)
    button = page.locator(".more-results")
    expect(button).to_have_text("Show more")
    expect(page.locator(".pages [aria-current]")).to_have_text("6")
    page.wait_for_timeout(500)
    assert len(ranks(page)) == 144
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".hit")).to_have_count(168)
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".hit")).to_have_count(192)
    page.keyboard.press("Enter")
    expect(page.locator(".hit")).to_have_count(200)
    expect(page.locator("#pages")).to_be_focused()  # the button is gone
    assert ranks(page) == list(range(1, 201))


def test_back_from_an_item_leads_to_the_same_place(page: Page) -> None:
    hit = scroll_to_hit(page, 96, 80)
    place, shown = page.evaluate("scrollY"), len(ranks(page))
    assert place > 0
    hit.click()
    page.wait_for_url(re.compile("/item/"))
    page.go_back()
    expect(page.locator(".hit")).to_have_count(shown)
    page.wait_for_function("place => Math.abs(scrollY - place) < 2", arg=place)
    assert ranks(page) == list(range(1, shown + 1))
    page.reload()
    expect(page.locator(".hit")).to_have_count(shown)
    page.wait_for_function("place => Math.abs(scrollY - place) < 2", arg=place)


def test_way_back_from_a_later_item_leads_to_it_in_the_same_list(page: Page) -> None:
    hit = scroll_to_hit(page, 48, 40)
    hit.click()
    for rank in range(42, 53):  # on the next page
        page.get_by_role("link", name="Next", exact=True).click()
        page.wait_for_url(re.compile(f"rank={rank}$"))
    page.get_by_role("link", name="Back to the results").click()
    expect(page.locator("#rank-52")).to_be_in_viewport()
    assert ranks(page)[0] == 1 and page.url.endswith(LONG)


def test_changed_weight_begins_a_new_list(page: Page) -> None:
    page.goto(f"{LONG}&a=skirt_length")
    scroll_to_end(page, 96)
    page.evaluate("scrollTo({top: 0, behavior: 'instant'})")
    if page.locator(".strip").is_visible():
        page.locator(".strip").click()
    with page.expect_response(re.compile("w-skirt_length=2")):
        page.locator("#w-skirt_length-3").check(force=True)
    page.wait_for_url(re.compile("w-skirt_length=2"))
    assert len(ranks(page)) <= 48
    assert page.evaluate("history.state") is None or len(ranks(page)) == 48
    scroll_to_end(page, 72)
    assert ranks(page) == list(range(1, len(ranks(page)) + 1))


def test_list_ends_where_nothing_further_down_is_close(page: Page) -> None:
    page.goto(ENDING)
    expect(page.locator("#status")).to_contain_text("100 garments, most similar first; close ones up to number 40")
    scroll_to_end(page, 40)
    expect(page.locator(".list-end")).to_contain_text("Nothing further down is close.")
    page.wait_for_timeout(400)
    assert ranks(page) == list(range(1, 41))
    page.get_by_role("link", name="Show the rest").click()
    scroll_to_end(page, 100)
    assert ranks(page) == list(range(1, 101))
    expect(page.locator("#status")).not_to_contain_text("close ones")
    assert page.url.endswith(ENDING)


def test_page_that_cannot_be_fetched_leaves_a_link(page: Page) -> None:
    page.route(re.compile("page=2"), lambda route: route.abort())
    page.goto(LONG)
    page.evaluate("scrollTo({top: document.documentElement.scrollHeight, behavior: 'instant'})")
    link = page.locator(".more-results")
    expect(link).to_have_text("Show more")
    expect(page.locator(".pages ul")).to_be_visible()
    page.unroute(re.compile("page=2"))
    link.click()
    page.wait_for_url(re.compile("page=2"))
    assert ranks(page)[0] == 25


def test_without_javascript_pages_and_the_rest_are_links(browser: Browser, long_site: Site) -> None:
    context = browser.new_context(base_url=long_site.address, locale="en-US", java_script_enabled=False)
    page = context.new_page()

    def positions() -> list[int]:
        return [int(hit.get_attribute("data-position") or 0) for hit in page.locator(".hit").all()]

    page.goto(f"{LONG}&n=48&page=2")
    page.locator(".hit-image").nth(1).click()
    page.get_by_role("link", name="Next", exact=True).click()
    page.get_by_role("link", name="Back to the results").click()
    expect(page.locator(":target")).to_have_attribute("id", "rank-51")
    assert positions() == list(range(49, 97))
    page.goto(ENDING)
    page.get_by_role("link", name="Next page").click()
    assert positions() == list(range(25, 41))
    expect(page.locator(".pages [aria-current]")).to_have_text("2")
    page.get_by_role("link", name="Show the rest").click()
    assert positions() == list(range(25, 49))
    page.get_by_role("link", name="Page 5").click()
    assert positions() == list(range(97, 101))
    context.close()
