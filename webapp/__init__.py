"""The web site: HTTP, forms, pages and the JSON route. Of rpf it knows the engine, attributes, settings and errors."""

import logging
from pathlib import Path

from flask import Flask
from flask_bootstrap import Bootstrap5
from flask_wtf import CSRFProtect

from rpf.settings import Settings
from rpf.utils.files import check_writable
from rpf.utils.paths import SHIPPED_FOLDER
from webapp import errors, i18n, view_models
from webapp.config import Options
from webapp.engine_loader import EngineLoader
from webapp.images.thumbnails import Thumbnails
from webapp.images.uploads import Uploads
from webapp.middleware import metrics, rate_limit, request_body, request_log, security_headers, subpath
from webapp.views import about, api, images, openapi, results, search

log = logging.getLogger(__name__)


def create_app(settings: Settings | None = None, options: Options | None = None, **config: object) -> Flask:
    """The site, its engine not begun: the server starts that after its fork, or the first request does.

    Raises ConfigError.
    """
    settings, options = settings or Settings.from_environ(), options or Options.from_environ()
    instance = settings.instance.resolve()
    app = Flask(
        __name__,
        instance_path=str(instance),
        template_folder=str(SHIPPED_FOLDER / "templates"),
        static_folder=str(SHIPPED_FOLDER / "static"),
    )
    app.config.update(
        SECRET_KEY=settings.session_key(),
        WTF_CSRF_TIME_LIMIT=None,  # a page left open overnight still works
        BOOTSTRAP_SERVE_LOCAL=True,
    )
    app.config.update(config)
    app.json.sort_keys = False  # type: ignore[attr-defined]

    app.extensions["rpf"] = holder = EngineLoader(settings)
    app.extensions["rpf_options"] = options
    app.extensions["rpf_uploads"] = Uploads(instance / "uploads")
    app.extensions["rpf_thumbnails"] = Thumbnails(instance / "thumbnails")

    request_log.init_app(app)
    request_body.init_app(app)
    if options.metrics:
        metrics.init_app(app, holder)
    i18n.init_app(app, SHIPPED_FOLDER / "translations")
    Bootstrap5(app)
    csrf = CSRFProtect(app)
    csrf.exempt(api.api)
    view_models.init_app(app)
    security_headers.init_app(app, options.https)
    errors.register(app)
    for blueprint in (search.bp, results.bp, images.bp, about.bp, i18n.bp, openapi.bp, api.api):
        app.register_blueprint(blueprint)
    rate_limit.init_app(app, options)
    subpath.init_app(app, options.proxies)
    return app


def begin(app: Flask) -> None:
    """Start what runs beside the requests. For a server's worker, after the fork."""
    request_log.configure()
    try:
        check_writable(Path(app.instance_path))
    except OSError as error:
        log.warning(
            "%s (RPF_INSTANCE) cannot be written: %s. Uploads are refused, and thumbnails made anew each time.",
            app.instance_path, error.strerror,
        )  # fmt: skip
    app.extensions["rpf"].start()
    app.extensions["rpf_uploads"].keep_swept()


def end(app: Flask) -> bool:
    """Stop what `begin` started; whether the process can end in the ordinary way."""
    stopped: bool = app.extensions["rpf"].stop()
    return stopped
