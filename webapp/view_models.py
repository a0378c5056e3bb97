"""View models of the pages: images with their addresses, boxes of regions, similarity bars."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from flask import url_for

from rpf.attributes import Vocabulary
from rpf.engine import (
    HEAT_SIDE,
    SURE,
    Closeness,
    Collection,
    Crop,
    Hit,
    Item,
    Query,
    Recognised,
    find_word,
    recognised_values,
)
from rpf.errors import UnknownItem
from webapp import extensions
from webapp.images.uploads import UploadExpired
from webapp.picks import KINDS, Kind, Pick, Picks
from webapp.pictures import Picture
from webapp.search_params import SearchParams

SIDES = {"thumb": 320, "image": 1200}  # pixels of the longer side, by the kind of an item's image
FRAMES = {"shape-2-3": 2 / 3, "shape-3-4": 3 / 4, "shape-4-5": 4 / 5, "shape-1-1": 1.0, "shape-4-3": 4 / 3}
COLOUR_COUNT = 10
TOLD = 0.5  # probability from which on a value of a query is told, with "probably" below SURE
SHOWN = 0.65  # the same of an item, whose values are told without a word about how sure they are
MATCH = 0.65  # probability of the same value from which on it is marked
BOX_INSET = 0.013  # of the image's longer side
MAX_BOX_SHARE = 0.45  # of the image; larger boxes frame everything
Box = tuple[float, float, float, float]  # left, top, right, bottom in the original's pixels


@dataclass(frozen=True)
class DisplayImage:
    """Attributes of an <img>. `size` is the original's, in which boxes are given."""

    src: str
    size: tuple[int, int]
    shown: tuple[int, int]

    @classmethod
    def fit(cls, src: str, size: tuple[int, int], side: int) -> "DisplayImage":
        """Show an image with at most `side` pixels a side."""
        scale = min(1.0, side / max(size))
        return cls(src, size, (max(1, round(size[0] * scale)), max(1, round(size[1] * scale))))


def attribute_colours(vocabulary: Vocabulary) -> dict[str, str]:
    """Return the CSS class of each attribute's colour, fixed by its place in the collection."""
    return {key: f"attr-{place % COLOUR_COUNT}" for place, key in enumerate(vocabulary.keys)}


def item_image(
    name: str, item: Item, kind: str = "thumb", turn: int | None = None, frame: str | None = None
) -> DisplayImage:
    """Return an item's image for a card ("thumb") or for its own page ("image"), turned by degrees.

    frame: of FRAMES; filled where the image's sides are plain. `shown` is the size without it.
    """
    if not item.sha256:  # imported without its image
        return DisplayImage(url_for("static", filename="no-image.svg"), (300, 400), (300, 400))
    # The hash changes the address where a collection was made again under the same name.
    address = url_for("images.item", name=name, kind=kind, item_id=item.id, v=item.sha256[:8], turn=turn, frame=frame)
    return DisplayImage.fit(address, (item.width, item.height), SIDES[kind])


def query_image(collection: Collection, picture: Picture, query: Query) -> DisplayImage:
    """Return the whole image that a search is for, turned as its crop."""
    turn = picture.crop.turn or None
    if picture.item is None:
        address = url_for("images.upload", name=collection.name, digest=picture.upload, turn=turn)
        return DisplayImage.fit(address, query.size, SIDES["image"])
    item = collection.item(picture.item)
    if not item.sha256:  # imported without its image
        return item_image(collection.name, item, "image")
    return DisplayImage.fit(item_image(collection.name, item, "image", turn).src, query.size, SIDES["image"])


@dataclass(frozen=True)
class PickedImage:
    """A picked picture as a page shows it, and the picks without it, or with it for other details."""

    pick: Pick
    image: DisplayImage
    picks: Picks
    kind: Kind

    @property
    def removed(self) -> Picks:
        """Return the picks without this one."""
        return self.picks.without(self.kind, self.pick)

    def toggling(self, key: str) -> Picks:
        """Return the picks with this one for one detail more or less."""
        keys = [*self.pick.keys, key] if key not in self.pick.keys else [one for one in self.pick.keys if one != key]
        return self.picks.replacing(self.kind, self.pick, Pick(self.pick.picture, tuple(keys)))


def picked_images(collection: Collection, picks: Picks) -> dict[Kind, list[PickedImage]]:
    """Return the images of the picks that are still there."""
    images: dict[Kind, list[PickedImage]] = {}
    for kind in KINDS:
        images[kind] = []
        for pick in getattr(picks, kind):
            with suppress(UnknownItem, UploadExpired):
                image = query_image(collection, pick.picture, pick.picture.query(collection.name))
                images[kind].append(PickedImage(pick, image, picks, kind))
    return images


def crop_box(crop: Crop, size: tuple[int, int]) -> Box:
    """Return the left and upper edge, the width and the height of a crop in an image of this size, in its pixels."""
    sides = crop.left * size[0], crop.top * size[1], crop.width * size[0], crop.height * size[1]
    left, top, width, height = (round(side, 1) for side in sides)
    return left, top, width, height


@dataclass(frozen=True)
class Heat:
    """Where the model looks in a picture: an image with a tile for each attribute, one below the other."""

    src: str
    tiles: Mapping[str, int]  # attribute -> place of its tile from the top
    count: int  # tiles
    area: Box  # left, top, width, height in the picture, of which the tiles are

    @property
    def edge(self) -> float:
        """Return the height of a row of pixels as a share of a tile: into the outermost ones its neighbours bleed."""
        width, height = self.area[2:]
        return 1 / max(3, round(HEAT_SIDE * height / max(width, height)))

    @property
    def stretch(self) -> float:
        """Return by how much to enlarge the tiles, so that the outermost rows of each lie outside of the area."""
        return 1 / (1 - 2 * self.edge)


def picture_heat(
    collection: Collection, picture: Picture, size: tuple[int, int], keys: Sequence[str], item: Item | None = None
) -> Heat | None:
    """Return where the model looks in a picture for the attributes `keys`; None where that cannot be computed.

    size: of the whole picture, turned as its crop. item: the picture's, where the caller has read it.
    """
    attributes = extensions.engine_loader.engine.model.attributes
    if item is None and picture.item is not None:
        item = collection.item(picture.item)
    if collection.manifest.spec.checkpoint != extensions.engine_loader.engine.model.checkpoint_hash:
        return None  # imported; its items were embedded by another model
    if item and not item.sha256:
        return None
    src = url_for("images.heat", name=collection.name, **picture.args(), v=item.sha256[:8] if item else None)
    tiles = {key: attributes.index(key) for key in keys}
    return Heat(src, tiles, len(attributes), crop_box(picture.crop, size))


def region_boxes(vocabulary: Vocabulary, query: Query, keys: Sequence[str]) -> dict[str, Box]:
    """Return the boxes of the attributes `keys`, but those of most of the image.

    Boxes that coincide are nested, so that each can be seen.
    """
    regions: dict[str, Box] = {}
    if query.boxes is None:
        return regions
    repeats: Counter[tuple[int, ...]] = Counter()
    for key in keys:
        left, top, right, bottom = box = tuple(int(side) for side in query.boxes[vocabulary.index(key)])
        if (right - left) * (bottom - top) > MAX_BOX_SHARE * query.size[0] * query.size[1]:
            continue
        inset = min(BOX_INSET * max(query.size) * repeats[box], (right - left) / 3, (bottom - top) / 3)
        repeats[box] += 1
        regions[key] = (left + inset, top + inset, right - inset, bottom - inset)
    return regions


@dataclass(frozen=True)
class FacetValue:
    """A value in the filters, with the number of garments that have it."""

    value: int
    count: int
    chosen: bool


class QueryValues(NamedTuple):
    """The values that a query shows, by attribute."""

    values: dict[str, int]  # where the model is surer than not
    sure: set[str]  # the attributes whose value is told without "probably"


def query_values(query: Query | None) -> QueryValues:
    """Return the values that a query shows."""
    described = extensions.engine_loader.engine.describe(query) if query else {}
    shares = {key: one.probability or 0 for key, one in described.items()}
    values = {key: one.value for key, one in described.items() if one.value is not None and shares[key] >= TOLD}
    return QueryValues(values, {key for key, share in shares.items() if share >= SURE})


def told_values(collection: Collection, hit: Hit) -> dict[str, int]:
    """Return the values that a result surely enough shows, by attribute."""
    return _told(collection, hit.values)


def item_values(collection: Collection, item_id: int) -> dict[str, int]:
    """Return the values that an item surely enough shows, by attribute."""
    return _told(collection, recognised_values(collection, item_id))


def _told(collection: Collection, recognised: Mapping[str, Recognised]) -> dict[str, int]:
    return {
        key: one.value
        for key, one in recognised.items()
        if one.probability >= SHOWN and collection.vocabulary[key].is_visible(one.value)
    }


def wanted_values(collection: Collection) -> dict[str, list[int]]:
    """Return the values that can be wanted, by attribute; empty for a collection of another checkpoint."""
    engine = extensions.engine_loader.engine
    known = collection.manifest.spec.checkpoint == engine.model.checkpoint_hash
    return engine.wanted_values if known else {}


def facets(collection: Collection, params: SearchParams) -> dict[str, list[FacetValue]]:
    """Return the values to filter by, for each attribute that has any."""
    counts = extensions.engine_loader.engine.facets(collection.name, params.value_filters, params.products, params.fold)
    facets = {}
    for key, of_key in counts.items():
        chosen = params.filters.get(key, frozenset())
        values = sorted({value for value in of_key if collection.vocabulary[key].is_visible(value)} | chosen)
        if values:
            facets[key] = [FacetValue(value, of_key.get(value, 0), value in chosen) for value in values]
    return facets


def closeness(hit: Hit, shares: Mapping[str, float]) -> Closeness | None:
    """Return the word for a result: for the mean of its details' probabilities of the same value."""
    total = sum(shares[key] for key in hit.same_value)
    return find_word(sum(shares[key] * chance for key, chance in hit.same_value.items()) / total) if total else None


def similarity_bar(hit: Hit, shares: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Return the place and width of each attribute in a bar, which is 100 long where the values are the same for sure.

    Where values are unknown, it is that long where all similarities are 1. shares: `Results.shares`.
    """
    segments, x = dict[str, tuple[float, float]](), 0.0
    for key, similarity in (hit.same_value or hit.similarities).items():
        width = 100 * shares[key] * max(0.0, similarity)
        segments[key] = (round(x, 2), round(width, 2))
        x += width
    return segments
