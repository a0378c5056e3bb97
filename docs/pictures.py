"""Screenshots for the docs, of a site over the drawn wardrobe: `python -m docs.pictures http://localhost:8000/c/wardrobe`."""

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.support.browser import FLAGS, find
from wardrobe import draw

FOLDER = Path(__file__).parent
OUTFIT = ((4, 20), (2, 420))  # seed, left edge
DESKTOP, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
# Name of the picture, address in the collection, and whether it is a phone's.
PICTURES = {
    "results": ("/results?item=8&a=sleeve_length&a=collar_design", False),
    "tour-seen": ("/results?item=362&a=skirt_length&a=sleeve_length&a=neckline_design", False),
    "tour-picks": (
        "/results?item=8&a=sleeve_length&a=collar_design&also=item:12;a=collar_design&unlike=item:20",
        False,
    ),
    "tour-compare": (
        "/compare?compared=item:8&compared=item:12&compared=item:20&a=sleeve_length&a=collar_design",
        False,
    ),
    "tour-change": ("/results?item=362&a=skirt_length&a=sleeve_length&a=neckline_design&v-sleeve_length=7", False),
    "tour-words": ("/results?a=sleeve_length&a=neckline_design&v-sleeve_length=7&v-neckline_design=4", False),
    "tour-filter": ("/results?item=362&a=sleeve_length&f-skirt_length=3&f-skirt_length=4&f-neckline_design=7", False),
    "tour-phone": ("/results?item=362&a=skirt_length&a=sleeve_length", True),
}


def take(page: Page, name: str) -> None:
    """Save what the page shows as a WebP beside this file."""
    page.wait_for_load_state("networkidle")
    image = Image.open(io.BytesIO(page.screenshot()))
    image.save(FOLDER / f"{name}.webp", quality=82, method=6)


def main(address: str) -> None:
    """Take all pictures, of the collection at that address."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=FLAGS)
        for name, (path, on_phone) in PICTURES.items():
            page = browser.new_page(locale="en-US", viewport=PHONE if on_phone else DESKTOP)
            page.goto(address + path)
            take(page, name)
            page.close()
        page = browser.new_page(locale="en-US", viewport=DESKTOP)
        for name, image in (("tour-nothing", Image.new("RGB", (600, 800), (150, 150, 150))), ("tour-frames", outfit())):
            data = io.BytesIO()
            image.save(data, "PNG")
            page.goto(f"{address}/")
            page.set_input_files("#image", {"name": "photo.png", "mimeType": "image/png", "buffer": data.getvalue()})
            page.locator(".btn-search").click()
            take(page, name)
        browser.close()


def outfit() -> Image.Image:
    """Put a drawn shirt and drawn trousers beside each other."""
    canvas = Image.new("RGB", (760, 420), (226, 226, 221))
    for seed, left in OUTFIT:
        image = draw(seed).image
        canvas.paste(image.resize((image.width * 400 // image.height, 400)), (left, 10))
    return canvas


if __name__ == "__main__":
    main(sys.argv[1])
