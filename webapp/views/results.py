"""Results of a search: the ranked grid, and its export as CSV and JSON."""

import csv
import io
import time
from uuid import UUID, uuid4

from flask import Blueprint, Response, g, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from rpf.engine import WHOLE, Collection, ListedProduct, Results, pinned_collections
from rpf.errors import BadImage, QueryError, UnknownAttribute
from rpf.utils.text import text_cell
from webapp import extensions, product_views, search_params, view_models
from webapp.addresses import page_address
from webapp.garment_frames import choose_details, garment_frames
from webapp.i18n import message
from webapp.paging import Page, ResultPage
from webapp.pictures import Picture
from webapp.search_params import SearchParams
from webapp.typed_fields import TypedFieldProblem, check_fields
from webapp.views.search import save_photo

MAX_EXPORTED = 1000

bp = Blueprint("results", __name__, url_prefix="/c/<name>")


@bp.get("/results")
def ranked(name: str) -> tuple[str, int] | BaseResponse:
    """Show the ranked grid beside the query; a permalink for as long as the image exists."""
    return _show(name)


@bp.post("/add")
def add(name: str) -> tuple[str, int] | BaseResponse:
    """Save one more photo of the search in the address, and redirect to the results for all of its photos.

    Show the results as they are, with the problem, where the photo cannot be used.
    """
    collection = extensions.engine_loader.engine.collection(name)
    params, _, _ = _read_params(collection)
    photo = request.files.get("image")
    try:
        if photo is None or not photo.filename:
            raise BadImage("Choose a photo first.")
        picks = params.picks.adding("also", Picture(upload=save_photo(photo)))
    except BadImage as error:
        return _show(name, message(error))
    return redirect(page_address("ranked", name, **params.args_picking(picks)), 303)


@bp.get("/add")
def added(name: str) -> BaseResponse:
    """Redirect the reload of a refused photo to the results."""
    return redirect(f"{url_for('results.ranked', name=name)}?{request.query_string.decode(errors='replace')}")


def _show(name: str, photo_problem: str = "") -> tuple[str, int] | BaseResponse:
    """Show the results of the search in the address. photo_problem: of a photo that was to be added."""
    collection = extensions.engine_loader.engine.collection(name)
    page = Page.read()
    params, problem, field_problems = _read_params(collection)
    if photo_problem:
        field_problems["photo"] = TypedFieldProblem("", photo_problem)
    if params.picture is None and not params.weights and not problem:
        return redirect(page_address("start", name))
    try:
        query = params.query(name)  # a missing image has no results page
    except BadImage as error:
        if params.picture is None or params.picture.crop.is_whole:
            raise
        params, problem = params.with_crop(WHOLE), message(error)
        query = params.query(name)
    if query and "choose" in request.args and not problem:
        keys = choose_details(collection, params, query)
        return redirect(page_address("ranked", name, **page.args, **params.args_for_attributes(keys)))
    present = [key for key in collection.vocabulary.keys if query and not query.is_missing(key)]
    unseen = [key for key in params.counting if query and key not in present and key not in params.changes]
    if params.anyway:  # the visitor says that they are there
        unseen = []
    if not problem and not params.weights and present:
        problem = gettext("Tick at least one detail.")
    no_garment = query is not None and not query.shows_garment
    nothing_seen = (
        not problem and bool(query) and not params.anyway and not params.changes
        and (no_garment or len(unseen) == len(params.counting))
    )  # fmt: skip
    is_whole = params.picture is not None and params.picture.crop.is_whole
    # To see no garment in all of a photo, and to offer some, would be a contradiction.
    frames = [] if problem or (no_garment and is_whole) else garment_frames(collection, params)
    of_garment = next((frame.details for frame in frames if frame.chosen), list(collection.vocabulary.keys))
    present = [key for key in present if key in of_garment] or present
    shown = view_models.query_values(query)
    recognised = {key: value for key, value in shown.values.items() if key in of_garment or key in params.weights}
    results, seconds, facets = None, 0.0, dict[str, list[view_models.FacetValue]]()
    of_products, products = list[product_views.ProductFacet](), dict[str, ListedProduct]()
    if not problem and not nothing_seen:
        try:
            with pinned_collections():
                wanted = params.request(query, page.size, page.offset, page.end_depth)
                results, seconds = search_params.search(name, wanted)
                facets = view_models.facets(collection, params)
                of_products = product_views.product_facets(name, params)
                products = product_views.products_of(name, results.hits)
        except QueryError as error:
            problem = message(error)
    if results and not results.hits and page.number > 1:
        raise NotFound
    shown_keys = [key for key in params.weights if key not in unseen]
    heat = None
    if query and params.picture and "widget" not in g:
        heat = view_models.picture_heat(collection, params.picture, query.size, shown_keys)
    query_id = _record(name, params, results) if results and "widget" in g else None
    html = render_template(
        "results.html",
        collection=collection,
        colours=view_models.attribute_colours(collection.vocabulary),
        params=params,
        problem=problem,
        field_problems=field_problems,
        image=query and params.picture and view_models.query_image(collection, params.picture, query),
        frames=frames,
        picks=view_models.picked_images(collection, params.picks),
        turn=0 if "widget" in g or not query or not params.picture else params.picture.find_turn(),
        heat=heat,
        regions=view_models.region_boxes(collection.vocabulary, query, shown_keys) if query and not heat else {},
        seen=recognised,
        sure=shown.sure,
        unseen=unseen,
        present=present,
        nothing_seen=nothing_seen,
        no_garment=no_garment,
        wanted_values=view_models.wanted_values(collection),
        facets=facets,
        product_facets=of_products,
        products=products,
        **product_views.shop_facts(name),
        results=results,
        query_id=query_id,
        seconds=seconds,
        size=page.size,
        listed_page=results and ResultPage(page, results),
    )
    return html, 422 if problem or field_problems else 200


@bp.get("/results.<any(csv, json):kind>")
def export(name: str, kind: str) -> Response:
    """Export the first thousand results, with unrounded similarities."""
    collection = extensions.engine_loader.engine.collection(name)
    params = SearchParams.parse(request.args, collection.vocabulary)
    results, _ = search_params.search(name, params.request(params.query(name), MAX_EXPORTED))
    with_missing = collection.knows_presence
    response = (
        _as_csv(params, results, with_missing) if kind == "csv" else _as_json(name, params, results, with_missing)
    )
    response.headers["Content-Disposition"] = f'attachment; filename="{name}-results.{kind}"'
    return response


def _read_params(collection: Collection) -> tuple[SearchParams, str, dict[str, TypedFieldProblem]]:
    """Parse the address. Return also what is wrong with it, in the visitor's language, and with which typed fields."""
    vocabulary = collection.vocabulary
    args, problems = check_fields(request.args, vocabulary, view_models.wanted_values(collection))
    try:
        params = SearchParams.parse(args, vocabulary)
    except (QueryError, UnknownAttribute) as error:
        return SearchParams.parse_known(args, vocabulary), message(error), problems
    all_off = params.weights and not params.counting
    return params, gettext("All weights are 0. Raise one.") if all_off else "", problems


def _record(name: str, params: SearchParams, results: Results) -> UUID:
    """Record a search in the widget, and return its id for events about it; further pages are the same search."""
    query_id = request.args.get("q", type=UUID) or uuid4()
    ids = [product_views.result_id(hit) for hit in results.hits]
    extensions.event_log.record_query(query_id, time.time(), name, params.counting, ids, results.offset)
    return query_id


def _as_csv(params: SearchParams, results: Results, with_missing: bool) -> Response:
    """Write UTF-8 with a byte order mark, by which Excel knows it."""
    keys = params.counting
    out = io.StringIO()
    writer = csv.writer(out)
    with_products = any(hit.product for hit in results.hits)
    more = [*(["missing"] if with_missing else []), *(["product", "colour"] if with_products else [])]
    writer.writerow(["rank", "id", "path", "similarity", *map(text_cell, keys), *more])
    for hit in results.hits:
        similarities = [repr(hit.similarities[key]) for key in keys]
        missing = [text_cell("; ".join(hit.missing))] if with_missing else []
        facts = (hit.product.product, hit.product.colour) if hit.product else ("", "")
        product = list(map(text_cell, facts)) if with_products else []
        writer.writerow(
            [hit.rank, hit.item.id, text_cell(hit.item.path), repr(hit.similarity), *similarities, *missing, *product]
        )
    return Response(out.getvalue().encode("utf-8-sig"), content_type="text/csv; charset=utf-8")


def _as_json(name: str, params: SearchParams, results: Results, with_missing: bool) -> Response:
    return jsonify(
        collection=name,
        query=params.picture.args() if params.picture else {"upload": None},
        weights=dict(params.weights),
        values=dict(params.changes),
        filters={key: sorted(values) for key, values in params.filters.items()},
        total=results.total,
        results=[
            {
                "rank": hit.rank,
                "id": hit.item.id,
                "path": hit.item.path,
                "similarity": hit.similarity,
                "similarities": hit.similarities,
                **({"missing": hit.missing} if with_missing else {}),
                **({"product": hit.product.product, "colour": hit.product.colour} if hit.product else {}),
            }
            for hit in results.hits
        ],
    )
