"""Annotation files of a dataset, in the published layout of FashionAI, DARN and DeepFashion.

Each file lists images or labels. The first line may be the number of entries and the second column names, as in
DeepFashion's files; image ids count entries.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple

from rpf.config import AttributesConfig, DataConfig
from rpf.errors import DatasetError

SPLITS = ("train", "valid", "test", "all")


@dataclass(frozen=True)
class LabelledImage:
    """An image's path below the dataset's folder, and its labels: attribute key -> value.

    DeepFashion's images may have several values of an attribute: `labels` has the first, `more_labels` the others.
    """

    path: str
    labels: dict[str, int]
    more_labels: list[tuple[str, int]] = field(default_factory=list)

    def pairs(self) -> list[tuple[str, int]]:
        """List all attribute keys and values, each pair once."""
        return [*self.labels.items(), *self.more_labels]


class Label(NamedTuple):
    """A line of a query or candidate file; all three fields count from 0."""

    image: int
    attribute: int
    value: int


class RetrievalSplit(NamedTuple):
    """The images of a split, and its queries and candidates in the order of their files."""

    images: list[LabelledImage]
    queries: list[Label]
    candidates: list[Label]


def read_split(folder: Path, data: DataConfig, split: str) -> list[LabelledImage]:
    """Read the images of a split, in the order of their ids; "all" is train, valid and test in that order.

    Labels of train come from its label file, those of valid and test from their queries and candidates. Raises
    DatasetError that names file and line.
    """
    if split == "train":
        images = _images(folder / data.PATH_FILE.TRAIN, folder)
        _labels(folder / data.GROUNDTRUTH.TRAIN, images, data.ATTRIBUTES, pairs=True)
        return images
    if split in ("valid", "test"):
        return read_retrieval_split(folder, data, split).images
    if split == "all":
        return [image for part in ("train", "valid", "test") for image in read_split(folder, data, part)]
    raise DatasetError('There is no split "%(split)s"; there are %(splits)s.', split=split, splits=", ".join(SPLITS))


def read_retrieval_split(folder: Path, data: DataConfig, split: str) -> RetrievalSplit:
    """Read the queries and candidates of valid or test; opens no other split's file. Raises as `read_split`."""
    files, truth = data.PATH_FILE, data.GROUNDTRUTH
    names = {
        "valid": (files.VALID, truth.QUERY.VALID, truth.CANDIDATE.VALID),
        "test": (files.TEST, truth.QUERY.TEST, truth.CANDIDATE.TEST),
    }
    if split not in names:
        raise DatasetError('The split "%(split)s" has no queries; choose valid or test.', split=split)
    image_file, query_file, candidate_file = (folder / name for name in names[split])
    images = _images(image_file, folder)
    queries = _labels(query_file, images, data.ATTRIBUTES)
    return RetrievalSplit(images, queries, _labels(candidate_file, images, data.ATTRIBUTES))


def read_presence(folder: Path, data: DataConfig, split: str) -> list[dict[str, bool]]:
    """Read for each image of a split which parts are present (attribute key -> bool), where known.

    A part with a value is present; the optional absent_<split>.txt has a line `id attr` for each missing part. Raises
    as `read_split`, also for an image with a value of a missing part.
    """
    images = read_split(folder, data, split)
    presence = [dict.fromkeys(image.labels, True) for image in images]
    file = folder / f"absent_{split}.txt"
    for number, line in _entries(file) if file.exists() else ():
        with _named(file, number):
            row, attribute = _numbers(line, "id and attribute", 2)
            key = _attribute(images, data.ATTRIBUTES, row, attribute)
            if presence[row].setdefault(key, False):
                raise ValueError(f"{key} of image {row} is missing here, but has the value {images[row].labels[key]}")
    return presence


def missing_images(folder: Path, images: Iterable[LabelledImage]) -> list[str]:
    """List the paths of missing image files, each once, in the order of `images`.

    Raises DatasetError if a path leads out of the folder, also by symbolic links.
    """
    root = folder.resolve()
    missing: dict[str, None] = {}
    for image in images:
        if not _is_inside(image.path) or not Path(os.path.realpath(root / image.path)).is_relative_to(root):
            raise DatasetError("%(path)s leads out of the dataset's folder.", path=image.path)
        if not os.path.isfile(root / image.path):
            missing[image.path] = None
    return list(missing)


def _images(file: Path, folder: Path) -> list[LabelledImage]:
    """Read the paths of images below the folder; no labels yet."""
    lines: dict[PurePosixPath, int] = {}
    images = []
    for number, line in _entries(file):
        with _named(file, number):
            path = _path(line.strip(), folder)
            if (first := lines.setdefault(PurePosixPath(path), number)) != number:
                raise ValueError(f'"{path}" is named in line {first} already')
            images.append(LabelledImage(path, {}))
    return images


def _path(text: str, folder: Path) -> str:
    """Return a path with slashes; backslashes stay in the name of an existing file. Raises ValueError."""
    path, anchor = text, ""
    if "\\" in text and not (_is_inside(text) and os.path.isfile(folder / text)):
        path, anchor = text.replace("\\", "/"), PureWindowsPath(text).anchor
    if anchor or not _is_inside(path):
        raise ValueError(f'"{text}" is not a path inside the folder')
    return path


def _labels(file: Path, images: list[LabelledImage], known: AttributesConfig, pairs: bool = False) -> list[Label]:
    """Read the labels of a file in order and enter them in `images`. Without `pairs`, duplicates are an error."""
    labels = []
    lines: dict[Label, int] = {}
    for number, line in _entries(file):
        with _named(file, number):
            image, values = parse_labels(line, pairs)
            for attribute, value in values:
                label = Label(image, attribute, value)
                if (first := lines.setdefault(label, number)) != number and not pairs:
                    raise ValueError(f'"{image} {attribute} {value}" is in line {first} already')
                _set_label(images, known, label)
                labels.append(label)
    return labels


@contextmanager
def _named(file: Path, line: int) -> Iterator[None]:
    """Turn a ValueError into a DatasetError that names the line."""
    try:
        yield
    except ValueError as error:
        raise DatasetError("%(file)s, line %(line)d: %(why)s.", file=file, line=line, why=str(error)) from None


def parse_labels(line: str, pairs: bool = False) -> tuple[int, list[tuple[int, int]]]:
    """Parse `id attr value`, or with `pairs` `id attr value [attr value ...]`, to id, [(attr, value), ...].

    Raises ValueError.
    """
    words = line.split()
    if pairs and (len(words) < 3 or len(words) % 2 == 0):
        raise ValueError(f"an id and pairs of attribute and value are expected, here are {len(words)} numbers")
    numbers = _numbers(line, "id, attribute and value", len(words) if pairs else 3)
    return numbers[0], list(zip(numbers[1::2], numbers[2::2], strict=True))


def _numbers(line: str, expected: str, count: int) -> list[int]:
    words = line.split()
    if len(words) != count:
        raise ValueError(f"{expected} are expected, here are {len(words)} numbers")
    for word in words:
        # int() alone would take "1_0" and digits of every script.
        if not (word.isascii() and word.isdigit() and len(word) <= 18):
            raise ValueError(f'"{word[:30]}" is not a whole number from 0')
    return list(map(int, words))


def _set_label(images: list[LabelledImage], known: AttributesConfig, label: Label) -> None:
    key = _attribute(images, known, label.image, label.attribute)
    if label.value >= known.NUM[label.attribute]:
        raise ValueError(f"{key} has no value {label.value}, the config gives it {known.NUM[label.attribute]}")
    image, pair = images[label.image], (key, label.value)
    if image.labels.setdefault(*pair) != label.value and pair not in image.more_labels:
        image.more_labels.append(pair)


def _attribute(images: list[LabelledImage], known: AttributesConfig, image: int, attribute: int) -> str:
    """Return the attribute's key. Raises ValueError if there is no such image or attribute."""
    if image >= len(images):
        raise ValueError(f"there is no image {image}, the split has {len(images)}")
    if attribute >= len(known.NAME):
        raise ValueError(f"there is no attribute {attribute}, the config names {len(known.NAME)}")
    return known.NAME[attribute]


def _is_inside(path: str) -> bool:
    """Tell whether a path, as written, stays in the folder it starts from."""
    pure = PurePosixPath(path)
    return bool(pure.parts) and not pure.is_absolute() and ".." not in pure.parts and "\0" not in path


def _entries(file: Path) -> Iterator[tuple[int, str]]:
    """Yield (line number from 1, line) after the optional number of entries and column names."""
    lines = list(_lines(file))
    first = lines[0][1].strip() if lines else ""
    counted = first.isdecimal()
    start = 1 if counted else 0
    if _are_column_names(lines[start : start + 2]):
        start += 1
    if counted and (len(first) > 18 or int(first) != len(lines) - start):
        raise DatasetError(
            '%(file)s, line 1: "%(first)s" is not the number of entries, %(count)d follow; correct or remove it.',
            file=file,
            first=first[:30],
            count=len(lines) - start,
        )
    if start and not counted:
        raise DatasetError(
            '%(file)s, line 1: "%(first)s" looks like column names, which may only follow the number of entries.',
            file=file,
            first=first,
        )
    return iter(lines[start:])


def _are_column_names(lines: Sequence[tuple[int, str]]) -> bool:
    """Tell whether the first of two lines has only bare words ("image_name category_label"), and the second not."""
    bare = [all(word.isidentifier() for word in line.split()) for _, line in lines]
    return bare == [True, False]


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line number from 1, line) without empty lines at the end. UTF-8, with or without a byte order mark."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DatasetError("%(file)s: %(why)s.", file=path, why=error.strerror or "cannot be read") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = error.object.count(b"\n", 0, error.start) + 1
        raise DatasetError("%(file)s, line %(line)d: this is not UTF-8 text.", file=path, line=number) from None
    for number, line in enumerate(text.rstrip().split("\n"), start=1):
        if line.strip():
            yield number, line
        elif text.strip():
            raise DatasetError("%(file)s, line %(line)d: this line is empty.", file=path, line=number)
