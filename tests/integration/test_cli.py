import json
import os
import re
import subprocess
import sys
from pathlib import Path

import h5py
import joblib
import numpy as np
import pytest
import torch

from rpf.collection import Collection
from rpf.models import checkpoint
from rpf.settings import Settings
from tests.support import ROOT
from tests.support.commands import Run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tiny_checkpoint: Path) -> Run:
    base = tmp_path_factory.mktemp("cli")
    return Run(
        Settings(
            collections=base / "collections", collection="shop", checkpoint=tiny_checkpoint, instance=base / "instance"
        )
    )


@pytest.fixture(scope="module")
def shop(run: Run, wardrobe: dict[Path, dict[str, int]]) -> str:
    root = next(iter(wardrobe)).parent
    (root / "broken.jpg").write_bytes(b"\xff\xd8 not an image")
    try:
        output = run("index", "shop", root, status=3)
    finally:
        (root / "broken.jpg").unlink()
    assert "40 added, 0 unchanged, 1 skipped" in output
    return "shop"


def test_index_again_leaves_unchanged_images(run: Run, shop: str, wardrobe: dict[Path, dict[str, int]]) -> None:
    assert "0 added, 40 unchanged, 0 skipped" in run("index", shop, next(iter(wardrobe)).parent)


def test_index_of_a_datasets_split_keeps_its_labels(run: Run, tmp_path: Path, photo: Path) -> None:
    (tmp_path / "clothing" / "images").mkdir(parents=True)
    files = {"filenames_test.txt": "images/a.jpg\nimages/b.jpg\n", "query_test.txt": "0 1 7\n"}
    files |= {"candidate_test.txt": "1 1 3\n1 6 7\n"}
    for name, text in files.items():
        (tmp_path / "clothing" / name).write_text(text)
    (tmp_path / "clothing" / "images" / "b.jpg").write_bytes(photo.read_bytes())
    config = ["--dataset", ROOT / "config" / "Clothing" / "Clothing.yaml", "--set", f"DATA.BASE_PATH={tmp_path}"]
    assert "1 added" in run("index", "labelled", *config, "--split", "test")
    collection = Collection.open(run.settings.collections / "labelled")
    assert collection.item(1).labels == {"sleeve_length": 3, "neckline_design": 7}
    assert "filenames_train.txt" in run("index", "labelled", *config, status=2)


def test_search_prints_a_table_and_json(run: Run, shop: str, photo: Path) -> None:
    lines = run("search", shop, photo, "--attrs", "sleeve length; collar design", "-k", 3).splitlines()
    assert len(lines) == 4
    assert lines[1].split()[-1] == photo.name
    answer = json.loads(run("search", shop, photo, "--attrs", "độ dài tay", "-k", 3, "--json"))
    assert answer["attributes"] == ["sleeve_length"]
    assert answer["results"][0]["path"] == photo.name


def test_search_by_values_and_filters_prints_what_is_recognised(named_settings: Settings, photo: Path) -> None:
    run, collection = Run(named_settings), Collection.open(named_settings.collections / "named")
    position, sleeves = collection.vocabulary.index("sleeve_length"), collection.vocabulary["sleeve_length"]
    values, probabilities = (array[position] for array in collection.recognised)
    value = int(np.bincount(values[probabilities >= 0.5]).argmax())
    wanted, attrs = sleeves.value_name(value), f"{sleeves.value_name(value)}; collar design"
    plain = json.loads(run("search", "named", photo, "--attrs", "sleeve length; collar design", "-k", 40, "--json"))
    passing = ["--filter", f"sleeve length: {wanted}"]
    answer = json.loads(run("search", "named", photo, "--attrs", attrs, *passing, "-k", 40, "--json"))
    assert answer["attributes"] == plain["attributes"] == ["sleeve_length", "collar_design"]
    assert answer["total"] == len(answer["results"]) == ((values == value) & (probabilities >= 0.5)).sum() < 40
    for hit in answer["results"]:
        assert hit["values"]["sleeve_length"]["name"] == wanted and not {"sleeve_length"} & set(hit["missing"])
        assert hit["values"]["sleeve_length"]["probability"] >= 0.5
    before = {hit["id"]: hit["attributes"] for hit in plain["results"]}
    for hit in answer["results"]:
        assert hit["attributes"]["collar_design"] == pytest.approx(before[hit["id"]]["collar_design"], abs=1e-5)
    lines = run("search", "named", "--attrs", wanted, *passing, "-k", 3).splitlines()
    assert lines[0].split() == ["rank", "similarity", "id", "image", "recognised"]
    assert len(lines) == 4 and all(re.search(rf"\.jpg  {wanted} \d+%$", line) for line in lines[1:])
    more = json.loads(run("search", "named", "--attrs", wanted, *passing, "--minimal", 0.95, "-k", 40, "--json"))
    assert more["total"] == ((values == value) & (probabilities >= np.float16(0.95))).sum()


def test_search_without_an_image_needs_wanted_values(named_settings: Settings, photo: Path) -> None:
    run = Run(named_settings)
    error = run("search", "named", "--attrs", "long sleeves; collar design", status=2)
    assert "Give an image, or a wanted value of collar_design" in error
    error = run("search", "named", photo, "--attrs", "collar design", "--filter", "sleeve length", status=2)
    assert 'The filter "sleeve length" names no value' in error


def test_search_of_an_unknown_collection_names_the_existing_ones(run: Run, shop: str, photo: Path) -> None:
    error = run("search", "shpo", photo, "--attrs", "sleeve length", status=2)
    assert 'There is no collection named "shpo"; there are ' in error and shop in error


def test_verify_with_another_checkpoint_prints_a_note(
    run: Run, shop: str, tmp_path: Path, tiny_checkpoint: Path
) -> None:
    (tmp_path / "other.safetensors").write_bytes(tiny_checkpoint.read_bytes() + b" ")
    other = run("verify", shop, "--checkpoint", tmp_path / "other.safetensors", stream="stderr")
    assert "note: shop was made with another checkpoint" in other
    assert "note: " not in run("verify", shop, stream="stderr")


def test_embed_writes_the_arrays(run: Run, photo: Path, tmp_path: Path) -> None:
    run("embed", "--out", tmp_path / "e.npz", photo, photo)
    with np.load(tmp_path / "e.npz", allow_pickle=False) as arrays:
        shapes = {name: arrays[name].shape for name in arrays}
    assert shapes == {
        "files": (2,),
        "region": (2, 8, 256),
        "patch": (2, 8, 256),
        "attention": (2, 8, 6, 6),
        "box": (2, 8, 4),
        "embedding": (2, 8, 512),
    }


def test_embed_takes_several_configs_after_one_flag(run: Run, photo: Path, tmp_path: Path) -> None:
    configs = [ROOT / "config" / "FashionAI" / name for name in ("FashionAI.yaml", "s2.yaml")]
    run("embed", "--cfg", *configs, "--out", tmp_path / "e.npz", photo)
    error = run("embed", "--cfg", tmp_path / "none.yaml", "--out", tmp_path / "e.npz", photo, status=2)
    assert "none.yaml" in error


def test_export_halves_a_checkpoint_and_changes_its_settings(run: Run, tmp_path: Path, tiny_checkpoint: Path) -> None:
    out = tmp_path / "half.safetensors"
    assert "MB" in run("export", "--fp16", "--set", "SOLVER.BETA=0.9", "--note", "Halved.", "--out", out)
    old, new = checkpoint.load(tiny_checkpoint), checkpoint.load(out)
    assert out.stat().st_size < 0.6 * tiny_checkpoint.stat().st_size
    assert (new.config.SOLVER.BETA, new.note) == (0.9, "Halved.")
    for name, tensor in old.state_dict().items():
        torch.testing.assert_close(new.state_dict()[name], tensor, rtol=1e-3, atol=1e-5)


def test_import_legacy_makes_a_searchable_collection(run: Run, tmp_path: Path, photo: Path) -> None:
    rng = np.random.default_rng(0)
    ids = np.array([2, 5, 9, 11], dtype=np.int64)
    with h5py.File(tmp_path / "data.h5", "w") as file:
        for attribute in range(8):
            vectors = rng.standard_normal((4, 2048)).astype(np.float32)
            file[f"attr{attribute}"] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    joblib.dump(ids, tmp_path / "c_idxs.npy")
    (tmp_path / "filenames_test.txt").write_text("".join(f"images/{n}.jpg\n" for n in range(12)))
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "5.jpg").write_bytes(photo.read_bytes())
    files = ["--embeddings", tmp_path / "data.h5", "--ids", tmp_path / "c_idxs.npy"]
    names = ["--filenames", tmp_path / "filenames_test.txt", "--images", tmp_path]
    assert "4 items imported" in run("import-legacy", "old", *files, *names)
    assert "already" in run("import-legacy", "old", *files, *names, status=2)
    assert "imported without its checkpoint" in run("search", "old", photo, "--attrs", "sleeve length", status=2)


def test_doctor_lists_versions_device_and_collections(run: Run, shop: str) -> None:
    output = run("doctor")
    for word in ("torch", "checkpoint", "device", "float", "shop (default): 40 items; missing attributes"):
        assert word in output
    assert re.search("^site +RPF Fashion Search$", output, re.M)


def test_doctor_tells_what_is_wrong_with_the_sites_settings(run: Run, tmp_path: Path) -> None:
    logo = tmp_path / "logo.svg"
    output = Run(run.settings, RPF_SITE_LOGO=str(logo))("doctor", status=1)
    wrong = f'RPF_SITE_LOGO must be a file that can be read (No such file or directory), not "{logo}".'
    assert re.search(f"^site +{re.escape(wrong)}$", output, re.M)


@pytest.mark.parametrize(
    "args, expected",
    [
        (["index", "shop"], "FOLDER"),
        (["index", "../x", "."], "name"),
        (["index", "shop", "nowhere"], "nowhere"),
        (["search", "none", "a.jpg", "--attrs", "sleeves"], "none"),
        (["search", "shop", "missing.jpg", "--attrs", "sleeves"], "missing.jpg"),
        (["search", "shop", "missing.jpg", "--attrs", "hat"], "hat"),
        (["search", "shop", "a.jpg"], "--attrs"),
        (["search", "shop", "a.jpg", "--attrs", "sleeves", "-k", "0"], "-k"),
        (["embed", "--out", "e.npz", "missing.jpg"], "missing.jpg"),
        (["embed", "--checkpoint", "none.safetensors", "--out", "e.npz", "a.jpg"], "none.safetensors"),
        (["export", "--out", "model.pth"], ".safetensors"),
        (["export", "--out", "m.safetensors", "--set", "MODEL.EMBED_SIZE=8"], "MODEL.EMBED_SIZE"),
        (["export", "--out", "m.safetensors", "--set", "INPUT.LOCAL_SIZE=64"], "do not fit"),
        (["nonsense"], "nonsense"),
    ],
)
def test_command_with_wrong_arguments_fails_with_one_line(run: Run, shop: str, args: list[str], expected: str) -> None:
    error = run(*args, status=2)
    assert expected in error
    assert len([line for line in error.splitlines() if line.startswith("Error: ")]) == 1


def test_python_m_rpf_runs_the_command_line(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "rpf", "nonsense"], env=env, cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (2, "Error: No such command 'nonsense'.\n")


@pytest.mark.parametrize("name, value", [("RPF_THREADS", "two"), ("RPF_DEVICE", "abacus"), ("RPF_DEVICE", "cuda:99")])
def test_wrong_setting_is_named(run: Run, shop: str, photo: Path, name: str, value: str) -> None:
    wrong = Run(run.settings, **{name: value})
    assert value in wrong("search", shop, photo, "--attrs", "sleeves", status=2)


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RPF_COLLECTION", "shop")
    monkeypatch.setenv("RPF_IMAGE_ROOTS", os.pathsep.join([str(tmp_path), "/somewhere"]))
    settings = Settings.from_environ()
    assert settings.collection == "shop"
    assert settings.image_roots == (tmp_path, Path("/somewhere"))


def test_wardrobe_writes_a_dataset_that_can_be_indexed(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "wardrobe"
    output = run("wardrobe", "--count", 12, "--out", out, "--size", 64, "--sheet", "--workers", 1)
    assert output.splitlines() == [f"{out}: 12 garments", str(out / "sheet-01.jpg")]
    config = ROOT / "config" / "Wardrobe" / "Wardrobe.yaml"
    assert "12 added" in run("index", "drawn", "--dataset", config, "--set", f"DATA.BASE_PATH={tmp_path}")
    collection = Collection.open(run.settings.collections / "drawn")
    assert any(collection.item(int(id)).labels for id in collection.ids)
    assert "give a new folder" in run("wardrobe", "--count", 13, "--out", out, status=2)


def test_embed_to_a_path_that_cannot_be_written_is_refused_before_the_work(
    run: Run, photo: Path, tmp_path: Path
) -> None:
    assert "give the name of a file" in run("embed", "--out", tmp_path, "missing.jpg", status=2)
    (tmp_path / "file").touch()
    assert f"{tmp_path / 'file'} is not a folder" in run("embed", "--out", tmp_path / "file/E.npz", photo, status=2)
    run("embed", "--out", tmp_path / "new" / "E.npz", photo)


def test_command_with_an_unreadable_image_names_it(run: Run, shop: str, photo: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.jpg"
    empty.touch()
    wanted = f"{empty}: The file is empty."
    assert wanted in run("search", shop, empty, "--attrs", "sleeve length", status=2)
    assert wanted in run("embed", "--out", tmp_path / "E.npz", photo, empty, status=2)


def test_file_that_is_no_checkpoint_is_refused_without_unsafe_advice(run: Run, shop: str, photo: Path) -> None:
    error = run("search", shop, photo, "--attrs", "sleeve length", "--checkpoint", ROOT / "README.md", status=2)
    assert "README.md cannot be read safely" in error
    assert len(error) < 200 and "weights_only" not in error
