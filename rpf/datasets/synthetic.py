"""Drawn garments as files: a folder of pictures, or a labelled dataset in the layout of FashionAI's."""

import io
import json
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

RECIPE = "wardrobe.json"  # beside the pictures: what they were drawn with
SPLITS = {"train": 0.8, "valid": 0.1, "test": 0.1}
QUERIES = (1, 3)  # of every five pictures with a value, these places are queries and the others candidates


@dataclass(frozen=True)
class Recipe:
    """Which garments are drawn, and how: those of the seeds from `first` on. Two equal recipes give equal files."""

    count: int
    first: int = 0
    size: int = 400  # pixels of the longer side
    plain: bool = True
    version: int = VERSION

    @property
    def seeds(self) -> range:
        return range(self.first, self.first + self.count)

    @staticmethod
    def is_in(folder: Path) -> bool:
        """Whether the folder's pictures were drawn, with whatever recipe."""
        return (folder / RECIPE).is_file()

    def drew(self, folder: Path) -> bool:
        """Whether the folder's pictures, as far as there are any, were drawn with this recipe."""
        try:
            return json.loads((folder / RECIPE).read_bytes()) == asdict(self)
        except (OSError, ValueError):
            return False

    def write(self, folder: Path) -> None:
        write_atomic(folder / RECIPE, json.dumps(asdict(self)).encode())


def name_of(seed: int) -> str:
    return f"{seed:05}.jpg"


def draw_pictures(folder: Path, recipe: Recipe, progress: Progress, workers: int = 1) -> None:
    """Draw the recipe's garments into a folder, `name_of(seed)` each; those that are there already are kept.

    Raises DatasetError, and changes nothing, where the folder holds anything that this recipe has not drawn.
    """
    _claim(folder, recipe)
    todo = [seed for seed in recipe.seeds if not (folder / name_of(seed)).exists()]
    there = recipe.count - len(todo)
    work = partial(_draw_one, folder, recipe)
    progress("drawing", there, recipe.count)
    with ExitStack() as stack:
        drawn: Iterable[None] = map(work, todo)
        if workers > 1:  # spawned, because a fork would copy a caller's threads half
            pool = stack.enter_context(ProcessPoolExecutor(workers, mp_context=get_context("spawn")))
            drawn = pool.map(work, todo, chunksize=8)
        for done, _ in enumerate(drawn, start=there + 1):
            progress("drawing", done, recipe.count)


def _claim(folder: Path, recipe: Recipe) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if recipe.drew(folder):
        return
    if any(folder.iterdir()):
        raise _taken(folder)
    recipe.write(folder)


def _taken(folder: Path) -> DatasetError:
    template = "%(path)s holds something else already; give a new folder, or the settings it was drawn with."
    return DatasetError(template, path=folder)


def _draw_one(folder: Path, recipe: Recipe, seed: int) -> None:
    out = io.BytesIO()
    draw(seed, recipe.size, recipe.plain).image.save(out, "JPEG", quality=92)
    write_atomic(folder / name_of(seed), out.getvalue())


def write_dataset(folder: Path, recipe: Recipe, progress: Progress, workers: int = 1) -> None:
    """Draw a dataset: pictures in images/, and the annotation files of train, valid and test beside it.

    `absent_*.txt` has a line `id attr` where a garment has no such part. The annotations are written last. The same
    call goes on where it was stopped. Raises DatasetError as `draw_pictures` does.
    """
    if folder.is_dir() and any(folder.iterdir()) and not recipe.drew(folder / "images"):
        raise _taken(folder)
    draw_pictures(folder / "images", recipe, progress, workers)
    start = recipe.first
    for split, share in SPLITS.items():
        end = recipe.seeds.stop if split == "test" else start + round(share * recipe.count)
        _annotate(folder, split, range(start, end), recipe.plain)
        start = end


def _annotate(folder: Path, split: str, seeds: Sequence[int], plain: bool) -> None:
    garments = [describe(seed, plain) for seed in seeds]
    lines: dict[str, list[str]] = {f"filenames_{split}.txt": [f"images/{name_of(seed)}" for seed in seeds]}
    absent = [(i, ATTRIBUTES.index(a)) for i, g in enumerate(garments) for a in ATTRIBUTES if a in g.missing]
    lines[f"absent_{split}.txt"] = [f"{i} {a}" for i, a in absent]
    labels = [[(ATTRIBUTES.index(a), value) for a, value in g.labels.items()] for g in garments]
    if split == "train":
        lines["label_train.txt"] = [
            f"{i} " + " ".join(f"{a} {value}" for a, value in own) for i, own in enumerate(labels) if own
        ]
    else:
        queries: list[str] = []
        candidates: list[str] = []
        lines |= {f"query_{split}.txt": queries, f"candidate_{split}.txt": candidates}
        seen: dict[tuple[int, int], int] = {}
        for i, own in enumerate(labels):
            for a, value in own:
                nth = seen[a, value] = seen.get((a, value), -1) + 1
                (queries if nth % 5 in QUERIES else candidates).append(f"{i} {a} {value}")
    for name, text in lines.items():
        write_atomic(folder / name, "".join(f"{line}\n" for line in text).encode())
