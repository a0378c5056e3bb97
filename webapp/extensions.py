"""Parts of the running app that views use."""

from flask import current_app

from rpf.engine import SearchEngine
from webapp.config import SiteConfig
from webapp.engine_loader import EngineLoader
from webapp.images.thumbnails import Thumbnails
from webapp.images.uploads import Uploads


def engine_loader() -> EngineLoader:
    """Return the loader of the engine."""
    loader: EngineLoader = current_app.extensions["rpf"]
    return loader


def engine() -> SearchEngine:
    """Return the engine. Raises NotReady, StartFailed."""
    return engine_loader().engine


def site_config() -> SiteConfig:
    """Return the settings of the site."""
    config: SiteConfig = current_app.extensions["rpf_config"]
    return config


def uploads() -> Uploads:
    """Return the store of uploaded images."""
    uploads: Uploads = current_app.extensions["rpf_uploads"]
    return uploads


def thumbnails() -> Thumbnails:
    """Return the thumbnail cache."""
    thumbnails: Thumbnails = current_app.extensions["rpf_thumbnails"]
    return thumbnails
