import shutil
import time
from pathlib import Path

import pytest

from rpf.settings import Settings
from tests.conftest import with_instance
from webapp import create_app, start_background
from webapp.engine_loader import EngineLoader, NotReady, StartFailed


def test_engine_loader_loads_with_the_first_access(settings: Settings) -> None:
    loader = EngineLoader(settings)
    with pytest.raises(NotReady):
        _ = loader.engine
    loader.wait()
    assert loader.ready
    assert loader.engine is loader.engine


def test_engine_loader_after_a_failure_says_why_and_retries(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.engine_loader.RETRY_SECONDS", 0.0)
    loader = EngineLoader(settings.model_copy(update={"collections": tmp_path}))
    loader.start()
    loader.wait()
    with pytest.raises(StartFailed, match="rpf index tiny FOLDER"):
        _ = loader.engine
    shutil.copytree(settings.collections / "tiny", tmp_path / "tiny")
    loader.start()
    loader.wait()
    assert loader.ready
    assert len(loader.engine.collection("tiny")) == 40


def test_expired_uploads_are_swept_without_new_uploads(settings: Settings, tmp_path: Path) -> None:
    app = create_app(with_instance(settings, tmp_path))
    app.extensions["rpf_uploads"].max_age = 0.4  # seconds instead of a day
    digest = app.extensions["rpf_uploads"].save(b"old")
    start_background(app)
    while (tmp_path / "uploads" / digest).exists():
        time.sleep(0.05)
