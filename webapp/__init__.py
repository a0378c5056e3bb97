"""Web site: HTTP, forms, pages and the JSON API over the engine."""

import logging
from pathlib import Path

from flask import Flask
from flask_wtf import CSRFProtect

from rpf.settings import Settings
from rpf.utils.files import check_writable
from rpf.utils.paths import SHIPPED_FOLDER
from webapp.config import SiteConfig

log = logging.getLogger(__name__)


def create_app(settings: Settings | None = None, config: SiteConfig | None = None, **flask_config: object) -> Flask:
    """Make the site. Its engine starts after the server's fork, or with the first request. Raises ConfigError."""
    settings, config = settings or Settings.from_environ(), config or SiteConfig.from_environ()
    instance = settings.instance.resolve()
    secret_key = config.load_secret_key(settings.instance)
    # Imported here because gunicorn's master reads webapp.config, and PyTorch must not be loaded before the fork.
    from rpf.access.event_log import EventLog
    from rpf.access.keys import KeyStore
    from webapp import api, errors, i18n, template_helpers
    from webapp.api.idempotency import AnswerStore
    from webapp.api.job_worker import JobWorker
    from webapp.api.jobs import JobStore
    from webapp.engine_loader import EngineLoader
    from webapp.images.thumbnails import Thumbnails
    from webapp.images.uploads import Uploads
    from webapp.index_builder import IndexBuilder
    from webapp.middleware import (
        compression,
        metrics,
        rate_limit,
        request_body,
        request_log,
        security_headers,
        static_files,
        subpath,
    )
    from webapp.views import about, brand, compare, describe, details, images, openapi, results, search, submit
    from webapp.widget import views as widget

    app = Flask(
        __name__,
        instance_path=str(instance),
        template_folder=str(SHIPPED_FOLDER / "templates"),
        static_folder=str(SHIPPED_FOLDER / "static"),
    )
    app.config.update(
        {
            "SECRET_KEY": secret_key,
            "WTF_CSRF_TIME_LIMIT": None,  # a page left open overnight still works
            **flask_config,
        }
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]

    loader = EngineLoader(settings)
    jobs = JobStore(instance)
    app.extensions.update(
        rpf=loader,
        rpf_answers=AnswerStore(instance),
        rpf_brand=config.load_brand(),
        rpf_events=EventLog(instance, settings.event_days),
        rpf_index_builder=IndexBuilder(loader),
        rpf_jobs=jobs,
        rpf_job_worker=JobWorker(jobs, loader),
        rpf_keys=KeyStore(instance),
        rpf_config=config,
        rpf_uploads=Uploads(instance / "uploads"),
        rpf_thumbnails=Thumbnails(instance / "thumbnails"),
    )

    for part in (compression, request_log, request_body, static_files, template_helpers, errors):
        part.init_app(app)
    if config.metrics:
        metrics.init_app(app, loader)
    i18n.init_app(app, SHIPPED_FOLDER / "translations")
    csrf = CSRFProtect(app)
    for blueprint in (submit.bp, describe.bp, widget.bp, api.bp()):
        csrf.exempt(blueprint)
    security_headers.init_app(app, config.https)
    for module in (search, results, compare, details, images, brand, about, i18n, openapi, submit, describe):
        app.register_blueprint(module.bp)
    for blueprint in (api.bp(), widget.public, widget.bp):
        app.register_blueprint(blueprint)
    rate_limit.init_app(app, config.rate_limit)
    subpath.init_app(app, config.trusted_proxies)
    return app


def start_background(app: Flask) -> None:
    """Start the engine, the work on batches and missing indexes, and the sweeping of uploads.

    For a server's worker, after the fork.
    """
    from webapp.middleware import request_log

    request_log.configure()
    try:
        check_writable(Path(app.instance_path))
    except OSError as error:
        log.warning(
            "%s (RPF_INSTANCE) cannot be written: %s. Uploads are refused; thumbnails are encoded for each request.",
            app.instance_path, error.strerror,
        )  # fmt: skip
    app.extensions["rpf"].start()
    app.extensions["rpf_uploads"].start_sweeping()
    app.extensions["rpf_job_worker"].start()
    app.extensions["rpf_index_builder"].start()


def stop_background(app: Flask) -> bool:
    """Stop the engine's preparation, and the work on batches and indexes; return whether the process can exit."""
    app.extensions["rpf_index_builder"].stop()
    stopped = app.extensions["rpf_job_worker"].stop()
    app.extensions["rpf_events"].close()
    return bool(app.extensions["rpf"].stop() and stopped)
