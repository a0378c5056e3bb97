"""Accessibility in Chromium: axe-core on every page and state, narrow and zoomed screens, keyboard, forced colours."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from benchmarks.common.site_server import Site, serve
from rpf.collection import Collection
from rpf.settings import Settings
from tests.conftest import with_instance
from webapp import create_app

SHOP = "/c/shop/results?item=1&a=sleeve_length&a=neckline_design&anyway=1"
PICKS = f"{SHOP}&also=item:9&unlike=item:13&compared=item:5&compared=item:9"
ADDRESSES = {
    "start": "/c/shop/",
    "results": SHOP,
    "results of values": "/c/named/results?a=sleeve_length&v-sleeve_length=2",
    "results with filters": f"{SHOP}&f-sleeve_length=1&f-sleeve_length=2&p-colour=red&price_to=23&available=1",
    "results of a crop": f"{SHOP}&crop=0.1,0.1,0.7,0.7&turn=90",
    "results with picks": PICKS,
    "nothing left": f"{SHOP}&price_to=1",
    "wrong weights": f"{SHOP}&w-sleeve_length=0&w-neckline_design=0",
    "item": "/c/shop/item/3",
    "product": "/c/shop/product/P2",
    "compare": "/c/shop/compare?compared=item:5&compared=item:9&compared=item:13&a=sleeve_length",
    "compare with a search": "/c/shop/compare?item=1&a=sleeve_length&compared=item:5&compared=item:9&compared=item:13",
    "full tray": f"{SHOP}&compared=item:5&compared=item:9&compared=item:13&compared=item:17",
    "product from results": f"{SHOP.replace('results', 'product/P2')}&photo=5&rank=2",
    "about": "/c/shop/about",
    "api": "/api",
    "missing": "/c/shop/item/999",
}
CONTRAST = {"runOnly": ["color-contrast"]}  # the only rule for which light and dark differ
DISPLAYS = [("light", 1280, None), ("dark", 320, None), ("dark", 1280, CONTRAST), ("light", 320, CONTRAST)]


@pytest.fixture(scope="module")
def shop_site(shop_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("accessible")
    with serve(with_instance(shop_settings, folder), folder / "log") as running:
        yield running


@pytest.fixture(scope="module")
def preparing(shop_settings: Settings) -> str:
    """Return the page of a site whose engine has not been started."""
    return create_app(shop_settings).test_client().get("/c/shop/", headers={"Accept": "text/html"}).text


@pytest.fixture
def open_page(browser: Browser, shop_site: Site) -> Iterator:  # type: ignore[type-arg]
    """Return a function that opens a page with options of the browser's context."""
    contexts: list[BrowserContext] = []

    def start(**options: object) -> Page:
        contexts.append(browser.new_context(base_url=shop_site.address, locale="en-US", **options))  # type: ignore[arg-type]
        return contexts[-1].new_page()

    yield start
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def without_sleeves(shop_settings: Settings) -> int:
    """Return an item on which the model sees no sleeves."""
    collection = Collection.open(shop_settings.collections / "shop")
    presence = collection.presence_by_attribute[collection.vocabulary.index("sleeve_length")]
    return int(collection.ids[(presence < 0.5).argmax()])


def violations(page: Page, rules: dict[str, list[str]] | None) -> list[str]:
    """Return what axe finds, and whether the page scrolls sideways."""
    wrong = [
        f"{one['id']} ({one['impact']}): {node['target']} {node['html'][:120]}"
        for one in Axe().run(page, options=rules).response["violations"]
        for node in one["nodes"]
    ]
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return [*wrong, *(["scrolls sideways"] if wide else [])]


@pytest.mark.parametrize(
    ("scheme", "width", "rules"), DISPLAYS, ids=[f"{scheme}-{width}" for scheme, width, _ in DISPLAYS]
)
def test_axe_finds_nothing_on_any_page(  # type: ignore[no-untyped-def]
    open_page,
    preparing: str,
    photo: Path,
    without_sleeves: int,
    scheme: str,
    width: int,
    rules: dict[str, list[str]] | None,
) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    wrong: dict[str, list[str]] = {}

    def check(name: str, unfold: bool = True) -> None:
        if unfold:
            page.evaluate("for (const one of document.querySelectorAll('details:not(.menu)')) one.open = true")
        wrong[name] = violations(page, rules)

    page.goto(SHOP)
    check("results, folded", unfold=False)
    unseen = {"nothing seen": f"/c/shop/results?item={without_sleeves}&a=sleeve_length"}
    for name, address in {**ADDRESSES, **unseen}.items():
        page.goto(address)
        check(name)
    page.goto("/c/shop/")
    page.fill("#attrs", "zebra")
    page.set_input_files("#image", photo)
    page.locator(".btn-search").click()
    expect(page.locator("#attrs")).to_be_focused()
    expect(page).to_have_title(re.compile("^Error: "))
    check("start with an error")
    page.goto(SHOP)
    page.locator(".pick-menu summary").first.click()
    page.evaluate("document.querySelector('#fold').open = true")
    page.locator("#crop-button").click()
    check("menu of a result, and cropping")
    page.route("**/c/shop/?waiting", lambda route: route.fulfill(body=preparing, content_type="text/html"))
    page.goto("/c/shop/?waiting")
    check("preparing")
    assert {name: of_page for name, of_page in wrong.items() if of_page} == {}


@pytest.mark.parametrize("width", [320, 640])  # 640: a screen of 1280 at 200%
def test_no_page_scrolls_sideways_in_vietnamese(open_page, width: int) -> None:  # type: ignore[no-untyped-def]
    page = open_page(viewport={"width": width, "height": 400})
    page.goto("/language/vi?next=/c/shop/")
    for name, address in ADDRESSES.items():
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name


def press_until(page: Page, selector: str, key: str = "Tab") -> None:
    """Press a key until an element that matches has the focus, and see that it is in sight."""
    for _ in range(80):
        page.keyboard.press(key)
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            break
    focused = page.locator(":focus")
    assert focused.evaluate("(one, selector) => one.matches(selector)", selector), selector
    expect(focused).to_be_in_viewport()


def test_keyboard_alone_leads_from_the_start_over_a_crop_to_the_comparison(open_page) -> None:  # type: ignore[no-untyped-def]
    page = open_page(viewport={"width": 1280, "height": 800})
    page.goto("/c/named/")
    press_until(page, "#attrs")
    page.keyboard.type("long sleeves")
    page.keyboard.press("Enter")
    page.wait_for_url("**/results?a=sleeve_length*")
    press_until(page, ".hit-act")
    page.keyboard.press("Enter")
    page.wait_for_url("**/results?item=*")

    press_until(page, "#crop-button")
    page.keyboard.press("Enter")
    press_until(page, "#crop-se")
    with page.expect_response(re.compile("crop=0%2C0%2C0.85")):
        for _ in range(3):
            page.keyboard.press("Shift+ArrowLeft")
    page.wait_for_url(re.compile("crop=0%2C0%2C0.85"))
    expect(page.locator("#results[aria-busy]")).to_have_count(0)
    expect(page.locator("#crop-se")).to_be_focused()

    for number in range(2):
        press_until(page, ".pick-menu summary")
        page.keyboard.press("Enter")
        press_until(page, ".pick-menu[open] li:last-child a")
        page.keyboard.press("Enter")
        expect(page.locator(".compared")).to_have_count(number + 1)
        expect(page.locator("#results[aria-busy]")).to_have_count(0)
    press_until(page, "#compare .btn", "Shift+Tab")  # the focus has stayed at the result
    page.keyboard.press("Enter")
    page.wait_for_url("**/compare?*")
    expect(page.locator(".compare thead img, .compare thead svg").first).to_be_visible()


def test_focus_stays_near_an_unticked_detail(open_page) -> None:  # type: ignore[no-untyped-def]
    page = open_page(viewport={"width": 1280, "height": 800})
    page.goto(SHOP)
    page.focus("#a-sleeve_length")
    page.keyboard.press("Space")
    page.wait_for_url(re.compile(r"\?(?!.*a=sleeve_length)"))
    expect(page.locator("#more > summary")).to_be_focused()
    page.keyboard.press("Enter")
    page.focus("#a-sleeve_length")
    page.keyboard.press("Space")
    page.wait_for_url(re.compile("a=sleeve_length"))
    expect(page.locator("#a-sleeve_length")).to_be_focused()


def test_error_page_says_so_in_its_title_and_has_the_focus(open_page) -> None:  # type: ignore[no-untyped-def]
    page = open_page()
    page.goto("/c/shop/item/999")
    title = page.locator("h1")
    expect(title).to_be_focused()
    expect(page).to_have_title(re.compile(f"^{re.escape(title.inner_text())}"))


def test_forced_colours_keep_states_visible(open_page) -> None:  # type: ignore[no-untyped-def]
    page = open_page(forced_colors="active", viewport={"width": 1280, "height": 800})
    page.goto(f"{SHOP}&available=1")
    page.evaluate("document.querySelector('#filters').open = true")

    def seen(selector: str) -> bytes:
        return page.locator(selector).first.screenshot(animations="disabled")

    for box in ("#a-sleeve_length", "#available"):
        ticked = seen(box)
        page.evaluate("box => { document.querySelector(box).checked = false }", box)
        assert seen(box) != ticked, box
    for control in page.locator(".weight input").all():
        before = control.screenshot()
        control.evaluate("one => { one.style.opacity = 0 }")
        assert control.screenshot() != before, control


def test_nothing_moves_where_less_motion_is_wanted(open_page) -> None:  # type: ignore[no-untyped-def]
    page = open_page(reduced_motion="reduce")
    page.goto(SHOP)
    moving = page.evaluate(
        """() => {
            document.querySelector("#busy").hidden = false;
            const style = (one, pseudo) => getComputedStyle(one, pseudo);
            const moves = one => parseFloat(one.transitionDuration) > 0 || one.animationName !== "none";
            const moving = [...document.querySelectorAll("*")].filter(
                one => [undefined, "::before", "::after"].some(pseudo => moves(style(one, pseudo))));
            return [style(document.documentElement).scrollBehavior, moving.map(one => one.className)];
        }"""
    )
    assert moving == ["auto", []]
