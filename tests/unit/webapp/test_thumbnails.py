import hashlib
import io
import threading
from pathlib import Path

import pytest
from PIL import Image

from rpf.images import crop
from webapp.images.thumbnails import Thumbnails

KEY = hashlib.sha256(b"an image").hexdigest()


@pytest.fixture
def thumbnails(tmp_path: Path) -> Thumbnails:
    return Thumbnails(tmp_path / "instance" / "thumbnails")


def test_thumbnail_of_a_photo_fits_its_side(thumbnails: Thumbnails) -> None:
    photo = io.BytesIO()
    Image.linear_gradient("L").resize((300, 600)).save(photo, "PNG")
    data = thumbnails.get(KEY, 100, lambda: crop.thumbnail(photo.getvalue(), 100))
    with Image.open(io.BytesIO(data)) as thumbnail:
        assert (thumbnail.format, thumbnail.size) == ("WEBP", (50, 100))


def test_thumbnail_is_encoded_once_per_size(thumbnails: Thumbnails) -> None:
    calls: list[int] = []

    def make() -> bytes:
        calls.append(1)
        return b"webp %d" % len(calls)

    first = thumbnails.get(KEY, 100, make)
    assert first == thumbnails.get(KEY, 100, make)
    assert first == Thumbnails(thumbnails.folder).get(KEY, 100, make)
    assert len(calls) == 1
    assert thumbnails.get(KEY, 200, make) != first
    assert len(calls) == 2


def test_thumbnail_wanted_by_many_threads_is_encoded_once(thumbnails: Thumbnails) -> None:
    calls: list[int] = []
    together = threading.Barrier(8)
    results: list[bytes] = []

    def make() -> bytes:
        calls.append(1)
        return b"webp" * 10_000

    def ask() -> None:
        together.wait()
        results.append(thumbnails.get(KEY, 100, make))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [b"webp" * 10_000] * 8
    assert len(calls) == 1


def test_thumbnail_that_failed_is_retried_and_leaves_nothing(thumbnails: Thumbnails) -> None:
    def fail() -> bytes:
        raise OSError("no such image")

    with pytest.raises(OSError, match="no such image"):
        thumbnails.get(KEY, 100, fail)
    assert list(thumbnails.folder.parent.glob("**/*.*")) == []
    assert thumbnails.get(KEY, 100, lambda: b"webp") == b"webp"


@pytest.mark.parametrize("key", ["", "../../etc/passwd", KEY.upper(), KEY[:-1], KEY + "\n"])
def test_thumbnail_key_must_be_a_digest(thumbnails: Thumbnails, key: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        thumbnails.get(key, 100, lambda: b"webp")
