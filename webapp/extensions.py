"""The parts of the running app that views use."""

from flask import current_app

from rpf.engine import SearchEngine
from webapp.config import Options
from webapp.engine_loader import EngineLoader
from webapp.images.thumbnails import Thumbnails
from webapp.images.uploads import Uploads


def holder() -> EngineLoader:
    """What makes the engine, and remembers how long searches took."""
    made: EngineLoader = current_app.extensions["rpf"]
    return made


def engine() -> SearchEngine:
    """The engine; NotReady or NotStarted where there is none yet."""
    return holder().engine


def options() -> Options:
    """How the site meets the world."""
    made: Options = current_app.extensions["rpf_options"]
    return made


def uploads() -> Uploads:
    """The pictures that people search with."""
    made: Uploads = current_app.extensions["rpf_uploads"]
    return made


def thumbnails() -> Thumbnails:
    """The small pictures on disk."""
    made: Thumbnails = current_app.extensions["rpf_thumbnails"]
    return made
