"""Scan of a folder for images, and its counts of other files."""

import io
import os
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from rpf.errors import DatasetError
from rpf.ingest.scan import describe, find_images, scan


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def encoded(kind: str) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((32, 40)).convert("RGB").save(out, kind)
    return out.getvalue()


def test_scan_of_any_tree_finds_images_and_counts_the_rest(tmp_path: Path) -> None:
    root = tmp_path / "root"
    inside = ["a.jpg", "B/c.JPeG", "B/d/e f/ü.png", "x.heic", "x.avif", "x.webp", "x.TIF"]
    outside = ["a.txt", "b.TXT", "jpg", ".hidden.jpg", ".hidden/a.jpg", "B/.git/a.png", "a.jpg.part", "a.bäck", "a.mov"]
    touch(root, *inside, *outside)
    touch(tmp_path / "else", "out.jpg", "out.txt")
    (root / "out.jpg").symlink_to(tmp_path / "else" / "out.jpg")
    (root / "out.txt").symlink_to(tmp_path / "else" / "out.txt")
    (root / "else").symlink_to(tmp_path / "else")
    (root / "again").symlink_to(root)
    (root / "in.jpg").symlink_to("a.jpg")
    (root / "broken.jpg").symlink_to("nowhere")
    (root / "loop.jpg").symlink_to("loop.jpg")
    result = scan(root)
    assert result.paths == find_images(root) == sorted([*inside, "in.jpg"])
    assert describe(result.left_out) == (
        "3 .txt, 1 .mov, 1 .part, 1 of other kinds, 1 without a suffix, 3 hidden, 2 broken links, "
        "2 links out of the folder (--follow-links)"
    )
    (tmp_path / "link").symlink_to(root)
    assert scan(tmp_path / "link") == result


def test_scan_of_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    with pytest.raises(DatasetError, match="There is no folder"):
        scan(tmp_path / "none")
    with pytest.raises(DatasetError, match="is a file, not a folder"):
        scan(tmp_path / "a.jpg")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF"])
def test_scan_of_an_image_without_a_suffix_takes_it(tmp_path: Path, kind: str) -> None:
    (tmp_path / "IMG_0001").write_bytes(encoded(kind))
    assert find_images(tmp_path) == ["IMG_0001"]


@pytest.mark.parametrize(
    "data", [b"", b"BMW is a maker of cars", b"%PDF-1.7", b"#!/bin/sh\n", b"RIFF0000WAVEfmt ", b"P6 1"]
)
def test_scan_of_another_file_without_a_suffix_leaves_it_out(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "README").write_bytes(data)
    os.mkfifo(tmp_path / "pipe")
    assert find_images(tmp_path) == [] and describe(scan(tmp_path).left_out) == "2 without a suffix"


def test_scan_with_linked_folders_follows_links_into_them_once(tmp_path: Path) -> None:
    root, archive, secret = tmp_path / "root", tmp_path / "archive", tmp_path / "secret"
    touch(root, "a.jpg", "sub/b.jpg")
    touch(archive, "2019/c.jpg", "2020/d.jpg")
    touch(secret, "s.jpg")
    (root / "all").symlink_to(archive)
    (root / "2019").symlink_to(archive / "2019")  # again by another way
    (root / "d.jpg").symlink_to(archive / "2020" / "d.jpg")
    (root / "secret").symlink_to(secret)
    (root / "inside").symlink_to("sub")
    (archive / "back").symlink_to(root)
    (archive / "round").symlink_to(archive)
    (archive / "2020" / "secret.jpg").symlink_to(secret / "s.jpg")
    result = scan(root, [archive])
    assert result.paths == ["2019/c.jpg", "a.jpg", "all/2020/d.jpg", "d.jpg", "sub/b.jpg"]
    assert describe(result.left_out) == "2 links into folders that are not in RPF_IMAGE_ROOTS"
    (tmp_path / "way").symlink_to(archive)  # a folder that is named by a link to it
    assert scan(root, [tmp_path / "way"]) == result
    assert scan(root, []).paths == find_images(root) == ["a.jpg", "sub/b.jpg"]


def test_describe_of_many_kinds_shows_the_most_frequent() -> None:
    left_out = Counter({f".x{number}": number for number in range(1, 12)})
    assert describe(left_out).startswith("11 .x11, 10 .x10, ") and describe(left_out).endswith(
        "4 .x4, 6 of other kinds"
    )
    assert describe(Counter()) == ""
