"""Photo folder by the command line: files are added, moved and deleted, and the folder moves."""

import shutil
from pathlib import Path

import pytest

from rpf.collection import Collection
from rpf.engine import SearchEngine, SearchRequest
from rpf.errors import UnknownItem
from rpf.settings import Settings
from tests.support.commands import Run, snapshot


@pytest.fixture
def images(folder: Path) -> Path:
    """Return the image folder of "shop": 000.jpg to 011.jpg without 002.jpg, items 1 to 12 without 3."""
    (folder / "images" / "002.jpg").unlink()
    return folder / "images"


def items(folder: Path) -> dict[str, int]:
    collection = Collection.open(folder)
    return {item.path: item.id for item in collection.items(collection.ids.tolist())}


def test_index_of_a_file_says_what_to_use(run: Run, tmp_path: Path, photo: Path) -> None:
    shutil.copy(photo, tmp_path / "a photo.jpg")
    error = run("index", "new", tmp_path / "a photo.jpg", status=2)
    assert "is a file: give the folder" in error and f"rpf add new '{tmp_path / 'a photo.jpg'}'" in error


def test_index_of_a_folder_without_images_lists_its_files(run: Run, living: Settings, tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    assert run("index", "new", tmp_path / "export", status=2).endswith(" holds no images.\n")
    for name in ("a.mov", "b.MOV", "notes.txt", ".nomedia", "README"):
        (tmp_path / "export" / name).write_text("text")
    problem = "holds no images, but 2 .mov, 1 .txt, 1 without a suffix, 1 hidden."
    assert problem in run("index", "new", tmp_path / "export", status=2)
    assert "no images in these files and folders, but 2 .mov" in run("add", "shop", tmp_path / "export", status=2)
    assert not (living.collections / "new").exists()


def test_index_lists_left_out_files_and_fails_for_unreadable_images_only(run: Run, images: Path) -> None:
    (images / "clip.mov").write_text("text")
    (images / "out.jpg").symlink_to(images.parent / "manifest.json")
    output = run("index", "shop", images)
    assert "0 added, 11 unchanged, 0 skipped, in" in output
    assert "left out: 1 .mov, 1 link out of the folder (--follow-links)\n" in output
    (images / "broken.jpg").write_bytes(b"\xff\xd8 no image")
    output = run("index", "shop", images, status=3)
    assert "0 added, 11 unchanged, 1 skipped, in" in output and "left out: 1 .mov" in output
    assert "1 unchanged, 1 skipped" in run("add", "shop", images / "broken.jpg", images / "000.jpg", status=3)


def test_moved_and_deleted_images_are_reconciled_by_index(run: Run, folder: Path, images: Path) -> None:
    (images / "autumn").mkdir()
    for name in ("000.jpg", "001.jpg"):
        (images / name).rename(images / "autumn" / name)
    (images / "011.jpg").unlink()
    assert "3 items whose image is missing" in run("verify", "shop", status=1)
    assert "0 added, 8 unchanged, 0 skipped, 2 moved, in" in run("index", "shop", images)
    assert "1 item whose image is missing" in run("verify", "shop", status=1)
    assert "1 pruned, in" in run("index", "shop", images, "--prune")
    assert run("verify", "shop") == "shop: 10 items, 0 repaired, 0 problems\n"
    now = items(folder)
    assert (now["autumn/000.jpg"], now["autumn/001.jpg"], len(now)) == (1, 2, 10)
    (images / "autumn" / "000.jpg").rename(images / "000.jpg")
    assert "0 added, 0 unchanged, 0 skipped, 1 moved, in" in run("add", "shop", images / "000.jpg")


def test_removed_images_are_reported_and_added_with_again(run: Run, folder: Path, images: Path) -> None:
    assert run("remove", "shop", images / "004.jpg", "9") == (
        "removed 5: 004.jpg\nremoved 9: 008.jpg\nshop: 2 removed, 9 left\n"
    )
    output = run("index", "shop", images)
    assert "0 added, 9 unchanged" in output and "left out: 2 removed earlier (--again brings them back)\n" in output
    shutil.copy(images / "004.jpg", folder.parent / "other.jpg")
    before = snapshot(images)
    assert "left out: 1 removed earlier" in run("add", "shop", "--copy", folder.parent / "other.jpg")
    assert snapshot(images) == before  # no copy of what is left out
    assert "1 added" in run("add", "shop", images / "004.jpg", "--again")
    assert "1 added, 10 unchanged" in run("index", "shop", images, "--again")
    assert "removed earlier" not in run("index", "shop", images)
    assert (items(folder)["004.jpg"], items(folder)["008.jpg"]) == (13, 14)


def test_remove_missing_removes_items_whose_images_are_gone(run: Run, folder: Path, images: Path) -> None:
    assert "Give ids or paths" in run("remove", "shop", status=2)
    assert run("remove", "shop", "--missing") == "shop: 0 removed, 11 left\n"
    (images / "004.jpg").unlink()
    assert run("remove", "shop", "--missing") == "removed 5: 004.jpg\nshop: 1 removed, 10 left\n"
    images.rename(folder / "elsewhere")
    before = snapshot(folder)
    assert "is not there. If it was moved: rpf relocate" in run("remove", "shop", "--missing", status=2)
    images.mkdir()
    assert "None of the 10 images" in run("remove", "shop", "--missing", status=2)
    assert snapshot(folder) == before


def test_relocate_of_a_moved_folder_embeds_nothing(run: Run, living: Settings, folder: Path, images: Path) -> None:
    engine = SearchEngine(living)
    new = folder.parent.parent / "my photos"
    images.rename(new)
    with pytest.raises(UnknownItem):
        engine.collection("shop").image_path(engine.collection("shop").item(1))
    assert f"relocate shop '{new}'" in run("index", "shop", new, status=2)
    segments = snapshot(folder / "segments")
    assert run("relocate", "shop", new) == f"shop: 11 items, images in {new}\n"
    collection = engine.collection("shop")  # a site that runs reads it from there
    assert collection.image_path(collection.item(1)) == new / "000.jpg"
    assert snapshot(folder / "segments") == segments
    assert "0 added, 11 unchanged" in run("index", "shop", new)
    assert "0 problems" in run("verify", "shop")
    shutil.move(new, folder / "pictures")
    run("relocate", "shop", folder / "pictures")
    assert Collection.open(folder).manifest.spec.root == "pictures"  # it goes where the collection goes


def test_relocate_to_a_folder_without_the_images_is_refused(
    run: Run, folder: Path, images: Path, wardrobe: dict[Path, dict[str, int]]
) -> None:
    new = folder.parent / "new"
    shutil.copytree(images, new)
    (new / "000.jpg").unlink()
    shutil.copy(list(wardrobe)[30], new / "001.jpg")
    (images / "011.jpg").unlink()
    (new / "011.jpg").unlink()  # missing before as well
    before = snapshot(folder)
    (folder.parent / "empty").mkdir()
    error = run("relocate", "shop", folder.parent / "empty", "--partial", status=2)
    assert "has none of the 11 images" in error and "(000.jpg, 001.jpg, 003.jpg, ...)" in error
    error = run("relocate", "shop", new, status=2)
    assert "lacks 2 of the 11 images" in error and "(000.jpg, 001.jpg)" in error
    assert "There is no folder" in run("relocate", "shop", new / "000.jpg", status=2)
    assert snapshot(folder) == before
    images.rename(folder.parent / "old")  # nobody knows any more what was missing
    assert "lacks 3 of the 11 images" in run("relocate", "shop", new, status=2)
    output = run("relocate", "shop", new, "--partial")
    assert "3 images are missing there or differ" in output and f"index shop {new}`" in output
    assert "1 added, 8 unchanged, 0 skipped, 2 pruned" in run("index", "shop", new, "--prune")
    assert "0 problems" in run("verify", "shop")


def test_links_out_of_the_folder_are_followed_where_the_settings_allow(
    run: Run, living: Settings, folder: Path, images: Path, wardrobe: dict[Path, dict[str, int]]
) -> None:
    archive = folder.parent.parent / "archive"
    archive.mkdir()
    for path in list(wardrobe)[20:22]:
        shutil.copy(path, archive)
    (images / "archive").symlink_to(archive)
    warning = "left out: 1 link into folders that are not in RPF_IMAGE_ROOTS\n"
    assert warning in run("index", "shop", images, "--follow-links")
    allowed = Run(living, RPF_IMAGE_ROOTS=str(archive))
    assert "1 link out of the folder (--follow-links)" in allowed("index", "shop", images)
    assert "2 added, 11 unchanged" in allowed("index", "shop", images, "--follow-links")
    assert "0 added, 2 unchanged" in allowed("add", "shop", images / "archive", "--follow-links")
    engine = SearchEngine(living.model_copy(update={"image_roots": (archive,)}))
    hits = engine.search("shop", SearchRequest(engine.embed(archive / "020.jpg"), {"sleeve_length": 1.0}, k=1)).hits
    assert hits[0].item.path == "archive/020.jpg"
    assert engine.collection("shop").image_path(hits[0].item) == archive / "020.jpg"
    assert "0 problems" in allowed("verify", "shop")
    output = run("verify", "shop", status=1)
    assert "2 items whose image cannot be read: " in output and "not in RPF_IMAGE_ROOTS" in output
