"""The web site: HTTP, forms, pages and the JSON route. Of rpf it knows the engine, attributes, settings and errors."""

import os

from flask import Flask, Response
from flask_bootstrap import Bootstrap5
from flask_wtf import CSRFProtect

from rpf.files import kept_secret
from rpf.settings import ROOT, Settings
from webapp import about, api, i18n, pictures, problems, results, search, show
from webapp.holder import EngineHolder
from webapp.queries import Queries
from webapp.thumbnails import Thumbnails
from webapp.uploads import Uploads


def create_app(settings: Settings | None = None, **config: object) -> Flask:
    """The site, its engine not begun: the server starts that after its fork, or the first request does."""
    settings = settings or Settings.from_environ()
    instance = settings.instance.resolve()
    instance.mkdir(parents=True, exist_ok=True)
    app = Flask(
        __name__,
        instance_path=str(instance),
        template_folder=str(ROOT / "templates"),
        static_folder=str(ROOT / "static"),
    )
    app.config.update(
        SECRET_KEY=os.environ.get("SECRET_KEY") or kept_secret(instance / "secret_key"),
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_TIME_LIMIT=None,  # a page left open overnight still works
        # Above the limit of a picture, so that a picture a little too large gets its message beside the field.
        MAX_CONTENT_LENGTH=48 * 2**20,
        BOOTSTRAP_SERVE_LOCAL=True,
    )
    app.config.update(config)
    app.json.sort_keys = False  # type: ignore[attr-defined]

    app.extensions["rpf"] = EngineHolder(settings)
    app.extensions["rpf_queries"] = Queries(Uploads(instance / "uploads"))
    app.extensions["rpf_thumbnails"] = Thumbnails(instance / "thumbnails")

    i18n.init_app(app, ROOT / "translations", instance / "translations")
    Bootstrap5(app)
    csrf = CSRFProtect(app)
    csrf.exempt(api.api)
    show.init_app(app)
    problems.register(app)
    for blueprint in (search.bp, results.bp, pictures.bp, about.bp, i18n.bp, api.api):
        app.register_blueprint(blueprint)
    app.after_request(_harden)
    return app


def begin(app: Flask) -> None:
    """Start what runs beside the requests. For a server's worker, after the fork."""
    app.extensions["rpf"].start()
    app.extensions["rpf_queries"].uploads.keep_swept()


def _harden(response: Response) -> Response:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    if response.mimetype == "text/html":
        response.vary.update(("Cookie", "Accept-Language"))
    return response
