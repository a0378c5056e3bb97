"""The pictures of a search in Chromium, on desktop and phone: crop by mouse, touch and keys, turn, pick, compare."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.common.site_server import Site, serve
from rpf.settings import Settings
from tests.conftest import with_instance

RESULTS = "/c/shop/results?item=1&a=sleeve_length&anyway=1"


@pytest.fixture(scope="module")
def site(shop_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("pictures-in-browser")
    with serve(with_instance(shop_settings, folder), folder / "log") as running:
        yield running


@pytest.fixture(params=[1280, 390], ids=["desktop", "phone"])
def page(request: pytest.FixtureRequest, browser: Browser, site: Site) -> Iterator[Page]:
    context = browser.new_context(
        base_url=site.address, locale="en-US", viewport={"width": request.param, "height": 844},
        has_touch=request.param == 390,
    )  # fmt: skip
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def open_panel(page: Page) -> None:
    page.goto(RESULTS)
    if not page.locator("#crop-button").is_visible():
        page.get_by_text("Change", exact=True).click()


def crop_of(page: Page) -> list[float]:
    match = re.search(r"crop=([0-9.,]+)", page.url.replace("%2C", ","))
    return [float(side) for side in match[1].split(",")] if match else []


def test_crop_is_dragged_and_moved_by_keys(page: Page) -> None:
    open_panel(page)
    page.locator("#crop-button").click()
    for name in ("Upper left", "Upper right", "Lower left", "Lower right"):
        expect(page.get_by_role("button", name=f"{name} corner")).to_have_count(1)
    corner = page.locator("#crop-se").bounding_box()
    picture = page.locator(".query .region-image").bounding_box()
    assert corner and picture
    page.mouse.move(corner["x"] + corner["width"] / 2, corner["y"] + corner["height"] / 2)
    page.mouse.down()
    page.mouse.move(picture["x"] + picture["width"] / 2, picture["y"] + picture["height"] / 2, steps=4)
    page.mouse.up()
    page.wait_for_url(re.compile("crop="))
    left, top, width, height = crop_of(page)
    assert (left, top) == (0, 0) and 0.4 < width < 0.6 and 0.4 < height < 0.6
    page.wait_for_function("!document.querySelector('#results[aria-busy]')")
    page.locator("#crop-nw").focus()
    page.keyboard.press("Shift+ArrowRight")
    page.wait_for_url(re.compile("crop=0.05"))
    page.wait_for_function("!document.querySelector('#results[aria-busy]')")
    expect(page.locator("#crop-nw")).to_be_focused()
    page.get_by_role("button", name="Done").click()
    expect(page.locator("#crop-se")).to_have_count(0)
    assert crop_of(page)
    page.get_by_role("link", name="Whole photo").click()
    page.wait_for_url(lambda address: "crop" not in address)


@pytest.mark.parametrize("way", ["Escape", "Cancel"])
def test_cropping_is_given_up(page: Page, way: str) -> None:
    open_panel(page)
    page.locator("#crop-button").click()
    expect(page.get_by_text("Drag a corner or the frame")).to_be_in_viewport()
    for corner in ("nw", "se"):  # wholly in sight, and beside the chips
        assert page.locator(f"#crop-{corner}").evaluate(
            """corner => {
                const {left, right, top, bottom} = corner.getBoundingClientRect();
                const hit = (x, y) => corner === document.elementFromPoint(x, y);
                return hit(left + 3, (top + bottom) / 2) && hit(right - 3, (top + bottom) / 2)
                    && hit((left + right) / 2, top + 3) && hit((left + right) / 2, bottom - 3);
            }"""
        ), corner
    page.locator("#crop-se").focus()
    page.keyboard.press("Shift+ArrowUp")
    page.wait_for_url(re.compile("crop="))
    page.wait_for_function("!document.querySelector('#results[aria-busy]')")
    if way == "Escape":
        page.keyboard.press("Escape")
    else:
        page.get_by_role("button", name="Cancel").click()
    page.wait_for_url(lambda address: "crop=" not in address)
    expect(page.locator("#crop-se")).to_have_count(0)
    expect(page.locator("#crop-button")).to_be_visible()


def test_panel_stays_open_while_the_picture_is_turned_and_back_undoes_it(page: Page) -> None:
    open_panel(page)
    for turn in (90, 180):
        page.locator("#turn").click()
        page.wait_for_url(re.compile(f"turn={turn}"))
        expect(page.locator("#turn")).to_be_focused()
    page.go_back()
    page.wait_for_url(re.compile("turn=90"))
    expect(page.locator("#results")).to_be_visible()


def test_file_that_cannot_be_added_is_refused_beside_its_field(page: Page, tmp_path: Path) -> None:
    open_panel(page)
    text = tmp_path / "text.jpg"
    text.write_text("not an image")
    page.set_input_files("#more-photo", text)
    expect(page.locator("#photo-problem")).to_be_in_viewport()
    expect(page.locator("#photo-problem")).to_contain_text("not an image")
    damaged = tmp_path / "damaged.jpg"  # which only the server can tell
    damaged.write_bytes(b"\xff\xd8\xff\xe0 and no more")
    page.set_input_files("#more-photo", damaged)
    page.wait_for_url("**/add?*")
    expect(page.locator("#photo-problem")).to_be_in_viewport()
    expect(page.locator(".hit").first).to_be_attached()


def test_picture_is_turned(page: Page) -> None:
    open_panel(page)
    before = page.locator(".query .region-image").get_attribute("viewBox")
    page.get_by_role("link", name="Turn", exact=True).click()
    page.wait_for_url(re.compile("turn=90"))
    assert before is not None
    width, height = before.split()[2:]
    expect(page.locator(".query .region-image")).to_have_attribute("viewBox", f"0 0 {height} {width}")


def pick(page: Page, place: int, act: str) -> None:
    page.locator(".pick-menu summary").nth(place).click()
    with page.expect_response(re.compile("/results")):
        page.locator(".pick-menu").nth(place).get_by_role("link", name=act, exact=True).click()
    expect(page.locator("#results[aria-busy]")).to_have_count(0)


def test_results_are_picked_and_compared(page: Page) -> None:
    page.goto(RESULTS)
    pick(page, 0, "More like this too")
    expect(page.locator(".picked-for")).to_have_text("More like this")
    pick(page, 1, "Not like this")
    expect(page.locator(".picked")).to_have_count(2)
    pick(page, 0, "Compare")
    pick(page, 1, "Compare")
    page.get_by_role("link", name="Compare 2").click()
    expect(page.get_by_role("heading", name="Compare")).to_be_visible()
    expect(page.locator("thead th .region-image")).to_have_count(3)
    expect(page.locator("thead th").nth(1)).to_contain_text("Your search")
    expect(page.get_by_text("To the shop").first).to_be_visible()
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    images = [image.bounding_box() for image in page.locator("thead .region-image").all()]
    assert all(box and box["width"] > 119 for box in images)
    heat = page.locator(".region.heat").first
    assert heat.evaluate("rect => getComputedStyle(rect).display") == "none"
    page.get_by_label("Show where the details are").check()
    assert heat.evaluate("rect => getComputedStyle(rect).display") == "inline"
    page.get_by_role("link", name="Do not compare this").first.click()
    expect(page.locator("thead th .region-image")).to_have_count(2)
    page.get_by_role("link", name="Back to the results").click()
    page.wait_for_url(re.compile(r"/results\?.*also=.*unlike=.*compared="))
    expect(page.locator(".compared")).to_have_count(1)


def test_picking_for_comparison_keeps_the_place_until_four_are_picked(page: Page) -> None:
    page.goto(f"{RESULTS}&show=photos")
    for place in (2, 4, 5, 7):
        menu = page.locator(".pick-menu summary").nth(place)
        menu.evaluate("menu => menu.scrollIntoView({ block: 'center', behavior: 'instant' })")
        before = menu.bounding_box()
        pick(page, place, "Compare")
        after = menu.bounding_box()
        assert before and after and abs(before["y"] - after["y"]) < 2
        expect(menu).to_be_focused()
    expect(page.locator(".picked-for")).to_have_count(4)
    bar = page.locator(".compare-bar").bounding_box()
    assert bar and bar["y"] >= 0 and bar["y"] + bar["height"] <= 845  # it stays in sight
    page.locator(".pick-menu summary").nth(8).click()
    expect(page.locator(".pick-menu[open] .full")).to_have_text("Compare (4 at most)")
    page.keyboard.press("Escape")
    pick(page, 7, "Do not compare this")
    expect(page.locator(".compared")).to_have_count(3)
    page.go_back()
    expect(page.locator(".compared")).to_have_count(4)
