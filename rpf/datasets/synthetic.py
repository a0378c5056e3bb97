"""Synthetic datasets: drawn garments as a folder of images, or with annotation files in FashionAI's layout."""

import io
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from rpf.errors import DatasetError
from rpf.utils.files import write_atomic
from rpf.utils.progress import Progress
from wardrobe import VERSION, describe, draw
from wardrobe.spec import ATTRIBUTES

RECIPE_FILE = "wardrobe.json"  # the recipe, beside the images drawn with it
SPLIT_SHARES = {"train": 0.8, "valid": 0.1, "test": 0.1}
QUERY_POSITIONS = (1, 3)  # which of every five images with a value are queries; the others are candidates


@dataclass(frozen=True)
class Recipe:
    """Seeds and size of the drawn garments: `count` seeds from `first` on. Equal recipes give equal files."""

    count: int
    first: int = 0
    size: int = 400  # pixels of the longer side
    version: int = VERSION

    @property
    def seeds(self) -> range:
        return range(self.first, self.first + self.count)

    def drew(self, folder: Path) -> bool:
        """Tell whether the folder is of this recipe; its images may still be incomplete."""
        try:
            # The code before images were of the studio only wrote "plain" too, true for those.
            return json.loads((folder / RECIPE_FILE).read_bytes()) in (asdict(self), asdict(self) | {"plain": True})
        except (OSError, ValueError):
            return False

    def write(self, folder: Path) -> None:
        write_atomic(folder / RECIPE_FILE, json.dumps(asdict(self)).encode())


def image_name(seed: int) -> str:
    return f"{seed:05}.jpg"


def draw_images(folder: Path, recipe: Recipe, progress: Progress, workers: int = 1) -> None:
    """Draw the recipe's garments into a folder, as `image_name(seed)`; existing ones stay.

    Raises DatasetError, and changes nothing, if the folder contains anything else.
    """
    if not recipe.drew(folder):
        _require_empty(folder)
        folder.mkdir(parents=True, exist_ok=True)
        recipe.write(folder)
    todo = [seed for seed in recipe.seeds if not (folder / image_name(seed)).exists()]
    existing = recipe.count - len(todo)
    work = partial(_draw_one, folder, recipe)
    progress("drawing", existing, recipe.count)
    with ExitStack() as stack:
        results: Iterable[None] = map(work, todo)
        if workers > 1:  # spawned: a fork would copy the caller's locks without its threads
            pool = stack.enter_context(ProcessPoolExecutor(workers, mp_context=get_context("spawn")))
            results = pool.map(work, todo, chunksize=8)
        for done, _ in enumerate(results, start=existing + 1):
            progress("drawing", done, recipe.count)


def _require_empty(folder: Path) -> None:
    if folder.is_dir() and any(folder.iterdir()):
        raise DatasetError(
            '"%(path)s" contains other files; give a new folder, or the settings that it was drawn with.', path=folder
        )


def _draw_one(folder: Path, recipe: Recipe, seed: int) -> None:
    out = io.BytesIO()
    draw(seed, recipe.size).image.save(out, "JPEG", quality=92)
    write_atomic(folder / image_name(seed), out.getvalue())


def write_dataset(folder: Path, recipe: Recipe, progress: Progress, workers: int = 1) -> None:
    """Draw a dataset: images in images/, and the annotation files of train, valid and test beside it.

    `absent_*.txt` has a line `id attr` for each missing part. The annotations are written last; a repeated call
    resumes an interrupted one. Raises DatasetError as `draw_images`.
    """
    if not recipe.drew(folder / "images"):
        _require_empty(folder)
    draw_images(folder / "images", recipe, progress, workers)
    start = recipe.first
    for split, share in SPLIT_SHARES.items():
        end = recipe.seeds.stop if split == "test" else start + round(share * recipe.count)
        _annotate(folder, split, range(start, end))
        start = end


def _annotate(folder: Path, split: str, seeds: Sequence[int]) -> None:
    garments = [describe(seed) for seed in seeds]
    lines: dict[str, list[str]] = {f"filenames_{split}.txt": [f"images/{image_name(seed)}" for seed in seeds]}
    absent = [(i, ATTRIBUTES.index(a)) for i, g in enumerate(garments) for a in ATTRIBUTES if a in g.missing]
    lines[f"absent_{split}.txt"] = [f"{i} {a}" for i, a in absent]
    labels = [[(ATTRIBUTES.index(a), value) for a, value in g.values.items()] for g in garments]
    if split == "train":
        lines["label_train.txt"] = [
            f"{i} " + " ".join(f"{a} {value}" for a, value in pairs) for i, pairs in enumerate(labels) if pairs
        ]
    else:
        queries: list[str] = []
        candidates: list[str] = []
        lines |= {f"query_{split}.txt": queries, f"candidate_{split}.txt": candidates}
        counts: Counter[tuple[int, int]] = Counter()
        for i, pairs in enumerate(labels):
            for a, value in pairs:
                (queries if counts[a, value] % 5 in QUERY_POSITIONS else candidates).append(f"{i} {a} {value}")
                counts[a, value] += 1
    for name, text in lines.items():
        write_atomic(folder / name, "".join(f"{line}\n" for line in text).encode())
