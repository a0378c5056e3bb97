"""What the details mean: a page with each attribute of a collection, its values, and searches for them."""

from flask import Blueprint, render_template

from webapp import extensions, view_models

bp = Blueprint("details", __name__, url_prefix="/c/<name>")


@bp.get("/details")
def details(name: str) -> str:
    """Show the attributes and their values as line drawings."""
    collection = extensions.engine_loader.engine.collection(name)
    return render_template(
        "details.html",
        collection=collection,
        colours=view_models.attribute_colours(collection.vocabulary),
        wanted_values=view_models.wanted_values(collection),
    )
