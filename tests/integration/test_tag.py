"""`rpf tag`: its files, and resuming after an interrupt."""

import csv
import json
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rpf.attributes import Vocabulary
from rpf.collection import Collection
from rpf.errors import ConfigError
from rpf.images.decode import open_image
from rpf.inference.load import load_model
from rpf.ingest.tag import Journal, Tag
from rpf.ingest.tag_file import TagFormat, write_tags
from rpf.models.base import TwoBranchModel
from rpf.search.description import describe
from rpf.settings import Settings
from tests.support.commands import Run

COUNT = 20


@pytest.fixture(scope="module")
def run(named_settings: Settings) -> Run:
    return Run(named_settings)


@pytest.fixture
def photos(tmp_path: Path, wardrobe: dict[Path, dict[str, int]]) -> Path:
    """Copy some garments into a folder."""
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    for path in list(wardrobe)[:COUNT]:
        shutil.copy(path, folder / ("more" if path.stem > "010" else ""))
    return folder


def read_csv(path: Path) -> list[dict[str, str]]:
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_tags_of_a_folder_are_those_of_the_model(
    run: Run, photos: Path, tmp_path: Path, named_settings: Settings
) -> None:
    output = run("tag", photos, "--out", tmp_path / "tags.jsonl")
    assert f"{tmp_path / 'tags.jsonl'}: {COUNT} images tagged, 0 of them earlier, 0 skipped" in output
    run("tag", photos, "--out", tmp_path / "tags.csv")
    lines, rows = read_lines(tmp_path / "tags.jsonl"), read_csv(tmp_path / "tags.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos", "tags.csv", "tags.jsonl"]
    assert [line["path"] for line in lines] == [row["path"] for row in rows]
    assert sorted(line["path"] for line in lines) == sorted(
        path.relative_to(photos).as_posix() for path in photos.rglob("*.jpg")
    )
    collection = Collection.open(named_settings.collections / "named")
    by_name = {item.path: item.id for item in collection.items(collection.ids.tolist())}
    for line, row in zip(lines, rows, strict=True):
        assert list(line) == ["path", "attributes"] and list(line["attributes"]) == list(collection.vocabulary.keys)
        item_id = by_name[Path(line["path"]).name]
        presence, values = collection.presence(item_id), collection.values(item_id)
        assert presence is not None and values is not None
        for position, attribute in enumerate(collection.vocabulary):
            tag = line["attributes"][attribute.key]
            assert tag["presence"] == pytest.approx(float(presence[position]), abs=2e-3)
            for name, probability in (tag["values"] or {}).items():
                value = [attribute.value_name(value) for value in range(values.shape[1])].index(name)
                assert probability == pytest.approx(float(values[position, value]), abs=0.01)
            if tag["name"] == "none":
                assert tag["presence"] <= 0.5
                assert (tag["value"], tag["probability"], tag["values"]) == (None, None, None)
            else:
                assert tag["presence"] >= 0.5 and tag["name"] == attribute.value_name(tag["value"])
                assert tag["probability"] == pytest.approx(tag["presence"] * max(tag["values"].values()), abs=2e-4)
            cells = [row[attribute.key], row[f"{attribute.key}_probability"], row[f"{attribute.key}_presence"]]
            assert cells[0] == (tag["name"] or "")
            assert cells[1] == ("" if tag["probability"] is None else str(tag["probability"]))
            assert float(cells[2]) == tag["presence"]


def test_tags_of_a_collection_are_stored_values_without_the_model(
    run: Run, tmp_path: Path, named_settings: Settings
) -> None:
    options = ["--attrs", "sleeve length; collar design", "--language", "vi", "--checkpoint", tmp_path / "none"]
    output = run("tag", "named", "--out", tmp_path / "tags.csv", *options)
    assert output.splitlines()[-1] == f"{tmp_path / 'tags.csv'}: 40 items tagged"
    rows = read_csv(tmp_path / "tags.csv")
    assert list(rows[0])[:5] == [
        "path", "id", "sleeve_length", "sleeve_length_probability", "sleeve_length_presence"
    ]  # fmt: skip
    assert len(list(rows[0])) == 8
    collection = Collection.open(named_settings.collections / "named")
    assert [int(row["id"]) for row in rows] == collection.ids.tolist()
    position, attribute = collection.vocabulary.index("sleeve_length"), collection.vocabulary["sleeve_length"]
    for row, value, probability, presence in zip(
        rows,
        collection.recognised.values[position].tolist(),
        collection.recognised.probabilities[position].tolist(),
        collection.presence_by_attribute[position].tolist(),
        strict=True,
    ):
        assert float(row["sleeve_length_presence"]) == pytest.approx(presence, abs=1e-4)
        assert row["sleeve_length"] == ("không có" if presence < 0.5 else attribute.value_name(value, "vi"))
        if presence >= 0.5:
            assert float(row["sleeve_length_probability"]) == pytest.approx(probability, abs=2e-3)


def test_missing_parts_are_not_embedded(named_settings: Settings, wardrobe: dict[Path, dict[str, int]]) -> None:
    model, images = load_model(named_settings), [open_image(path.read_bytes()) for path in list(wardrobe)[:8]]
    every, present = model.embed(images), model.embed(images, skip_missing=True)
    assert every.presence is not None
    missing = every.presence < 0.5
    assert np.isnan(present.embedding[missing]).any(axis=-1).all() and 0 < missing.mean() < 1
    np.testing.assert_allclose(present.embedding[~missing], every.embedding[~missing], atol=1e-4)


def test_minimal_leaves_out_what_is_unsure(run: Run, tmp_path: Path) -> None:
    run("tag", "named", "--out", tmp_path / "all.jsonl")
    run("tag", "named", "--out", tmp_path / "sure.jsonl", "--minimal", 0.6)
    counts = {"kept": 0, "left out": 0, "none": 0}
    pairs = zip(read_lines(tmp_path / "all.jsonl"), read_lines(tmp_path / "sure.jsonl"), strict=True)
    for every, sure in pairs:
        for key, tag in every["attributes"].items():
            is_sure = 1 - tag["presence"] >= 0.6 if tag["name"] == "none" else tag["probability"] >= 0.6
            nothing = {**tag, "value": None, "name": None, "probability": None}
            assert sure["attributes"][key] == (tag if is_sure else nothing)
            counts["none" if tag["name"] == "none" and is_sure else "kept" if is_sure else "left out"] += 1
    assert min(counts.values()) > 0


def test_interrupted_run_resumes_after_the_last_whole_line(
    run: Run, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("tag", photos, "--out", tmp_path / "whole.csv", "--batch", 4)
    embed, embedded = TwoBranchModel.embed, list[int]()

    def counted(self: TwoBranchModel, images: list[Any], *more: Any, **options: Any) -> Any:
        if threading.current_thread() is threading.main_thread():  # lanes embed the images of a batch one by one
            if len(embedded) == limit:
                raise KeyboardInterrupt
            embedded.append(len(images))
        return embed(self, images, *more, **options)

    monkeypatch.setattr(TwoBranchModel, "embed", counted)
    limit, command = 3, ["tag", photos, "--out", tmp_path / "tags.csv", "--batch", 4]
    assert "run the same command again to resume" in run(*command, status=130, stream="stderr")
    assert not (tmp_path / "tags.csv").exists()
    (partial,) = tmp_path.glob("tags.csv.*.partial")
    lines = partial.read_bytes().splitlines(keepends=True)
    assert len(lines) == 12
    partial.write_bytes(b"".join(lines)[:-7])  # torn
    embedded.clear()
    limit = 99
    assert f"{COUNT} images tagged, 11 of them earlier" in run(*command)
    assert sum(embedded) == COUNT - 11
    assert not partial.exists()
    whole = {row["path"]: row for row in read_csv(tmp_path / "whole.csv")}
    assert {row["path"]: row for row in read_csv(tmp_path / "tags.csv")} == whole


def test_other_attributes_do_not_resume_an_interrupted_run(run: Run, photos: Path, tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / f"tags.csv.{number:08}.partial").write_text('{"path": "a.jpg"}\n')
    run("tag", photos, "--out", tmp_path / "tags.csv", "--attrs", "skirt length")
    assert len(list(tmp_path.glob("*.partial"))) == 2
    assert len(read_csv(tmp_path / "tags.csv")) == COUNT


def test_journal_is_written_by_one_process(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal"), pytest.raises(ConfigError, match="Another process"):
        Journal(tmp_path / "journal")
    with Journal(tmp_path / "journal"):
        pass


def test_unreadable_images_are_listed_with_status_3(run: Run, photos: Path, tmp_path: Path) -> None:
    (photos / "broken.jpg").write_bytes(b"\xff\xd8 no image")
    (photos / "film.mov").touch()
    command = ["tag", photos, "--out", tmp_path / "tags.csv"]
    assert "skipped broken.jpg: " in run(*command, status=3, stream="stderr")
    output = run(*command, status=3)
    assert f"{COUNT} images tagged, 0 of them earlier, 1 skipped" in output and "left out: 1 .mov" in output
    assert len(read_csv(tmp_path / "tags.csv")) == COUNT


def test_formula_characters_of_names_are_quoted(tmp_path: Path) -> None:
    vocabulary = Vocabulary(["=key"])
    tags = [
        Tag(path, None, describe(vocabulary, np.array([1.0]), np.array([[0.0, 1.0]])))
        for path in ("=HYPERLINK(1).jpg", 'a "quoted",\nname.jpg', "+1.jpg")
    ]
    assert write_tags(tmp_path / "tags.csv", tags, TagFormat(list(vocabulary), "en", 0.0, False)) == 3
    rows = read_csv(tmp_path / "tags.csv")
    assert [row["path"] for row in rows] == ["'=HYPERLINK(1).jpg", 'a "quoted",\nname.jpg', "'+1.jpg"]
    assert list(rows[0]) == ["path", "'=key", "'=key_probability", "'=key_presence"]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["tag", "named", "--out", "tags.xlsx"], "must end in .csv or .jsonl"),
        (["tag", "no-such", "--out", "tags.csv"], 'neither a collection nor a folder named "no-such"'),
        (["tag", "named", "--out", "tags.csv", "--attrs", "zebra"], "zebra"),
        (["tag", "named", "--out", "tags.csv", "--minimal", "2"], "--minimal"),
        (["tag", "empty", "--out", "tags.csv"], "holds no images, but 1 .txt"),
    ],
)
def test_tag_with_wrong_arguments_fails_with_one_line(
    run: Run, tmp_path: Path, args: list[str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "a.txt").touch()
    assert words in run(*args, status=2)
    assert not list(tmp_path.glob("tags*"))


def test_tag_without_known_values_names_the_command_that_finds_them(
    settings: Settings, photos: Path, tmp_path: Path
) -> None:
    without = Run(settings)
    assert "rpf optimize tiny" in without("tag", "tiny", "--out", tmp_path / "tags.csv", status=2)
    assert "rpf fit-values" in without("tag", photos, "--out", tmp_path / "tags.csv", status=2)
