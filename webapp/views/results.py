"""What a search found: the ranked grid, and the same as a file."""

import csv
import io
import time
from dataclasses import dataclass

from flask import Blueprint, Response, jsonify, render_template, request
from flask_babel import gettext
from werkzeug.exceptions import NotFound

from rpf.engine import Collection, Query, Results
from rpf.errors import QueryError, UnknownAttribute
from webapp import extensions, search_params, view_models
from webapp.i18n import message
from webapp.search_params import Ask

PAGE_SIZES = (24, 48)
EXPORTED = 1000

bp = Blueprint("results", __name__, url_prefix="/c/<name>")


@dataclass(frozen=True)
class Ranking:
    """What was asked and what came of it: `found`, or else `problem`, in words for the person."""

    ask: Ask
    query: Query
    found: Results | None
    problem: str
    seconds: float  # for all of it, the embedding of the picture included


@bp.get("/results")
def ranked(name: str) -> tuple[str, int]:
    """The ranked grid beside the query; a permalink for as long as the picture is there."""
    collection = extensions.engine().collection(name)
    page, size = _page()
    ranking = _rank(collection, size, (page - 1) * size)
    found, ask, query = ranking.found, ranking.ask, ranking.query
    if found and not found.hits and page > 1:
        raise NotFound
    parted = collection.knows_presence and not ask.mixed
    lacked = [key for key, weight in ask.weights.items() if parted and weight > 0 and query.is_missing(key)]
    html = render_template(
        "results.html",
        collection=collection,
        colours=view_models.colours(collection.vocabulary),
        ask=ask,
        problem=ranking.problem,
        picture=view_models.asked(collection, ask, query),
        regions=view_models.regions(collection.vocabulary, query, [key for key in ask.weights if key not in lacked]),
        found=found,
        groups=view_models.groups(found.hits) if found else [],
        lacked=lacked,
        present=[key for key in collection.vocabulary.keys if not query.is_missing(key)],
        spent=ranking.seconds,
        page=page,
        size=size,
        pages=view_models.pages(page, -(-found.total // size)) if found and found.total else [],
    )
    return html, 422 if ranking.problem else 200


@bp.get("/results.<any(csv, json):kind>")
def export(name: str, kind: str) -> Response:
    """The first thousand results, in exact numbers."""
    engine = extensions.engine()
    collection = engine.collection(name)
    ask = Ask.from_args(request.args, collection.vocabulary)
    query = search_params.find(name, ask)
    found = engine.search(name, ask.request(query, EXPORTED))
    lacks = collection.knows_presence and not ask.mixed
    response = _as_csv(ask, found, lacks) if kind == "csv" else _as_json(name, ask, found, lacks)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}-results.{kind}"'
    return response


def _rank(collection: Collection, count: int, offset: int) -> Ranking:
    """The ranking that the address asks for. Raises for a picture that is not there: without it there is no page."""
    began = time.perf_counter()
    engine, found, problem = extensions.engine(), None, ""
    try:
        ask = Ask.from_args(request.args, collection.vocabulary)
        if not ask.weights:
            problem = gettext("Tick at least one detail.")
        elif not any(ask.weights.values()):
            problem = gettext("Let at least one detail count.")
    except (QueryError, UnknownAttribute) as error:
        ask, problem = Ask.without_weights(request.args, collection.vocabulary), message(error)
    query = search_params.find(collection.name, ask)
    if not problem:
        try:
            found = engine.search(collection.name, ask.request(query, count, offset))
        except QueryError as error:
            problem = message(error)
    spent = time.perf_counter() - began
    if found:
        extensions.holder().seconds.append(spent)
    return Ranking(ask, query, found, problem, spent)


def _page() -> tuple[int, int]:
    """The page, from 1, and how many results it has. NotFound for what is no page."""
    page = request.args.get("page", 1, type=int)
    size = request.args.get("n", PAGE_SIZES[0], type=int)
    if not 1 <= page <= 10**6 or size not in PAGE_SIZES:
        raise NotFound
    return page, size


def _as_csv(ask: Ask, found: Results, with_lacks: bool) -> Response:
    """UTF-8 with a byte order mark, by which Excel knows it."""
    keys = [key for key, weight in ask.weights.items() if weight > 0]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["rank", "id", "path", "similarity", *map(_text_cell, keys), *(["lacks"] if with_lacks else [])])
    for hit in found.hits:
        parts = [repr(hit.similarities[key]) for key in keys]
        lacks = [_text_cell("; ".join(hit.missing))] if with_lacks else []
        writer.writerow([hit.rank, hit.item.id, _text_cell(hit.item.path), repr(hit.similarity), *parts, *lacks])
    return Response(out.getvalue().encode("utf-8-sig"), content_type="text/csv; charset=utf-8")


def _text_cell(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would run as a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _as_json(name: str, ask: Ask, found: Results, with_lacks: bool) -> Response:
    return jsonify(
        collection=name,
        query={"upload": ask.upload} if ask.item is None else {"item": ask.item},
        weights=dict(ask.weights),
        total=found.total,
        results=[
            {
                "rank": hit.rank,
                "id": hit.item.id,
                "path": hit.item.path,
                "similarity": hit.similarity,
                "parts": hit.similarities,
                **({"lacks": hit.missing} if with_lacks else {}),
            }
            for hit in found.hits
        ],
    )
