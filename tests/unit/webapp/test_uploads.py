import hashlib
import os
import stat
import threading
import time
from pathlib import Path

import pytest

from webapp.images.uploads import MAX_AGE_SECONDS, UploadExpired, Uploads


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path / "instance" / "uploads")


def make_older(uploads: Uploads, name: str, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(uploads.folder / name, (then, then))


def files(uploads: Uploads) -> set[str]:
    return {path.name for path in uploads.folder.iterdir() if path.name != ".lock"}


def test_upload_is_read_as_saved(uploads: Uploads) -> None:
    digest = uploads.save(b"an image")
    assert digest == hashlib.sha256(b"an image").hexdigest()
    assert uploads.read(digest) == b"an image"
    assert files(uploads) == {digest}


def test_upload_is_readable_by_the_owner_only(uploads: Uploads) -> None:
    digest = uploads.save(b"an image")
    assert stat.S_IMODE(uploads.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((uploads.folder / digest).stat().st_mode) == 0o600


def test_upload_after_a_day_has_expired_before_it_is_deleted(uploads: Uploads) -> None:
    digest = uploads.save(b"an image")
    make_older(uploads, digest, MAX_AGE_SECONDS - 60)
    assert uploads.read(digest) == b"an image"
    make_older(uploads, digest, MAX_AGE_SECONDS + 1)
    with pytest.raises(UploadExpired, match="24 hours"):
        uploads.read(digest)


def test_upload_saved_again_is_renewed(uploads: Uploads) -> None:
    digest = uploads.save(b"an image")
    make_older(uploads, digest, MAX_AGE_SECONDS + 1)
    assert uploads.save(b"an image") == digest
    assert uploads.read(digest) == b"an image"


@pytest.mark.parametrize(
    "digest", ["", "../secret_key", "A" * 64, "0" * 63, "0" * 65, "0" * 63 + "\n", "\0" * 64, "é" * 64]
)
def test_upload_of_a_malformed_digest_is_not_read(uploads: Uploads, digest: str) -> None:
    (uploads.folder.parent).mkdir()
    (uploads.folder.parent / "secret_key").write_text("secret")
    with pytest.raises(UploadExpired):
        uploads.read(digest)


def test_upload_never_saved_has_expired(uploads: Uploads) -> None:
    with pytest.raises(UploadExpired):
        uploads.read("0" * 64)


def test_sweep_deletes_expired_uploads_and_interrupted_writes(uploads: Uploads) -> None:
    old, new = uploads.save(b"old"), uploads.save(b"new")
    for name, age in (
        (old, MAX_AGE_SECONDS + 1),
        (".cut-off.tmp", 3601),
        (".being-written.tmp", 10),
        ("somebody-elses", 2 * MAX_AGE_SECONDS),
    ):
        (uploads.folder / name).touch()
        make_older(uploads, name, age)
    uploads.sweep()
    assert files(uploads) == {new, ".being-written.tmp", "somebody-elses"}


def test_save_sweeps_hourly(tmp_path: Path) -> None:
    old = Uploads(tmp_path).save(b"old")
    make_older(Uploads(tmp_path), old, MAX_AGE_SECONDS + 1)
    uploads = Uploads(tmp_path)
    new = uploads.save(b"new")
    assert files(uploads) == {new}
    make_older(uploads, new, MAX_AGE_SECONDS + 1)
    other = uploads.save(b"other")
    assert files(uploads) == {new, other}


def test_save_that_fails_leaves_nothing(uploads: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            uploads.save(b"an image")
    assert files(uploads) == set()


def test_uploads_from_many_threads_are_whole_or_expired(uploads: Uploads) -> None:
    """Save, age, read and sweep the same few files in threads; a reader gets all bytes or UploadExpired."""
    images = [bytes([n]) * 100_000 for n in range(3)]
    errors: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            for step in range(40):
                image = images[(seed + step) % 3]
                digest = uploads.save(image)
                if step % 5 == seed % 5:
                    make_older_if_present(digest)
                    uploads.sweep()
                try:
                    assert uploads.read(digest) == image
                except UploadExpired:
                    continue
        except BaseException as error:
            errors.append(error)

    def make_older_if_present(digest: str) -> None:
        try:
            make_older(uploads, digest, MAX_AGE_SECONDS + 1)
        except FileNotFoundError:
            return

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert not [name for name in files(uploads) if name.endswith(".tmp")]
