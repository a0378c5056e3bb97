import os
import socket
import threading
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rpf.errors import TooLarge
from webapp.images.local import Forbidden, NotFound, read, resolve


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Create two roots, and beside them files that must not be reached."""
    for name in ("photos/sub", "data", "secret/inner"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("photos/a.jpg", "photos/sub/b.jpg", "data/c.jpg", "data/a.jpg", "secret/key", "secret/inner/deep"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "photos/inside").symlink_to("sub")
    (tmp_path / "photos/other-root").symlink_to(tmp_path / "data" / "c.jpg")
    (tmp_path / "photos/out").symlink_to(tmp_path / "secret")
    (tmp_path / "photos/out-file").symlink_to("../secret/key")
    (tmp_path / "photos/out-dangling").symlink_to("../secret/nothing")
    (tmp_path / "photos/loop").symlink_to("loop")
    (tmp_path / "secret/back").symlink_to(tmp_path / "photos")
    return tmp_path


@pytest.fixture
def roots(place: Path) -> list[Path]:
    return [place / "photos", place / "data"]


def test_resolve_tries_a_relative_path_against_each_root(place: Path, roots: list[Path]) -> None:
    assert read("a.jpg", roots) == b"photos/a.jpg"
    assert read("./sub//b.jpg", roots) == b"photos/sub/b.jpg"
    assert read("c.jpg", roots) == b"data/c.jpg"
    assert read("a.jpg", roots[::-1]) == b"data/a.jpg"
    assert resolve("a.jpg", roots) == place / "photos/a.jpg"


def test_resolve_accepts_absolute_paths_inside_a_root(place: Path, roots: list[Path]) -> None:
    assert read(str(place / "data/a.jpg"), roots) == b"data/a.jpg"


def test_resolve_follows_links_that_stay_inside(roots: list[Path]) -> None:
    assert read("inside/b.jpg", roots) == b"photos/sub/b.jpg"
    assert read("other-root", roots) == b"data/c.jpg"


def test_resolve_accepts_both_names_of_a_root_that_is_a_link(place: Path) -> None:
    alias = place / "alias"
    alias.symlink_to("photos")
    assert read(str(alias / "a.jpg"), [alias]) == b"photos/a.jpg"
    assert read(str(place / "photos/a.jpg"), [alias]) == b"photos/a.jpg"


def test_resolve_takes_a_relative_root_from_the_working_folder(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    assert read("a.jpg", [Path("photos")]) == b"photos/a.jpg"
    assert read(str(place / "photos/a.jpg"), [Path("photos")]) == b"photos/a.jpg"


def test_resolve_outside_the_roots_raises_the_same_error_for_all(place: Path, roots: list[Path]) -> None:
    outside = [
        "/etc/passwd",
        "/etc/no-such-file",
        "/",
        "..",
        "../secret/key",
        "../secret/no-such-file",
        "sub/../a.jpg",
        "no-such-folder/../a.jpg",
        str(place / "secret/key"),
        str(place / "secret/nothing"),
        str(place / "secret/back/a.jpg"),
        f"{place}/photos/../secret/key",
        f"{place}/photos-more/a.jpg",
        f"/{place}/photos/a.jpg",
        "out",
        "out/key",
        "out/no-such-file",
        "out/inner",
        "out/back/a.jpg",
        "out-file",
        "out-dangling",
        "~",
        "~/a.jpg",
        "~root/a.jpg",
        "http://localhost/a.jpg",
        "FILE:///etc/passwd",
        "file:/etc/passwd",
        "data:image/png;base64,AAAA",
        "a.jpg\0",
        "\0",
        "a.jpg\0/../../secret/key",
        "\ud800.jpg",
    ]
    messages = set()
    for text in outside:
        with pytest.raises(Forbidden) as caught:
            read(text, roots)
        messages.add(str(caught.value))
    assert len(messages) == 1


def test_resolve_inside_without_a_file_raises_not_found(place: Path, roots: list[Path]) -> None:
    missing = ["", ".", "sub", "no.jpg", "a.jpg/b", "loop", "loop/a.jpg", str(place / "data"), "x" * 5000, "y/" * 5000]
    for text in missing:
        with pytest.raises(NotFound):
            read(text, roots)


def test_resolve_without_roots_forbids_all() -> None:
    with pytest.raises(Forbidden):
        resolve("a.jpg", [])


def test_resolve_ignores_a_root_that_does_not_exist(place: Path, roots: list[Path]) -> None:
    assert read("a.jpg", [place / "not-made-yet", *roots]) == b"photos/a.jpg"
    with pytest.raises(NotFound):
        read("a.jpg", [place / "not-made-yet"])


def test_read_accepts_regular_files_only(place: Path, roots: list[Path]) -> None:
    os.mkfifo(place / "photos/pipe.jpg")
    with socket.socket(socket.AF_UNIX) as listening, pytest.MonkeyPatch.context() as patch:
        patch.chdir(place / "photos")  # the names of sockets are short
        listening.bind("socket.jpg")
        for name in ("pipe.jpg", "socket.jpg"):
            with pytest.raises(NotFound):
                read(name, roots)


def test_read_refuses_device_files() -> None:
    with pytest.raises(NotFound):
        read("/dev/zero", [Path("/dev")])


def test_read_accepts_a_file_at_the_limit(place: Path, roots: list[Path]) -> None:
    (place / "photos/big").write_bytes(b"x" * 100)
    assert len(read("big", roots, limit=100)) == 100
    with pytest.raises(TooLarge):
        read("big", roots, limit=99)


def test_read_while_a_folder_becomes_a_link_never_leaves_the_root(place: Path, roots: list[Path]) -> None:
    """Swap photos/swap between a folder and a link out in a thread; no read ever returns the secret."""
    (place / "photos/swap").mkdir()
    (place / "photos/swap/key").write_bytes(b"public")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            (place / "photos/swap").rename(place / "photos/aside")
            (place / "photos/swap").symlink_to("../secret")
            time.sleep(0.0001)
            (place / "photos/swap").unlink()
            (place / "photos/aside").rename(place / "photos/swap")
            time.sleep(0.0001)

    thread = threading.Thread(target=swap)
    thread.start()
    contents = set()
    try:
        for _ in range(5000):
            try:
                contents.add(read("swap/key", roots))
            except (Forbidden, NotFound):
                continue
    finally:
        stop.set()
        thread.join()
    assert contents <= {b"public"}


PARTS = st.sampled_from(
    ["..", ".", "", "a.jpg", "sub", "out", "out-file", "inside", "secret", "key", "back", "~", "photos"]
)
TEXTS = st.one_of(
    st.text(),
    st.lists(PARTS, max_size=8).map("/".join),
    st.lists(st.one_of(PARTS, st.text(max_size=3)), max_size=8).map("/".join),
)


@given(text=TEXTS, absolute=st.booleans())
@example(text="out/back/a.jpg", absolute=True)
def test_read_any_text_never_leaves_the_roots(place: Path, roots: list[Path], text: str, absolute: bool) -> None:
    try:
        path = resolve(f"{place}/photos/{text}" if absolute else text, roots)
    except (Forbidden, NotFound):
        return
    assert path.is_file()
    assert path == path.resolve()
    assert any(path.is_relative_to(root) for root in roots)
    assert ".." not in text.split("/")
