"""Comparison of a few items side by side: their values, their regions, and how close each is to the first."""

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from rpf.engine import Collection, Query, closeness_of
from webapp import extensions, view_models
from webapp.addresses import page_address
from webapp.picks import Picks
from webapp.pictures import Picture

bp = Blueprint("compare", __name__, url_prefix="/c/<name>")


@bp.get("/compare")
def compare(name: str) -> str | BaseResponse:
    """Show the items of the argument `compared`, in their order; details of the argument `a` come first."""
    engine = extensions.engine_loader.engine
    collection = engine.collection(name)
    items = [pick.picture.item for pick in Picks.parse(request.args).compared if pick.picture.item is not None]
    if len(items) < 2:
        return redirect(page_address("start", name))
    queries = [engine.query_item(name, item) for item in items]
    chosen = request.args.getlist("a")
    keys = sorted(collection.vocabulary.keys, key=lambda key: key not in chosen)
    shown = [key for key in keys if any(not query.is_missing(key) for query in queries)]
    heats = [
        view_models.picture_heat(collection, Picture(item), query.size, _present(query, shown))
        for item, query in zip(items, queries, strict=True)
    ]
    products = {item: group for item in items if (group := engine.product_of(name, item))}
    return render_template(
        "compare.html",
        collection=collection,
        colours=view_models.attribute_colours(collection.vocabulary),
        items=collection.items(items),
        images=[view_models.item_image(name, item, "image") for item in collection.items(items)],
        heats=heats,
        regions=[
            {} if heat else view_models.region_boxes(collection.vocabulary, query, _present(query, shown))
            for query, heat in zip(queries, heats, strict=True)
        ],
        queries=queries,
        keys=shown,
        words={key: [_word(collection, queries[0], query, key) for query in queries[1:]] for key in shown},
        groups=products,
        listed=engine.products(name, [group.product for group in products.values()]),
    )


def _present(query: Query, keys: list[str]) -> list[str]:
    return [key for key in keys if not query.is_missing(key)]


def _word(collection: Collection, first: Query, query: Query, key: str) -> str | None:
    """Return the word for how close an item is to the first in a detail, None where that cannot be told."""
    closeness = closeness_of(first, query, key, collection.vocabulary.index(key))
    return closeness.word if closeness else None
