"""Small datasets in the layout of FashionAI, DARN and DeepFashion: read, trained on and evaluated.

The published config files are used as they are, but for the sizes of the model and of the training.
"""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rpf import config
from rpf.cli import main
from rpf.datasets.annotations import missing_images, read_split
from rpf.evaluation.protocol import read_benchmark
from rpf.settings import Settings
from tests.support import ROOT
from tests.support.commands import Run

CONFIGS = ROOT / "config"
SPLITS = {"train": range(0, 24), "valid": range(24, 32), "test": range(32, 40)}
TINY = """
    MODEL.EMBED_SIZE=256 MODEL.ATTRIBUTE.EMBED_SIZE=32 MODEL.GLOBAL.BACKBONE.NAME=resnet18
    MODEL.GLOBAL.BACKBONE.EMBED_SIZE=256 MODEL.GLOBAL.ATTENTION.SPATIAL.COMMON_EMBED_SIZE=32
    MODEL.TRANSFORMER.EMBED_SIZE=32 MODEL.TRANSFORMER.NUM_LAYERS=1 MODEL.TRANSFORMER.NUM_HEADS=2
    MODEL.TRANSFORMER.CROSS_NUM_HEADS=2 MODEL.TRANSFORMER.MLP_DIM=64 INPUT.GLOBAL_SIZE=48 INPUT.LOCAL_SIZE=32
    DATA.NUM_TRIPLETS=8 DATA.TRAIN_BATCHSIZE=4 DATA.NUM_WORKERS=0 SOLVER.EPOCHS=1
"""

Pairs = list[tuple[int, int]]  # attribute, value


class PublishedLayout:
    """Published layout with drawn garments: 24 images for training, 8 valid, 8 test, file names with spaces.

    Every image has two attributes, with three of the values that the config gives them, the highest too; DeepFashion's
    have two values of one attribute, in all files.
    """

    def __init__(self, name: str, base: Path, photos: list[Path]) -> None:
        self.name, self.base, self.folder = name, base, base / name
        self.data = config.load([CONFIGS / name / f"{name}.yaml"], [f"DATA.BASE_PATH={base}"]).DATA
        self.labels = {split: [self._pairs(image) for image in images] for split, images in SPLITS.items()}
        for split, images in SPLITS.items():
            paths = [f"Img/a garment/{split} {image}.jpg" for image in images]
            self._write(f"filenames_{split}.txt", paths)
            (self.folder / paths[0]).parent.mkdir(exist_ok=True, parents=True)
            for path, image in zip(paths, images, strict=True):
                shutil.copy(photos[image], self.folder / path)
        train = [" ".join(f"{a} {value}" for a, value in pairs) for pairs in self.labels["train"]]
        self._write("label_train.txt", [f"{image} {pairs}" for image, pairs in enumerate(train)])
        for split in ("valid", "test"):
            lines = [(image, pair) for image, pairs in enumerate(self.labels[split]) for pair in pairs]
            for side, parity in (("query", 0), ("candidate", 1)):
                labels = [f"{image} {a} {value}" for image, (a, value) in lines if image % 2 == parity]
                self._write(f"{side}_{split}.txt", labels)

    def _pairs(self, image: int) -> Pairs:
        counts = self.data.ATTRIBUTES.NUM
        pairs = []
        for attribute in (image // 2 % 2, 2 + image // 2 % (len(counts) - 2)):
            values = [0, 1, counts[attribute] - 1]
            pairs.append((attribute, values[image // 4 % 3]))
            if self.name == "DeepFashion":
                pairs.append((attribute, values[(image // 4 + 1) % 3]))
        return pairs

    def _write(self, name: str, lines: list[str]) -> None:
        self.folder.mkdir(exist_ok=True)
        (self.folder / name).write_text("".join(f"{line}\n" for line in lines))

    def run(self, command: str, stage: int, *more: object) -> Result:
        files = [CONFIGS / self.name / f"{self.name}.yaml", CONFIGS / self.name / f"s{stage}.yaml"]
        settings = [f"DATA.BASE_PATH={self.base}", f"SAVE_DIR={self.base / 'runs'}", *TINY.split()]
        return CliRunner().invoke(main, list(map(str, [command, "--cfg", *files, "--set", *settings, *more])))


@pytest.fixture(params=["FashionAI", "DARN", "DeepFashion"])
def layout(request: pytest.FixtureRequest, tmp_path: Path, wardrobe: dict[Path, dict[str, int]]) -> PublishedLayout:
    return PublishedLayout(request.param, tmp_path, list(wardrobe))


def test_published_layout_is_read_with_all_labels(layout: PublishedLayout) -> None:
    names = layout.data.ATTRIBUTES.NAME
    for split in SPLITS:
        items = read_split(layout.folder, layout.data, split)
        assert [sorted(item.pairs()) for item in items] == [
            sorted((names[attribute], value) for attribute, value in pairs) for pairs in layout.labels[split]
        ]
        assert missing_images(layout.folder, items) == []
    several = any(item.more_labels for item in items)
    assert several == (layout.name == "DeepFashion")


def test_image_is_a_candidate_for_each_of_its_values(layout: PublishedLayout) -> None:
    benchmark = read_benchmark(layout.data, "test")
    for attribute, task in enumerate(benchmark.tasks):
        for side, parity in ((task.queries, 0), (task.candidates, 1)):
            expected = [
                (f"test {SPLITS['test'][image]}.jpg", value)
                for image, pairs in enumerate(layout.labels["test"])
                for a, value in pairs
                if a == attribute and image % 2 == parity
            ]
            read = [(benchmark.paths[at].name, value) for at, value in zip(side.images, side.values, strict=True)]
            assert read == expected


def test_index_names_missing_images(layout: PublishedLayout, settings: Settings) -> None:
    lost = [layout.folder / "Img" / "a garment" / f"test {image}.jpg" for image in (33, 34, 35, 36)]
    for path in lost:
        path.unlink()
    run = Run(settings.model_copy(update={"collections": layout.base / "collections"}))
    cfg = CONFIGS / layout.name / f"{layout.name}.yaml"
    command = ["index", "photos", "--dataset", cfg, "--split", "test", "--set", f"DATA.BASE_PATH={layout.base}"]
    output = run(*command, stream="stderr")
    examples = ", ".join(str(path.relative_to(layout.folder)) for path in lost[:3])
    assert f"Left out: 4 missing ({examples}, ...)." in output


def test_published_layout_trains_both_stages_and_evaluates(layout: PublishedLayout) -> None:
    gone = layout.folder / "Img" / "a garment" / "train 5.jpg"
    gone.rename(gone.with_suffix(".away"))
    refused = layout.run("train", 1, "--from-scratch")
    assert refused.exit_code == 2
    assert "1 of the 32 images cannot be used: 1 missing" in refused.stderr
    assert "Img/a garment/train 5.jpg" in refused.stderr
    gone.with_suffix(".away").rename(gone)
    for stage in (1, 2):
        trained = layout.run("train", stage, "--from-scratch")
        assert trained.exit_code == 0, trained.output
    best = layout.base / "runs" / f"{layout.name}_s2" / "model_best.safetensors"
    done = layout.run("evaluate", 2, "--checkpoint", best, "--methods", "none", "--out", layout.base / "report")
    assert done.exit_code == 0, done.output
    report = json.loads((layout.base / "report" / "report.json").read_text())
    assert report["dataset"] == layout.name
    assert list(report["queries"]) == list(layout.data.ATTRIBUTES.NAME)
    for side, parity in (("queries", 0), ("candidates", 1)):
        lines = [pair for image, pairs in enumerate(layout.labels["test"]) for pair in pairs if image % 2 == parity]
        assert list(report[side].values()) == [
            sum(attribute == expected for attribute, _ in lines) for expected in range(layout.data.NUM_ATTRIBUTES)
        ]
    assert 0 < report["methods"]["none"]["MAP"]["overall"] <= 1
