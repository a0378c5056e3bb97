"""The page that says what is searched, by what, and how fast."""

from statistics import median

from flask import Blueprint, render_template

from webapp import current

bp = Blueprint("about", __name__, url_prefix="/c/<name>")


@bp.get("/about")
def about(name: str) -> str:
    """Collection, model, method, counts, and the time of the last searches."""
    engine = current.engine()
    times = list(current.holder().seconds)
    return render_template(
        "about.html",
        collection=engine.collection(name),
        info=engine.info,
        times=times,
        middle=median(times) if times else None,
    )
