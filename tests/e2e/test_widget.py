"""The widget in Chromium that blocks third-party cookies: a shop at localhost, the site at 127.0.0.1, two sites."""

import re
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, FrameLocator, Locator, Page, Route, expect

from benchmarks.common.site_server import Site, serve
from rpf.access.event_log import EVENTS_FILE
from rpf.access.keys import KeyStore
from rpf.settings import Settings
from tests.conftest import with_instance
from tests.support.browser import FLAGS, find
from tests.support.commands import Run
from tests.support.web_pages import serve_pages

BLOCK_COOKIES = "--test-third-party-cookie-phaseout"
SCREENS = {"desktop": (1280, 800), "phone": (390, 844)}
LISTENER = """
<script>
  window.clicks = []; window.messages = []; window.keep = true;
  document.addEventListener("rpf:product", (event) => {
    clicks.push({...event.detail, at: event.target.id || event.target.localName});
    if (keep) event.preventDefault();
  });
  addEventListener("message", ({origin, data}) => messages.push({origin, ...data}));
</script>"""
BODY = """
<a id="before" href="#">Start of the shop</a>
<button id="similar" data-rpf-search data-rpf-product="P2">Find similar</button>
<button id="ours" data-rpf-search data-rpf-image="/photo.jpg">Search by this photo</button>
<p id="place">SCRIPT</p>
<a id="after" href="#">End of the shop</a>
<p style="height: 2000px">A long page</p>"""


class ShopPages(NamedTuple):
    """The site, its settings, and the shop's server with the pages that tests put there."""

    site: Site
    settings: Settings
    port: int
    pages: dict[str, str | bytes]

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.port}"

    def token(self, *origins: str) -> str:
        """Create a key, and wait until the site knows it."""
        token = KeyStore(self.settings.instance).create("search", "widget", origins or [self.origin])[1]
        while self.site.status(f"/widget/shop/?key={token}") != 200:
            time.sleep(0.1)
        return token

    def write(self, path: str, tag: str = "", head: str = LISTENER, body: str = BODY, token: str = "") -> str:
        """Write a page of the shop with the script tag, and return its address. tag: further attributes."""
        key = token or self.token()
        script = f'<script src="{self.site.address}/widget.js" data-key="{key}" {tag} async></script>'
        self.pages[path] = (
            '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f'<link rel="icon" href="data:,"><title>Shop</title>{head}{body.replace("SCRIPT", script)}</html>'
        )
        return self.origin + path


@pytest.fixture(scope="module")
def shop(shop_settings: Settings, photo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShopPages]:
    folder = tmp_path_factory.mktemp("widget")
    settings = with_instance(shop_settings, folder)
    pages: dict[str, str | bytes] = {"/photo.jpg": photo.read_bytes()}
    with serve(settings, folder / "log") as site, serve_pages(pages) as port:
        yield ShopPages(site, settings, port, pages)


@pytest.fixture(scope="module")
def strict_browser(browser: Browser) -> Iterator[Browser]:
    """Launch a second Chromium, which blocks third-party cookies."""
    launched = browser.browser_type.launch(executable_path=find(), args=[*FLAGS, BLOCK_COOKIES])
    yield launched
    launched.close()


@pytest.fixture(params=SCREENS)
def page(request: pytest.FixtureRequest, strict_browser: Browser) -> Iterator[Page]:
    """Open a page on desktop and phone; an error in a script and a cookie of anybody fail the test."""
    width, height = SCREENS[request.param]
    context = strict_browser.new_context(
        locale="en-US", viewport={"width": width, "height": height}, has_touch=request.param == "phone"
    )
    context.set_default_timeout(10_000)
    context.route("https://shop.example/**", answer)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    cookies = context.cookies()
    context.close()
    assert errors == [] and cookies == []


def answer(route: Route) -> None:
    route.fulfill(body=f"<title>{route.request.url}</title>", content_type="text/html")


def frame_of(page: Page) -> FrameLocator:
    """Wait until the widget's page has spoken, and return its frame."""
    page.locator("rpf-search iframe[data-ready]").wait_for()
    return page.frame_locator("rpf-search iframe")


def search_all_the_same(frame: FrameLocator) -> None:
    """Wait for results, also where the tiny model sees nothing in the photo."""
    anyway, hits = frame.get_by_text("That is wrong"), frame.locator(".hit")
    anyway.or_(hits.first).first.wait_for()
    if not hits.count():
        anyway.click()


def style(locator: Locator, name: str) -> str:
    return str(locator.evaluate("(element, name) => getComputedStyle(element)[name]", name))


def active(page: Page) -> str:
    """Return the id of the focused element of the shop's page, or the name of an element of the widget."""
    return str(
        page.evaluate(
            """() => {
                let element = document.activeElement;
                while (element.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
                return element.id || element.localName;
            }"""
        )
    )


def test_browser_of_these_tests_blocks_third_party_cookies(strict_browser: Browser, shop: ShopPages) -> None:
    cookie = f"http://127.0.0.1:{shop.port}/cookie.html"
    shop.pages["/frame.html"] = f'<iframe src="{cookie}"></iframe>'
    context = strict_browser.new_context()
    page = context.new_page()
    page.goto(cookie)
    for host, cookies in (("127.0.0.1", "cookies: visitor=1"), ("localhost", "cookies: None")):
        page.goto(f"http://{host}:{shop.port}/frame.html")
        expect(page.frame_locator("iframe").locator("body")).to_have_text(cookies)
    context.close()


def test_photo_is_searched_and_the_shop_is_told_what_was_clicked(page: Page, shop: ShopPages, photo: Path) -> None:
    page.goto(shop.write("/photo.html", 'data-button="Find by photo"'))
    page.get_by_role("button", name="Find by photo").click()
    expect(page.get_by_role("dialog", name="Find by photo")).to_be_visible()
    frame = frame_of(page)
    frame.locator("#image").set_input_files(photo)  # no button: it is searched at once
    search_all_the_same(frame)
    expect(frame.locator(".hit")).to_have_count(5)
    frame.locator("body").evaluate("() => document.readyState === 'complete' || new Promise(done => onload = done)")
    strip = frame.locator(".strip")
    if phone := strip.is_visible():
        strip.click()
    with page.expect_response(re.compile("&w-[a-z_]+=2")):
        frame.get_by_role("radio", name="More").first.check(force=True)
    expect(frame.locator("#results")).not_to_have_attribute("aria-busy", "true")
    if phone:
        strip.click()
    hit = frame.locator(".hit").nth(1)
    wanted = {name: hit.get_attribute(f"data-{name}") for name in ("id", "url", "title")}
    query_id = frame.locator("#results").get_attribute("data-query-id")
    hit.locator(".hit-image").click()
    page.wait_for_function("clicks.length === 1")
    expected = {"product": wanted, "query_id": query_id, "position": 2}
    assert page.evaluate("clicks") == [{**expected, "at": "rpf-search"}]
    assert [one for one in page.evaluate("messages") if one["type"] == "rpf:product"] == [
        {**expected, "type": "rpf:product", "origin": shop.site.address}
    ]
    assert page.url == f"{shop.origin}/photo.html"  # the shop has prevented the default
    assert wanted["url"] == f"https://shop.example/{wanted['id']}"
    page.evaluate("keep = false")
    frame.locator(".hit").nth(1).locator(".product-name a").click()
    page.wait_for_url(str(wanted["url"]))

    def events() -> set[tuple[str, str, int]]:
        with sqlite3.connect(shop.settings.instance / EVENTS_FILE) as database:
            query = "SELECT action, object_id, position FROM events JOIN searches ON id = search WHERE query_id = ?"
            return set(database.execute(query, (query_id,)))

    click = ("click", str(wanted["id"]), 2)
    deadline = time.monotonic() + 10
    while not {click, ("view", click[1], 2)} <= events():
        assert time.monotonic() < deadline, events()
        time.sleep(0.1)
    assert "click" in Run(shop.settings)("report", "events").lower()


def test_product_of_the_shop_is_a_start(page: Page, shop: ShopPages) -> None:
    page.goto(shop.write("/product.html", 'data-position="none"'))
    assert page.get_by_role("button").count() == 2  # those of the shop alone
    page.locator("#similar").click()
    frame = frame_of(page)
    search_all_the_same(frame)
    expect(frame.locator(".hit")).to_have_count(4)
    assert "P2" not in [hit.get_attribute("data-id") for hit in frame.locator(".hit").all()]
    frame.locator(".hit-image").first.click()
    page.wait_for_function("clicks.length === 1")
    assert page.evaluate("clicks[0].at") == "similar"  # the event is at the element that opened the search
    page.keyboard.press("Escape")
    expect(page.locator("rpf-search dialog")).to_be_hidden()
    page.evaluate("RPFSearch.open()")
    expect(frame.locator(".hit")).to_have_count(4)  # as it was left


def test_photo_of_the_shop_is_a_start(page: Page, shop: ShopPages) -> None:
    page.goto(shop.write("/image.html"))
    page.locator("#ours").click()
    frame = frame_of(page)
    frame.locator("#results").wait_for()
    address = frame.locator("html").evaluate("() => location.pathname + location.search")
    assert address.startswith("/widget/shop/results?") and "upload=" in address
    page.evaluate("RPFSearch.open({image: '/nowhere.jpg'})")
    expect(page.get_by_text("That photo cannot be loaded. Please choose one.")).to_be_visible()


def test_keyboard_goes_in_and_comes_back(page: Page, shop: ShopPages) -> None:
    page.goto(shop.write("/keyboard.html", 'data-button="Find by photo"'))
    button = page.get_by_role("button", name="Find by photo")
    button.focus()
    page.keyboard.press("Enter")
    frame = frame_of(page)
    frame.locator("#image").wait_for(state="attached")
    assert active(page) == "button" and page.evaluate("document.activeElement.localName") == "rpf-search"
    places = []
    for _ in range(15):
        page.keyboard.press("Tab")
        places.append(active(page))
    assert "iframe" in places and not {"before", "similar", "ours", "after"} & set(places)  # the page behind is inert
    page.keyboard.press("Escape")  # on whatever has the focus
    expect(page.locator("rpf-search dialog")).to_be_hidden()
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    frame.locator("#attrs").focus()
    page.keyboard.press("Escape")
    expect(page.locator("rpf-search dialog")).to_be_hidden()
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Close").click()
    expect(button).to_be_focused()
    page.wait_for_function("getComputedStyle(document.documentElement).overflow === 'visible'")


def wait_until_refused(page: Page) -> None:
    """Wait for the browser's error in the frame, which comes after the load event of the page around."""
    for _ in range(100):
        if page.frames[1].url.startswith("chrome-error:"):
            return
        page.wait_for_timeout(100)
    raise AssertionError(page.frames[1].url)


def test_page_of_another_origin_is_refused_by_the_browser(page: Page, shop: ShopPages) -> None:
    token = shop.token("https://other.example")
    warnings: list[str] = []
    page.on("console", lambda message: warnings.append(message.text))
    page.goto(shop.write("/other.html", token=token))
    page.get_by_role("button", name="Search by photo").click()
    expect(page.get_by_text("The search cannot be shown at the moment.")).to_be_visible()
    assert any("frame-ancestors" in text for text in warnings)
    assert any(f"rpf keys create --kind search --origin {shop.origin}" in text for text in warnings)
    # The same without the script, which names the page's origin: the browser compares it.
    shop.pages["/plain.html"] = f'<iframe src="{shop.site.address}/widget/shop/?key={token}"></iframe>'
    page.goto(f"{shop.origin}/plain.html")
    wait_until_refused(page)
    allowed = shop.token()
    shop.pages["/plain.html"] = f'<iframe src="{shop.site.address}/widget/shop/?key={allowed}"></iframe>'
    page.goto(f"{shop.origin}/plain.html")
    expect(page.frame_locator("iframe").locator("#image")).to_be_attached()
    page.goto(f"http://127.0.0.1:{shop.port}/plain.html")
    wait_until_refused(page)


def test_messages_of_other_frames_are_ignored(page: Page, shop: ShopPages) -> None:
    page.goto(shop.write("/messages.html"))
    page.get_by_role("button", name="Search by photo").click()
    frame_of(page).locator("#image").wait_for(state="attached")
    message = {"type": "rpf:product", "product": {"id": "P1", "url": "https://shop.example/evil", "title": ""}}
    page.evaluate("message => { keep = false; postMessage(message, '*'); }", message)
    page.wait_for_function("messages.some(({type, origin}) => type === 'rpf:product' && origin === location.origin)")
    assert page.evaluate("clicks") == [] and page.url == f"{shop.origin}/messages.html"


def test_shop_with_a_strict_policy_shows_it_in_its_colours(page: Page, shop: ShopPages) -> None:
    policy = f"default-src 'none'; img-src data:; script-src {shop.site.address}; frame-src {shop.site.address}"
    head = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    tag = 'data-accent="#ffd400" data-background="#fdf6e3" data-position="floating" data-language="vi"'
    page.goto(shop.write("/strict.html", tag, head, '<button data-rpf-search data-rpf-product="P9">x</button>SCRIPT'))
    button = page.get_by_role("button", name="Tìm bằng ảnh")
    assert style(button, "backgroundColor") == "rgb(255, 212, 0)"
    assert style(button, "color") == "rgb(0, 0, 0)"
    button.click()
    frame = frame_of(page)
    expect(frame.locator("html")).to_have_attribute("lang", "vi")
    submit = frame.locator(".btn-search")
    assert style(submit, "backgroundColor") == "rgb(255, 212, 0)"
    assert style(frame.locator("body"), "backgroundColor") == "rgb(253, 246, 227)"
    box = page.locator("rpf-search dialog").bounding_box()
    assert box is not None
    if page.viewport_size == {"width": 390, "height": 844}:
        assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 390, 844)
    else:
        page.mouse.click(5, 5)  # beside the dialog
        expect(page.locator("rpf-search dialog")).to_be_hidden()
        button.click()
    assert frame.locator("html").evaluate("element => element.scrollWidth <= innerWidth")
    page.keyboard.press("Escape")
    page.locator("[data-rpf-product]").click()
    expect(frame.locator(".alone")).to_contain_text("P9")
    frame.get_by_role("link").click()
    expect(frame.locator("#image")).to_be_attached()
