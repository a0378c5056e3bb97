"""Jinja filters and globals: numbers as people read them, frames of grids, and what every page shows."""

from collections.abc import Mapping, Sequence
from statistics import median_high

from flask import Flask, request
from flask_babel import format_decimal, format_percent, gettext

from rpf.engine import MAX_PIXELS, SURE, WHOLE, Crop, Hit, Item
from webapp import extensions
from webapp.addresses import page_address
from webapp.drawings import drawing_id
from webapp.i18n import N_
from webapp.images.local import MAX_UPLOAD_BYTES
from webapp.picks import LIMITS
from webapp.pictures import Picture
from webapp.places import hit_address
from webapp.product_views import is_sold_out, plain_text, price_of, result_id
from webapp.view_models import (
    FRAMES,
    MATCH,
    closeness,
    crop_box,
    item_image,
    item_values,
    picture_heat,
    similarity_bar,
    told_values,
)

CLOSENESS = {"very close": N_("Very close"), "close": N_("Close"), "somewhat": N_("Somewhat close")}
NOT_CLOSE = N_("Not close")
SHIPPED = (  # title and note of what comes with the program, in the catalogue
    N_("Drawn wardrobe"),
    N_("Trained on 2,599 photographs of garments, 524 of people, and drawn garments."),
)
WEIGHTS = {"0": N_("Off"), "0.5": N_("Less"), "1": N_("Normal"), "2": N_("More")}


def init_app(app: Flask) -> None:
    """Add the filters and globals to the app's templates."""
    app.jinja_env.add_extension("jinja2.ext.do")
    app.jinja_env.filters.update(
        format_chance=format_chance,
        format_share=format_share,
        format_similarity=format_similarity,
        format_number=format_decimal,
        format_seconds=format_seconds,
        format_score=format_score,
        format_bound=format_bound,
        lower_first=lower_first,
        plain_text=plain_text,
        result_id=result_id,
    )
    app.jinja_env.globals.update(
        page_address=page_address,
        drawing_id=drawing_id,
        item_image=item_image,
        crop_box=crop_box,
        picture_heat=picture_heat,
        picture_of=lambda item: Picture(item.id),
        whole=WHOLE,
        sure_from=SURE,
        match_from=MATCH,
        hit_address=hit_address,
        weight_choices=weight_choices,
        pick_limits=LIMITS,
        turned=lambda degrees: Crop(turn=degrees),
        similarity_bar=similarity_bar,
        closeness_names=CLOSENESS,
        closeness_word=closeness_word,
        item_values=item_values,
        told_values=told_values,
        price_of=price_of,
        is_sold_out=is_sold_out,
        grid_frame=grid_frame,
        max_upload_bytes=MAX_UPLOAD_BYTES,
        max_pixels=MAX_PIXELS,
    )
    app.context_processor(_page_context)


def format_similarity(similarity: float) -> str:
    """Format a cosine: "84%", and "94.3%" from 90% up, where similarities crowd; negative ones as 0%."""
    return str(format_percent(max(0.0, similarity), "0.#%" if similarity >= 0.9 else "0%"))


def format_chance(probability: float) -> str:
    """Format a probability as a whole percentage; 99% is the most, as nothing is certain."""
    return str(format_percent(min(0.99, probability), "0%"))


def format_share(share: float) -> str:
    """Format a share of 1 as a whole percentage."""
    return str(format_percent(share, "0%"))


def closeness_word(hit: Hit, shares: Mapping[str, float]) -> str:
    """Return the word for how close a result is."""
    word = closeness(hit, shares)
    return gettext(CLOSENESS[word.word] if word else NOT_CLOSE)


def weight_choices(weight: float) -> list[tuple[str, str]]:
    """Return the weights to choose from with their names, and a weight of the address that is none of them."""
    choices = [(value, gettext(label)) for value, label in WEIGHTS.items()]
    if weight not in map(float, WEIGHTS):
        choices.append((f"{weight:g}", f"×{format_decimal(weight)}"))
    return choices


def format_score(share: float) -> str:
    """Format a share of 1 as a number up to 100 with one decimal."""
    return str(format_decimal(100 * share, "0.0"))


def format_seconds(value: float) -> str:
    """Format seconds with the digits that matter: 0.034, 0.34, 3.4."""
    return str(format_decimal(value, "0.000" if value < 0.1 else "0.00" if value < 1 else "0.0"))


def format_bound(price: float | None) -> str:
    """Format a price as a form has it; empty for none."""
    return "" if price is None else f"{price:g}"


def lower_first(name: str) -> str:
    """Lower the first letter of an attribute's name, for use inside a sentence."""
    return name[:1].lower() + name[1:]


def grid_frame(items: Sequence[Item]) -> str:
    """Return the CSS class of the frame that best fits the median image; all images of a grid share it."""
    ratio = median_high([item.width / item.height for item in items if item.height] or [0.8])
    return min(FRAMES, key=lambda name: abs(FRAMES[name] - ratio))


def _translate(text: str) -> str:
    """Translate a text of SHIPPED; others stay as they are."""
    return gettext(text) if text in SHIPPED else text


def _page_context() -> dict[str, object]:
    """Return what the header of every page needs, error and waiting pages included."""
    loader = extensions.engine_loader
    titles, note = {loader.default: loader.default}, ""
    if loader.ready:
        engine = loader.engine
        titles = {name: _translate(engine.collection(name).manifest.spec.title) or name for name in engine.names()}
        note = _translate(engine.model.note)
    name = (request.view_args or {}).get("name")
    return {
        "brand": extensions.brand,
        "name": name if name in titles else loader.default,
        "titles": titles,
        "current_address": request.script_root + request.full_path.rstrip("?") if request.method == "GET" else None,
        "note": note,
    }
