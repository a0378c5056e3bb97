"""How values look on a page: numbers for people, colours, sizes, and the geometry of boxes and bars."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from flask import Flask, request, url_for
from flask_babel import format_decimal, format_percent

from rpf.attributes import Vocabulary
from rpf.engine import Collection, Hit, Item, Query
from webapp import extensions
from webapp.search_params import Ask

SMALL, LARGE = 320, 1200  # the two sizes of pictures, in pixels of the longer side
COLOURS = 10
SHAPES = {"shape-2-3": 2 / 3, "shape-3-4": 3 / 4, "shape-4-5": 4 / 5, "shape-1-1": 1.0, "shape-4-3": 4 / 3}


@dataclass(frozen=True)
class Picture:
    """What an <img> needs; `size` is the original's, in which boxes are given."""

    src: str
    size: tuple[int, int]
    shown: tuple[int, int]


@dataclass(frozen=True)
class Region:
    """One attribute's box on a picture: left, top, right, bottom in the original's pixels."""

    key: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Segment:
    """One attribute's part of a similarity bar that is 100 long."""

    key: str
    x: float
    width: float


def init_app(app: Flask) -> None:
    app.jinja_env.filters.update(
        format_similarity=format_similarity, count=format_decimal, seconds=seconds, inside=inside, hundredths=hundredths
    )
    app.jinja_env.globals.update(thumb=thumb, bar=bar, shape=shape)
    app.context_processor(_surroundings)


def format_similarity(similarity: float) -> str:
    """A cosine as people read it: "84%", "94.3%" where likeness crowds; what is below 0 has nothing in common."""
    return str(format_percent(max(0.0, similarity), "0.#%" if similarity >= 0.9 else "0%"))


def hundredths(share: float) -> str:
    """A share of 1 as a figure up to 100 with one digit behind the point."""
    return str(format_decimal(100 * share, "0.0"))


def seconds(value: float) -> str:
    """Seconds with the digits that matter: 0.034, 0.34, 3.4."""
    return str(format_decimal(value, "0.000" if value < 0.1 else "0.00" if value < 1 else "0.0"))


def inside(name: str) -> str:
    """An attribute's name as it stands inside a sentence."""
    return name[:1].lower() + name[1:]


def colours(vocabulary: Vocabulary) -> dict[str, str]:
    """The CSS class of each attribute's colour: fixed by its place in the collection."""
    return {key: f"attr-{place % COLOURS}" for place, key in enumerate(vocabulary.keys)}


def thumb(name: str, item: Item) -> Picture:
    return _item_picture("pictures.thumb", name, item, SMALL)


def large(name: str, item: Item) -> Picture:
    return _item_picture("pictures.image", name, item, LARGE)


def shape(items: Sequence[Item]) -> str:
    """The CSS class of the frame that fits the middle one of these pictures best; all in a grid share it."""
    ratios = sorted(item.width / item.height for item in items if item.height) or [0.8]
    middle = ratios[len(ratios) // 2]
    return min(SHAPES, key=lambda name: abs(SHAPES[name] - middle))


def asked(collection: Collection, ask: Ask, query: Query) -> Picture:
    """The picture that a search is for."""
    if ask.item is not None:
        return large(collection.name, collection.item(ask.item))
    address = url_for("pictures.upload", name=collection.name, digest=ask.upload)
    return Picture(address, query.size, _fit(query.size, LARGE))


def regions(vocabulary: Vocabulary, query: Query, keys: Sequence[str]) -> list[Region]:
    """The boxes of the attributes `keys`. Boxes that coincide are drawn inside one another, so that each is seen."""
    if query.boxes is None:
        return []
    step = 0.013 * max(query.size)
    drawn: list[Region] = []
    seen: Counter[tuple[int, ...]] = Counter()
    for key in keys:
        box = tuple(int(side) for side in query.boxes[vocabulary.index(key)])
        inset = min(step * seen[box], (box[2] - box[0]) / 3, (box[3] - box[1]) / 3)
        seen[box] += 1
        left, top, right, bottom = box
        drawn.append(Region(key, (left + inset, top + inset, right - inset, bottom - inset)))
    return drawn


def bar(hit: Hit, weights: Mapping[str, float]) -> list[Segment]:
    """Each attribute's share in an overall similarity, but for what the garment lacks; 100 long where all are alike."""
    total = sum(weights.values())
    segments, x = [], 0.0
    for key in (key for key in hit.similarities if key not in hit.missing):
        width = 100 * weights[key] * max(0.0, hit.similarities[key]) / total
        segments.append(Segment(key, round(x, 2), round(width, 2)))
        x += width
    return segments


def groups(hits: Sequence[Hit]) -> list[tuple[bool, list[Hit]]]:
    """(whether they lack a chosen part, hits): those that lack none, and then the rest."""
    return [(lacking, list(own)) for lacking, own in groupby(hits, lambda hit: bool(hit.missing))]


def pages(page: int, last: int) -> list[int | None]:
    """The page numbers to offer: the ends and the neighbours, None for a gap."""
    shown = sorted({1, last, *range(max(1, page - 1), min(last, page + 1) + 1)})
    offered: list[int | None] = []
    for before, number in zip([0, *shown], shown, strict=False):
        if number - before == 2:
            offered.append(number - 1)
        elif number - before > 2:
            offered.append(None)
        offered.append(number)
    return offered


def _fit(size: tuple[int, int], side: int) -> tuple[int, int]:
    scale = min(1.0, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _item_picture(endpoint: str, name: str, item: Item, side: int) -> Picture:
    if not item.sha256:  # imported without its picture
        return Picture(url_for("static", filename="no-picture.svg"), (300, 400), (300, 400))
    # The hash makes the address another one where a collection was made anew under the same name.
    address = url_for(endpoint, name=name, item_id=item.id, v=item.sha256[:8])
    size = (item.width, item.height)
    return Picture(address, size, _fit(size, side))


def _surroundings() -> dict[str, object]:
    """What the frame of every page shows, errors and waiting pages included."""
    holder = extensions.holder()
    default = holder.default
    titles = {default: default}
    if holder.ready:
        engine = holder.engine
        titles = {name: engine.collection(name).manifest.spec.title or name for name in engine.names()}
    asked = (request.view_args or {}).get("name", default)
    return {
        "name": asked if asked in titles else default,
        "titles": titles,
        "here": request.script_root + request.full_path.rstrip("?") if request.method == "GET" else None,
        "note": engine.info.note if holder.ready else "",
    }
