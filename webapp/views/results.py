"""Results of a search: the ranked grid, and its export as CSV and JSON."""

import csv
import io

from flask import Blueprint, Response, jsonify, render_template, request
from flask_babel import gettext
from werkzeug.exceptions import NotFound

from rpf.engine import Collection, Results
from rpf.errors import QueryError, UnknownAttribute
from webapp import extensions, search_params, view_models
from webapp.i18n import message
from webapp.search_params import SearchParams

PAGE_SIZES = (24, 48)
MAX_EXPORTED = 1000

bp = Blueprint("results", __name__, url_prefix="/c/<name>")


@bp.get("/results")
def ranked(name: str) -> tuple[str, int]:
    """Show the ranked grid beside the query; a permalink for as long as the image exists."""
    collection = extensions.engine_loader.engine.collection(name)
    page, size = _read_page()
    params, problem = _read_params(collection)
    query = params.query(name)  # a missing image has no results page
    results, seconds = None, 0.0
    if not problem:
        try:
            results, seconds = search_params.search(name, params.request(query, size, (page - 1) * size))
        except QueryError as error:
            problem = message(error)
    if results and not results.hits and page > 1:
        raise NotFound
    tells_missing = collection.knows_presence
    missing = [key for key, weight in params.weights.items() if tells_missing and weight > 0 and query.is_missing(key)]
    html = render_template(
        "results.html",
        collection=collection,
        colours=view_models.attribute_colours(collection.vocabulary),
        params=params,
        problem=problem,
        image=view_models.query_image(collection, params, query),
        regions=view_models.region_boxes(
            collection.vocabulary, query, [key for key in params.weights if key not in missing]
        ),
        results=results,
        missing=missing,
        present=[key for key in collection.vocabulary.keys if not query.is_missing(key)],
        seconds=seconds,
        page=page,
        size=size,
        pages=view_models.page_numbers(page, -(-results.total // size)) if results and results.total else [],
    )
    return html, 422 if problem else 200


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


def _read_params(collection: Collection) -> tuple[SearchParams, str]:
    """Parse the address. Return also what is wrong with it, in the visitor's language."""
    try:
        params = SearchParams.parse(request.args, collection.vocabulary)
    except (QueryError, UnknownAttribute) as error:
        return SearchParams.parse_known(request.args, collection.vocabulary), message(error)
    if not params.weights:
        return params, gettext("Tick at least one detail.")
    if not any(params.weights.values()):
        return params, gettext("Give at least one detail a weight above 0.")
    return params, ""


def _read_page() -> tuple[int, int]:
    """Return the page, from 1, and its number of results. Raises NotFound."""
    page = request.args.get("page", 1, type=int)
    size = request.args.get("n", PAGE_SIZES[0], type=int)
    if not 1 <= page <= 10**6 or size not in PAGE_SIZES:
        raise NotFound
    return page, size


def _as_csv(params: SearchParams, results: Results, with_missing: bool) -> Response:
    """Write UTF-8 with a byte order mark, by which Excel knows it."""
    keys = [key for key, weight in params.weights.items() if weight > 0]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(
        ["rank", "id", "path", "similarity", *map(_text_cell, keys), *(["missing"] if with_missing else [])]
    )
    for hit in results.hits:
        similarities = [repr(hit.similarities[key]) for key in keys]
        missing = [_text_cell("; ".join(hit.missing))] if with_missing else []
        writer.writerow(
            [hit.rank, hit.item.id, _text_cell(hit.item.path), repr(hit.similarity), *similarities, *missing]
        )
    return Response(out.getvalue().encode("utf-8-sig"), content_type="text/csv; charset=utf-8")


def _text_cell(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would run as a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _as_json(name: str, params: SearchParams, results: Results, with_missing: bool) -> Response:
    return jsonify(
        collection=name,
        query={"upload": params.upload} if params.item is None else {"item": params.item},
        weights=dict(params.weights),
        total=results.total,
        results=[
            {
                "rank": hit.rank,
                "id": hit.item.id,
                "path": hit.item.path,
                "similarity": hit.similarity,
                "similarities": hit.similarities,
                **({"missing": hit.missing} if with_missing else {}),
            }
            for hit in results.hits
        ],
    )
