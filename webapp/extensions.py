"""Parts of the running app that views use."""

from typing import cast

from flask import current_app
from werkzeug.local import LocalProxy

from rpf.access.event_log import EventLog
from rpf.access.keys import KeyStore
from webapp.api.idempotency import AnswerStore
from webapp.api.job_worker import JobWorker
from webapp.api.jobs import JobStore
from webapp.brand import Brand
from webapp.config import SiteConfig
from webapp.engine_loader import EngineLoader
from webapp.images.thumbnails import Thumbnails
from webapp.images.uploads import Uploads
from webapp.index_builder import IndexBuilder

engine_loader = cast(EngineLoader, LocalProxy(lambda: current_app.extensions["rpf"]))
site_config = cast(SiteConfig, LocalProxy(lambda: current_app.extensions["rpf_config"]))
brand = cast(Brand, LocalProxy(lambda: current_app.extensions["rpf_brand"]))
uploads = cast(Uploads, LocalProxy(lambda: current_app.extensions["rpf_uploads"]))
thumbnails = cast(Thumbnails, LocalProxy(lambda: current_app.extensions["rpf_thumbnails"]))
key_store = cast(KeyStore, LocalProxy(lambda: current_app.extensions["rpf_keys"]))
event_log = cast(EventLog, LocalProxy(lambda: current_app.extensions["rpf_events"]))
answer_store = cast(AnswerStore, LocalProxy(lambda: current_app.extensions["rpf_answers"]))
index_builder = cast(IndexBuilder, LocalProxy(lambda: current_app.extensions["rpf_index_builder"]))
job_store = cast(JobStore, LocalProxy(lambda: current_app.extensions["rpf_jobs"]))
job_worker = cast(JobWorker, LocalProxy(lambda: current_app.extensions["rpf_job_worker"]))
