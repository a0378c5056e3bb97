"""The page that says what is searched, by what, and how fast."""

from statistics import median

from flask import Blueprint, current_app, render_template

from webapp.holder import EngineHolder

bp = Blueprint("about", __name__, url_prefix="/c/<name>")


@bp.get("/about")
def about(name: str) -> str:
    """Collection, model, method, counts, and the time of the last searches."""
    holder: EngineHolder = current_app.extensions["rpf"]
    engine = holder.engine
    times = list(holder.seconds)
    return render_template(
        "about.html",
        collection=engine.collection(name),
        info=engine.info,
        times=times,
        middle=median(times) if times else None,
    )
