"""The site as people use it: Chromium against a real gunicorn, with and without JavaScript."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from benchmarks.common.site_server import Site


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """Open a page in a fresh English profile; an error in its scripts fails the test."""
    context = browser.new_context(base_url=site.address, locale="en-US", viewport={"width": 1280, "height": 800})
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    yield opened
    context.close()
    assert wrong == []


def similarities(page: Page) -> list[float]:
    return [float(card.get_attribute("data-similarity") or "nan") for card in page.locator(".hit").all()]


def items(page: Page) -> list[str]:
    return [str(link.get_attribute("href")) for link in page.locator(".hit-image").all()]


def search(page: Page, photo: Path, *keys: str) -> None:
    page.goto("/")
    page.set_input_files("#image", photo)
    for key in keys:
        page.check(f"#a-{key}")
    page.get_by_role("button", name="Search", exact=True).click()
    page.wait_for_url("**/results?*")


def test_search_from_photo_to_results_and_back(page: Page, photo: Path) -> None:
    search(page, photo, "sleeve_length", "neckline_design")
    shown = similarities(page)
    assert len(shown) == 24
    assert shown == sorted(shown, reverse=True)
    assert page.locator(".query .region.heat").count() == 2
    expect(page).to_have_title(re.compile("sleeve length and neckline design"))

    page.locator(".hit-act").nth(2).click()
    page.wait_for_url("**/results?item=*")
    assert page.url.endswith("a=sleeve_length&a=neckline_design")
    expect(page.locator("#status")).to_contain_text("39 garments")

    page.get_by_role("group", name="neckline design").get_by_role("radio", name="Normal").focus()
    with page.expect_response(re.compile(r"w-neckline_design=2")):
        page.keyboard.press("ArrowRight")
    page.wait_for_url(re.compile(r"w-neckline_design=2$"))
    more = page.get_by_role("group", name="neckline design").get_by_role("radio", name="More")
    expect(more).to_be_checked()
    expect(more).to_be_focused()
    assert similarities(page) == sorted(similarities(page), reverse=True)
    shown = items(page)
    page.reload()
    assert items(page) == shown  # the address is a permalink

    page.get_by_role("link", name="Tiếng Việt").click()
    expect(page.locator("html")).to_have_attribute("lang", "vi")
    expect(page.locator(".hit-act").first).to_contain_text("Tìm món tương tự")
    assert items(page) == shown
    page.get_by_role("link", name="English").click()
    expect(page.locator(".hit-act").first).to_contain_text("Find similar")


def test_changed_weight_keeps_the_scroll_position(page: Page, photo: Path) -> None:
    search(page, photo, "sleeve_length", "coat_length")
    page.evaluate("scrollTo({top: 600, behavior: 'instant'})")
    place = page.evaluate("scrollY")
    assert place > 0
    history = page.evaluate("history.length")
    with page.expect_response(re.compile("w-coat_length=0")):
        page.locator("#w-coat_length-0").check(force=True)
    page.wait_for_url(re.compile("w-coat_length=0"))
    assert page.evaluate("scrollY") == place
    assert page.evaluate("history.length") == history
    expect(page.locator("#busy")).to_be_hidden()


def test_attributes_are_added_and_removed(page: Page, photo: Path) -> None:
    search(page, photo, "sleeve_length")
    page.get_by_text("Add a detail").click()
    page.check("#a-skirt_length")
    page.wait_for_url(re.compile("a=skirt_length"))
    expect(page.locator(".weight")).to_have_count(2)
    page.locator("#a-skirt_length").click()  # gone from the list of weights by the time one could look
    expect(page.locator(".weight")).to_have_count(1)
    page.locator("#a-sleeve_length").click()
    expect(page.locator("#status")).to_have_text("Tick at least one detail.")
    expect(page.locator(".hit")).to_have_count(0)
    page.check("#a-coat_length")
    expect(page.locator(".hit")).to_have_count(24)


@pytest.mark.parametrize(
    ("address", "most"), [("/c/tiny/", 120_000), ("/c/tiny/results?item=3&a=sleeve_length&a=coat_length", 350_000)]
)
def test_first_visit_is_light_and_nothing_shifts(page: Page, address: str, most: int) -> None:
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver(list => list.getEntries().forEach(one => { shift += one.value }))"
        ".observe({type: 'layout-shift', buffered: true})"
    )
    transferred: list[float] = []
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.on("Network.loadingFinished", lambda event: transferred.append(event["encodedDataLength"]))
    page.goto(address)
    page.wait_for_load_state("networkidle")
    assert len(transferred) > 5 and sum(transferred) < most
    assert page.evaluate("shift") < 0.001
    transferred.clear()
    page.goto("/c/tiny/about")
    page.wait_for_load_state("networkidle")
    assert len([size for size in transferred if size]) == 1  # style sheets and scripts come from the cache


def test_similarity_under_a_card_names_its_detail(page: Page) -> None:
    page.goto("/c/tiny/results?item=3&a=sleeve_length&a=neckline_design")
    lines = page.locator(".hit .similarities").first.locator("li").all_inner_texts()
    assert [re.sub(r"[\d.]+%", "", line).strip() for line in lines] == ["Sleeve length", "Neckline design"]


def test_dropped_and_pasted_images_are_previewed(page: Page, photo: Path) -> None:
    page.goto("/")
    for kind in ("drop", "paste"):
        page.evaluate(
            """([kind, bytes]) => {
                const data = new DataTransfer();
                data.items.add(new File([new Uint8Array(bytes)], kind + ".jpg", {type: "image/jpeg"}));
                const init = {bubbles: true, cancelable: true};
                document.body.dispatchEvent(kind === "drop"
                    ? new DragEvent(kind, {...init, dataTransfer: data})
                    : new ClipboardEvent(kind, {...init, clipboardData: data}));
            }""",
            [kind, list(photo.read_bytes())],
        )
        expect(page.locator("#drop-name")).to_have_text(f"{kind}.jpg")
        expect(page.locator(".drop-preview")).to_be_visible()
    page.get_by_role("button", name="Search with this photo").click()
    page.wait_for_url("**/results?upload=*")


def test_unusable_file_is_refused_as_it_is_chosen(page: Page, photo: Path, tmp_path: Path) -> None:
    page.goto("/")
    text, wide = tmp_path / "text.jpg", tmp_path / "wide.png"
    text.write_text("not an image")
    Image.new("1", (10_000, 7_000)).save(wide)
    for file, reason in ((text, "not an image in a format we read"), (wide, "64 megapixels is the limit")):
        page.set_input_files("#image", file)
        expect(page.locator("#drop-name")).to_contain_text(reason)
        expect(page.locator(".btn-search")).to_be_disabled()
        expect(page.locator(".drop-search")).to_be_hidden()
    heic = tmp_path / "phone.heic"  # which this browser cannot show
    heic.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    page.set_input_files("#image", heic)
    expect(page.locator("#drop-name")).to_have_text("phone.heic")
    expect(page.locator(".btn-search")).to_be_enabled()
    page.set_input_files("#image", photo)
    expect(page.locator("#drop-name")).to_have_text(photo.name)
    expect(page.locator(".drop-search")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_sample_is_searched_by_what_is_ticked_and_typed(browser: Browser, site: Site, scripts: bool) -> None:
    context = browser.new_context(base_url=site.address, locale="en-US", java_script_enabled=scripts)
    page = context.new_page()
    page.goto("/")
    page.check("#a-coat_length")
    page.fill("#attrs", "neckline")
    page.locator(".sample").nth(1).click()
    page.wait_for_url(re.compile(r"/results\?item=\d+&a=coat_length&a=neckline_design$"))
    page.goto("/")
    page.fill("#attrs", "neckline")
    page.keyboard.press("Enter")  # is the Search button, not the first sample
    expect(page.locator("#attrs-problem, #image-problem").first).to_be_visible()
    context.close()


def test_running_search_is_shown(page: Page, photo: Path) -> None:
    page.goto("/")
    page.set_input_files("#image", photo)
    page.check("#a-sleeve_length")
    # The page is asked before the browser leaves it: what the submit handler did has happened by then.
    busy = page.evaluate(
        """() => new Promise(done => {
            const form = document.querySelector("form.search-form");
            form.addEventListener("submit", event => { event.preventDefault(); }, {once: true});
            const button = form.querySelector(".btn-search");
            const look = () => done([document.querySelector("#busy").hidden, button.innerText]);
            document.addEventListener("submit", () => setTimeout(look), {once: true});
            form.requestSubmit();
        })"""
    )
    assert busy == [False, "Searching…"]


def test_search_without_javascript(browser: Browser, site: Site, photo: Path) -> None:
    context = browser.new_context(base_url=site.address, locale="en-US", java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    page.set_input_files("#image", photo)
    page.fill("#attrs", "zebra")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator("#attrs-problem")).to_contain_text("zebra")
    expect(page.locator(".drop-saved")).to_be_visible()
    page.fill("#attrs", "")
    page.check("#a-sleeve_length")
    page.check("#a-coat_length")
    page.get_by_role("button", name="Search", exact=True).click()
    page.wait_for_url("**/results?upload=*")
    assert similarities(page) == sorted(similarities(page), reverse=True)
    page.locator("#w-coat_length-3").check(force=True)
    page.get_by_role("button", name="Search again").click()
    page.wait_for_url(re.compile("w-coat_length=2"))
    assert len(similarities(page)) == 24
    page.locator(".hit-image").first.click()
    page.get_by_role("link", name="Next").click()
    page.get_by_role("button", name="Find similar").click()
    page.wait_for_url("**/results?item=*")
    context.close()


def test_search_by_keyboard_alone(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    for wanted in ("#image", "button.sample"):
        page.keyboard.press("Tab")
        assert page.evaluate("wanted => document.activeElement.matches(wanted)", wanted), wanted
    page.keyboard.press("Enter")
    page.wait_for_url("**/results?item=*")


@pytest.mark.parametrize(("width", "height"), [(320, 640), (390, 844), (1280, 800)])
@pytest.mark.parametrize("language", ["en", "vi"])
def test_no_page_is_wider_than_the_screen(page: Page, width: int, height: int, language: str) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"/language/{language}?next=/c/tiny/")
    for address in (
        "/c/tiny/",
        "/c/tiny/item/3",
        "/c/tiny/about",
        "/c/tiny/results?item=3&a=sleeve_length&a=neckline_design&a=lapel_design",
        "/c/tiny/item/999",
        "/api",
    ):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
    page.goto("/c/tiny/")
    if width == 1280:
        box = page.locator(".btn-search").bounding_box()
        assert box is not None and box["y"] + box["height"] <= height  # everything above the fold
