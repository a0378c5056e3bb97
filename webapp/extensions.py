"""Parts of the running app that views use."""

from typing import cast

from flask import current_app
from werkzeug.local import LocalProxy

from webapp.config import SiteConfig
from webapp.engine_loader import EngineLoader
from webapp.images.thumbnails import Thumbnails
from webapp.images.uploads import Uploads

engine_loader = cast(EngineLoader, LocalProxy(lambda: current_app.extensions["rpf"]))
site_config = cast(SiteConfig, LocalProxy(lambda: current_app.extensions["rpf_config"]))
uploads = cast(Uploads, LocalProxy(lambda: current_app.extensions["rpf_uploads"]))
thumbnails = cast(Thumbnails, LocalProxy(lambda: current_app.extensions["rpf_thumbnails"]))
