"""Parts of the running app that views use."""

from typing import TypeVar, cast

from flask import current_app
from werkzeug.local import LocalProxy

from rpf.engine import SearchEngine
from webapp.config import SiteConfig
from webapp.engine_loader import EngineLoader
from webapp.images.thumbnails import Thumbnails
from webapp.images.uploads import Uploads

T = TypeVar("T")


def _extension(name: str, kind: type[T]) -> T:
    return cast(T, LocalProxy(lambda: current_app.extensions[name]))


engine_loader = _extension("rpf", EngineLoader)
site_config = _extension("rpf_config", SiteConfig)
uploads = _extension("rpf_uploads", Uploads)
thumbnails = _extension("rpf_thumbnails", Thumbnails)


def engine() -> SearchEngine:
    """Return the engine. Raises NotReady, StartFailed."""
    return engine_loader.engine
