"""Comparison side by side: the photo of a search and a few items, their values, and how close each is to the first."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as BaseResponse

from rpf.engine import Collection, Crop, Item, ListedProduct, Query, closeness_of
from rpf.errors import QueryError, RPFError, UnknownAttribute
from webapp import extensions, product_views, view_models
from webapp.addresses import page_address
from webapp.picks import Pick, Picks
from webapp.pictures import Picture
from webapp.search_params import SearchParams

bp = Blueprint("compare", __name__, url_prefix="/c/<name>")


@dataclass(frozen=True)
class Column:
    """The photo of the search, or an item."""

    title: str
    picture: Picture
    image: view_models.DisplayImage
    query: Query
    values: Mapping[str, int]  # that it shows, by attribute
    pick: Pick | None = None  # None for the photo of the search
    address: str = ""  # of its page
    price: str = ""
    shop: str = ""  # address there

    @property
    def crop(self) -> Crop:
        """Return the part of the photo that is searched with."""
        return self.picture.crop

    def present(self, keys: Sequence[str]) -> list[str]:
        """Return the attributes that it shows."""
        return [key for key in keys if not self.query.is_missing(key)]


@bp.get("/compare")
def compare(name: str) -> str | BaseResponse:
    """Show the items of the argument `compared`, in their order, after the photo of the search in the address.

    Details of the argument `a` come first.
    """
    collection = extensions.engine_loader.engine.collection(name)
    params, picks = _search(collection), Picks.parse(request.args)
    results = page_address("ranked", name, **params.args()) if params else ""
    columns = _columns(collection, params, picks)
    if len(columns) < 2:
        return redirect(results or page_address("start", name))
    chosen = list(params.weights) if params else request.args.getlist("a")
    keys = sorted(collection.vocabulary.keys, key=lambda key: key not in chosen)
    shown = [key for key in keys if any(column.present([key]) for column in columns)]
    heats = [
        view_models.picture_heat(collection, column.picture, column.query.size, column.present(shown))
        for column in columns
    ]
    return render_template(
        "compare.html",
        collection=collection,
        colours=view_models.attribute_colours(collection.vocabulary),
        columns=columns,
        heats=heats,
        regions=[
            {} if heat else view_models.region_boxes(collection.vocabulary, column.query, column.present(shown))
            for column, heat in zip(columns, heats, strict=True)
        ],
        keys=shown,
        chosen=[key for key in shown if key in chosen],
        words={key: [_word(collection, columns[0].query, column.query, key) for column in columns] for key in shown},
        results=results,
        removed={
            column.pick: _address(name, params, picks.without("compared", column.pick), chosen)
            for column in columns
            if column.pick
        },
    )


def _search(collection: Collection) -> SearchParams | None:
    """Read the search in the address; None where there is none, so that items can be compared by themselves."""
    with suppress(QueryError, UnknownAttribute):
        params = SearchParams.parse(request.args, collection.vocabulary)
        if params.picture or params.weights:
            return params
    return None


def _address(name: str, params: SearchParams | None, picks: Picks, chosen: Sequence[str]) -> str:
    """Return the address of the comparison with other picks."""
    args = params.args_picking(picks) if params else {"a": chosen, **picks.args()}
    return url_for("compare.compare", name=name, **args)


def _columns(collection: Collection, params: SearchParams | None, picks: Picks) -> list[Column]:
    """Make the columns of the photo of the search, as far as it is still there, and of the items."""
    engine, columns = extensions.engine_loader.engine, list[Column]()
    if params and params.picture:
        with suppress(RPFError):  # such as an expired photo
            query = params.picture.query(collection.name)
            image = view_models.query_image(collection, params.picture, query)
            values = view_models.query_values(query).values
            columns.append(Column(gettext("Your search"), params.picture, image, query, values))
    picked = {pick.picture.item: pick for pick in picks.compared if pick.picture.item is not None}
    groups = {item: group for item in picked if (group := engine.product_of(collection.name, item))}
    products = engine.products(collection.name, [group.product for group in groups.values()])
    for item in collection.items(list(picked)):
        group = groups.get(item.id)
        listed = products.get(group.product) if group else None
        columns.append(_item_column(collection, item, picked[item.id], listed, group.colour if group else ""))
    return columns


def _item_column(collection: Collection, item: Item, pick: Pick, listed: ListedProduct | None, colour: str) -> Column:
    """Make the column of an item, of a product in a colour where it is listed."""
    name, title, address = collection.name, "", url_for("search.item", name=collection.name, item_id=item.id)
    if listed:
        title = product_views.plain_text(listed.product.title)
        address = url_for("search.product", name=name, product_id=listed.product.id, photo=item.id)
    return Column(
        title or gettext("Garment %(number)d", number=item.id),
        Picture(item.id),
        view_models.item_image(name, item, "image"),
        extensions.engine_loader.engine.query_item(name, item.id),
        view_models.item_values(collection, item.id),
        pick,
        address,
        product_views.price_of(listed, colour) if listed else "",
        listed.product.url if listed else "",
    )


def _word(collection: Collection, first: Query, query: Query, key: str) -> str | None:
    """Return the word for how close a picture is to the first in a detail, None where that cannot be told."""
    closeness = closeness_of(first, query, key, collection.vocabulary.index(key))
    return closeness.word if closeness and query is not first else None
