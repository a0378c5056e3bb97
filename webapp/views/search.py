"""Where a search begins: the start page, the form it sends, and an item by itself."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from rpf.engine import Collection, Item, SearchRequest
from rpf.errors import BadImage
from webapp import extensions, search_params, view_models
from webapp.forms import SearchForm
from webapp.i18n import message
from webapp.images.uploads import UploadExpired
from webapp.search_params import Ask

SAMPLES = 6
NEAREST = 8

bp = Blueprint("search", __name__)


@bp.get("/")
def home() -> BaseResponse:
    """To the default collection."""
    return redirect(url_for("search.start", name=extensions.engine().default))


@bp.get("/c/<name>/")
def start(name: str) -> str:
    """The one question: which picture, which details."""
    collection = extensions.engine().collection(name)
    return _start_page(collection, SearchForm(collection.vocabulary, data={"a": request.args.getlist("a")}))


@bp.get("/c/<name>/search")
def search_again(name: str) -> BaseResponse:
    """Where a reload of a refused or postponed search ends up."""
    return redirect(url_for("search.start", name=name))


@bp.post("/c/<name>/search")
def search(name: str) -> BaseResponse | tuple[str, int]:
    """Keep the picture and go to its results; the form again, with its errors, when that cannot be."""
    collection = extensions.engine().collection(name)
    form = SearchForm(collection.vocabulary)
    valid = form.validate_on_submit()
    kept = None
    try:  # the picture is kept even if the rest is refused, so that nobody has to send it twice
        if form.picture is not None:
            form.upload.data = search_params.keep(form.picture.read(), form.chosen)
        if form.item is None and form.upload.data:
            ask = Ask(None, form.upload.data, {})
            kept = view_models.asked(collection, ask, search_params.find(name, ask))
    except (BadImage, UploadExpired) as error:
        form.image.errors = [message(error)]
        valid = False
    if not valid:
        return _start_page(collection, form, kept), 422
    ask = Ask(form.item, form.upload.data, dict.fromkeys(form.chosen, 1.0))
    return redirect(url_for("results.ranked", name=name, **ask.args()), 303)


@bp.get("/c/<name>/item/<int:item_id>")
def item(name: str, item_id: int) -> str:
    """One item large, with its labels, its regions, and what is nearest to it in each attribute."""
    engine = extensions.engine()
    collection = engine.collection(name)
    shown = collection.item(item_id)
    query = engine.query_item(name, item_id)
    keys = list(collection.vocabulary.keys)
    present = [key for key in keys if key in shown.labels or not query.is_missing(key)]
    ticked = [key for key in keys if key in shown.labels] or (present if query.present else keys[:1])
    return render_template(
        "item.html",
        collection=collection,
        colours=view_models.colours(collection.vocabulary),
        item=shown,
        picture=view_models.large(name, shown),
        regions=view_models.regions(collection.vocabulary, query, keys),
        ticked=ticked,
        present=present,
        nearest={
            key: engine.search(name, SearchRequest(query, {key: 1.0}, NEAREST, missing_last=True)).hits
            for key in sorted(present, key=lambda key: key not in ticked)
        },
    )


def _start_page(collection: Collection, form: SearchForm, kept: view_models.Picture | None = None) -> str:
    return render_template(
        "start.html",
        collection=collection,
        colours=view_models.colours(collection.vocabulary),
        form=form,
        kept=kept,
        samples=_samples(collection),
    )


def _samples(collection: Collection) -> list[Item]:
    """A few items from evenly spread places of the collection."""
    total = len(collection)
    places = [(2 * i + 1) * total // (2 * SAMPLES) for i in range(min(SAMPLES, total))]
    return collection.items([int(collection.ids[place]) for place in places])
