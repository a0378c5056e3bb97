"""Start of a search: the start page, its form, and the page of one item."""

import hashlib
from collections.abc import Iterable

from flask import Blueprint, g, redirect, render_template, request, url_for
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from rpf.engine import Collection, Query, SearchRequest, recognised_values
from rpf.errors import BadImage
from webapp import extensions, product_views, view_models
from webapp.addresses import page_address
from webapp.forms import SearchForm
from webapp.i18n import message
from webapp.images.uploads import UploadExpired
from webapp.pictures import Picture
from webapp.places import find_place
from webapp.samples import choose_samples
from webapp.search_params import SearchParams

NEAREST_COUNT = 8
MAX_COPIES = 20

bp = Blueprint("search", __name__)


@bp.get("/")
def home() -> BaseResponse:
    """Redirect to the default collection."""
    return redirect(url_for("search.start", name=extensions.engine_loader.engine.default))


@bp.get("/c/<name>/")
def start(name: str) -> str | BaseResponse:
    """Show the search form; where the address names a product or an item, redirect to the results for it."""
    engine = extensions.engine_loader.engine
    collection = engine.collection(name)
    product_id, item_id = request.args.get("product"), request.args.get("item", type=int)
    if product_id:
        item_id = product_views.first_photo(name, product_id)
    if item_id is not None:
        keys = _present_keys(collection, engine.query_item(name, item_id))
        params = SearchParams(Picture(item_id), dict.fromkeys(keys, 1.0))
        return redirect(page_address("ranked", name, **params.args()))
    return _start_page(collection, _form(collection, data={"a": request.args.getlist("a")}))


@bp.get("/c/<name>/search")
def search_again(name: str) -> BaseResponse:
    """Redirect the reload of a refused search to the form."""
    return redirect(url_for("search.start", name=name))


@bp.post("/c/<name>/search")
def search(name: str) -> BaseResponse | tuple[str, int]:
    """Save the image and redirect to its results; show the form again, with its errors, where that fails."""
    collection = extensions.engine_loader.engine.collection(name)
    form = _form(collection)
    valid = form.validate_on_submit()
    query, saved_image = None, None
    try:  # the image is saved even if the rest is refused, so that nobody has to send it twice
        if form.sample.data:
            form.item.data, form.upload.data = form.sample.data, ""
        elif form.image_file is not None:
            form.item.data, form.upload.data = "", save_photo(form.image_file)
        picture = form.picture
        query = picture and picture.query(name)
        if picture and query:
            saved_image = view_models.query_image(collection, picture, query)
    except (BadImage, UploadExpired) as error:
        form.image.errors = [message(error)]
        valid = False
    if not valid:
        return _start_page(collection, form, saved_image), 422
    changes = {key: value for key, value in form.chosen.items() if value is not None}
    keys = list(form.chosen)
    if query and len(changes) == len(keys):  # no detail was chosen: all that the image shows, but with these values
        keys = _present_keys(collection, query, changes)
    params = SearchParams(picture, dict.fromkeys(keys, 1.0), changes)
    return redirect(page_address("ranked", name, **params.args()), 303)


def save_photo(file: FileStorage) -> str:
    """Save an upload that can be embedded, and return its digest. Raises BadImage, Overloaded, UploadsUnwritable."""
    data = file.read()
    digest = hashlib.sha256(data).hexdigest()
    extensions.engine_loader.engine.embed(data, digest=digest)  # raises before the image is saved
    return extensions.uploads.save(data, digest)


@bp.get("/c/<name>/item/<int:item_id>")
def item(name: str, item_id: int) -> str:
    """Show one item with its labels, its regions, and the most similar items in each attribute."""
    engine = extensions.engine_loader.engine
    collection = engine.collection(name)
    item = collection.item(item_id)
    query = engine.query_item(name, item_id)
    keys = list(collection.vocabulary.keys)
    present = [key for key in keys if key in item.labels or not query.is_missing(key)]
    ticked = [key for key in keys if key in item.labels] or (present if query.presence else keys[:1])
    group = engine.product_of(name, item_id)
    heat = view_models.picture_heat(collection, Picture(item_id), query.size, keys, item)
    return render_template(
        "item.html",
        collection=collection,
        colours=view_models.attribute_colours(collection.vocabulary),
        item=item,
        image=view_models.item_image(name, item, "image"),
        heat=heat,
        regions={} if heat else view_models.region_boxes(collection.vocabulary, query, keys),
        recognised=recognised_values(collection, item_id),
        query=query,
        ticked=ticked,
        present=present,
        missing=[key for key in keys if key not in present],
        place=find_place(name),
        copies=collection.copies(item_id)[:MAX_COPIES],
        listed=engine.products(name, [group.product]).get(group.product) if group else None,
        nearest={
            key: engine.search(name, SearchRequest(query, {key: 1.0}, NEAREST_COUNT, fold="product")).hits
            for key in sorted(present, key=lambda key: key not in ticked)
        },
    )


@bp.get("/c/<name>/product/<path:product_id>")
def product(name: str, product_id: str) -> str:
    """Show a product with all its photos, to search by any of them."""
    engine = extensions.engine_loader.engine
    collection = engine.collection(name)
    listed = engine.products(name, [product_id]).get(product_id)
    if listed is None:
        raise NotFound
    photo = request.args.get("photo", type=int)
    categories = listed.product.categories
    return render_template(
        "product.html",
        collection=collection,
        listed=listed,
        photo=photo,
        photos=product_views.photos_of(name, listed, photo),
        levels=product_views.category_levels(categories[0]) if categories else [],
        duplicates=product_views.duplicates_of(name, listed),
        description=product_views.description_of(listed),
        place=find_place(name),
    )


def _form(collection: Collection, **options: object) -> SearchForm:
    """Make the form; in the widget, without the token that needs a session."""
    values = view_models.wanted_values(collection)
    return SearchForm(collection.vocabulary, values, meta={"csrf": False} if "widget" in g else None, **options)


def _present_keys(collection: Collection, query: Query, wanted: Iterable[str] = ()) -> list[str]:
    """Return the attributes that an image shows, and the wanted ones."""
    return [key for key in collection.vocabulary.keys if key in wanted or not query.is_missing(key)]


def _start_page(collection: Collection, form: SearchForm, saved_image: view_models.DisplayImage | None = None) -> str:
    return render_template(
        "start.html",
        collection=collection,
        colours=view_models.attribute_colours(collection.vocabulary),
        form=form,
        saved_image=saved_image,
        samples=choose_samples(collection),
        has_colours=form.is_unknown and product_views.has_colours(collection.name),
    )
