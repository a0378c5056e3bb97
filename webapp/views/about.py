"""About page: the collection, the model, its accuracy and the speed of searches."""

from statistics import median

from flask import Blueprint, render_template

from webapp import extensions, view_models

bp = Blueprint("about", __name__, url_prefix="/c/<name>")


@bp.get("/about")
def about(name: str) -> str:
    """Show the About page."""
    engine = extensions.engine_loader.engine
    collection = engine.collection(name)
    search_seconds = list(extensions.engine_loader.search_seconds)
    return render_template(
        "about.html",
        collection=collection,
        model=engine.model,
        model_name=engine.model_name,
        method=engine.method(name),
        index_is_built=name in extensions.index_builder.building,
        colours=view_models.attribute_colours(collection.vocabulary),
        accuracy=[row for row in engine.accuracy if row.key == "overall" or row.key in collection.vocabulary],
        recognition=engine.recognition,
        search_seconds=search_seconds,
        median_seconds=median(search_seconds) if search_seconds else None,
    )
