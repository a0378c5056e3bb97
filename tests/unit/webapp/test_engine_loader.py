import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from rpf.settings import Settings
from tests.conftest import with_instance
from webapp import begin, create_app
from webapp.engine_loader import EngineLoader, NotReady, NotStarted


def test_the_engine_is_made_by_the_first_who_asks(settings: Settings) -> None:
    holder = EngineLoader(settings)
    with pytest.raises(NotReady):
        _ = holder.engine
    holder.wait()
    assert holder.ready
    assert holder.engine is holder.engine


def test_a_failed_start_says_why_and_is_tried_again(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.engine_loader.RETRY", 0.0)
    holder = EngineLoader(replace(settings, collections=tmp_path))
    holder.start()
    holder.wait()
    with pytest.raises(NotStarted, match="python -m rpf index tiny"):
        _ = holder.engine
    shutil.copytree(settings.collections / "tiny", tmp_path / "tiny")
    holder.start()
    holder.wait()
    assert holder.ready
    assert len(holder.engine.collection("tiny")) == 40


def test_expired_uploads_go_without_anybody_uploading(settings: Settings, tmp_path: Path) -> None:
    app = create_app(with_instance(settings, tmp_path))
    app.extensions["rpf_uploads"].max_age = 0.4  # seconds instead of a day
    digest = app.extensions["rpf_uploads"].save(b"old")
    begin(app)
    while (tmp_path / "uploads" / digest).exists():
        time.sleep(0.05)
