"""The page that says what is searched, by what, how well and how fast."""

from statistics import median

from flask import Blueprint, render_template

from webapp import extensions, view_models

bp = Blueprint("about", __name__, url_prefix="/c/<name>")


@bp.get("/about")
def about(name: str) -> str:
    """Collection, model, method, counts, what was measured of the model, and the time of the last searches."""
    engine = extensions.engine()
    collection = engine.collection(name)
    times = list(extensions.holder().seconds)
    return render_template(
        "about.html",
        collection=collection,
        info=engine.info,
        method=engine.method(name),
        colours=view_models.colours(collection.vocabulary),
        accuracy=[own for own in engine.info.accuracy if own.key == "overall" or own.key in collection.vocabulary],
        times=times,
        middle=median(times) if times else None,
    )
