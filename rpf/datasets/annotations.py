"""A dataset's annotation files (the layout that FashionAI, DARN and DeepFashion are published in).

Each file is a list, of images or of labels. The number of entries may stand in a line before them, and column names
in the next, as in DeepFashion's files; image ids count entries.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple

from rpf import config
from rpf.errors import DatasetError

SPLITS = ("train", "valid", "test", "all")


@dataclass(frozen=True)
class Labelled:
    """An image and what is known of it: `labels` maps an attribute's key to its value, `path` is below the folder.

    DeepFashion's images may have several values of an attribute: `labels` has the first and `further` the others.
    """

    path: str
    labels: dict[str, int]
    further: list[tuple[str, int]] = field(default_factory=list)

    def pairs(self) -> list[tuple[str, int]]:
        """Every attribute's key and value, each pair once."""
        return [*self.labels.items(), *self.further]


class Label(NamedTuple):
    """A line of a query or candidate file; all three count from 0."""

    image: int
    attribute: int
    value: int


class Retrieval(NamedTuple):
    """What is searched for in what: the images of a split, and its queries and candidates in their files' order."""

    images: list[Labelled]
    queries: list[Label]
    candidates: list[Label]


def read_split(folder: Path, data: config.Data, split: str) -> list[Labelled]:
    """The images of a split, in the order of their ids; "all" is train, valid and test one after the other.

    Labels of train come from its label file, those of valid and test from their queries and candidates together;
    an image of which nothing is known has none. Raises DatasetError, which names file and line.
    """
    files, truth = data.PATH_FILE, data.GROUNDTRUTH
    if split == "train":
        return _read(folder, data, files.TRAIN, [truth.TRAIN], pairs=True)
    if split == "valid":
        return _read(folder, data, files.VALID, [truth.QUERY.VALID, truth.CANDIDATE.VALID])
    if split == "test":
        return _read(folder, data, files.TEST, [truth.QUERY.TEST, truth.CANDIDATE.TEST])
    if split == "all":
        return [item for part in ("train", "valid", "test") for item in read_split(folder, data, part)]
    raise DatasetError('There is no split "%(split)s"; there are %(splits)s.', split=split, splits=", ".join(SPLITS))


def read_retrieval(folder: Path, data: config.Data, split: str) -> Retrieval:
    """The queries and candidates of valid or test; no other split's file is opened. Raises as `read_split`."""
    files, truth = data.PATH_FILE, data.GROUNDTRUTH
    names = {
        "valid": (files.VALID, truth.QUERY.VALID, truth.CANDIDATE.VALID),
        "test": (files.TEST, truth.QUERY.TEST, truth.CANDIDATE.TEST),
    }
    if split not in names:
        raise DatasetError('The split "%(split)s" has no queries; valid and test have.', split=split)
    images, queries, candidates = (folder / name for name in names[split])
    items = _images(images, folder)
    return Retrieval(items, _labels(queries, items, data.ATTRIBUTES), _labels(candidates, items, data.ATTRIBUTES))


def read_parts(folder: Path, data: config.Data, split: str) -> list[dict[str, bool]]:
    """Of each image of train, valid or test: attribute -> whether the garment has that part at all, where known.

    A value means that it has; absent_<split>.txt, which a dataset may lack, has a line `id attr` where it has not.
    Raises as `read_split`, also for an image that has a value of what it lacks.
    """
    items = read_split(folder, data, split)
    parts = [dict.fromkeys(item.labels, True) for item in items]
    file = folder / f"absent_{split}.txt"
    for number, line in _entries(file) if file.exists() else ():
        with _named(file, number):
            image, attribute = _numbers(line, "id and attribute", 2)
            key = _attribute(items, data.ATTRIBUTES, image, attribute)
            if parts[image].setdefault(key, False):
                raise ValueError(f"image {image} is said to lack {key}, and has the value {items[image].labels[key]}")
    return parts


def missing_images(folder: Path, items: Iterable[Labelled]) -> list[str]:
    """The paths of all images that are not there, each once, in the order of the items.

    Raises DatasetError if a path leads out of the folder, by symbolic links too.
    """
    root = folder.resolve()
    missing: dict[str, None] = {}
    for item in items:
        inside, there = _is_inside(item.path), False
        if inside:
            try:
                real = (root / item.path).resolve()
                inside, there = real.is_relative_to(root), real.is_file()
            except (OSError, RuntimeError):  # a name too long for the file system; links in a circle (Python < 3.13)
                there = False
        if not inside:
            raise DatasetError("%(path)s leads out of the dataset's folder.", path=item.path)
        if not there:
            missing[item.path] = None
    return list(missing)


def _read(folder: Path, data: config.Data, names: str, labels: Iterable[str], pairs: bool = False) -> list[Labelled]:
    items = _images(folder / names, folder)
    for name in labels:
        _labels(folder / name, items, data.ATTRIBUTES, pairs)
    return items


def _images(file: Path, folder: Path) -> list[Labelled]:
    """Read the paths of images below the folder; no labels yet."""
    lines: dict[PurePosixPath, int] = {}
    items = []
    for number, line in _entries(file):
        with _named(file, number):
            path = _path(line.strip(), folder)
            if (first := lines.setdefault(PurePosixPath(path), number)) != number:
                raise ValueError(f'"{path}" is named in line {first} already')
            items.append(Labelled(path, {}))
    return items


def _path(text: str, folder: Path) -> str:
    """Return a path with slashes; backslashes are kept in the name of a file that exists. Raises ValueError."""
    path, anchor = text, ""
    if "\\" in text and not (_is_inside(text) and os.path.isfile(folder / text)):
        path, anchor = text.replace("\\", "/"), PureWindowsPath(text).anchor
    if anchor or not _is_inside(path):
        raise ValueError(f'"{text}" is not a path inside the folder')
    return path


def _labels(file: Path, items: list[Labelled], known: config.Attributes, pairs: bool = False) -> list[Label]:
    """Read the labels of a file in its order; each is entered in `items` too. Without `pairs`, none comes twice."""
    labels = []
    lines: dict[Label, int] = {}
    for number, line in _entries(file):
        with _named(file, number):
            image, found = parse_labels(line, pairs)
            for attribute, value in found:
                label = Label(image, attribute, value)
                if (first := lines.setdefault(label, number)) != number and not pairs:
                    raise ValueError(f'"{image} {attribute} {value}" is in line {first} already')
                _set_label(items, known, *label)
                labels.append(label)
    return labels


@contextmanager
def _named(file: Path, line: int) -> Iterator[None]:
    """Turns a ValueError into a DatasetError that names the line."""
    try:
        yield
    except ValueError as error:
        template = "%(file)s, line %(line)d: %(why)s."
        raise DatasetError(template, file=file, line=line, why=str(error)) from None


def parse_labels(line: str, pairs: bool = False) -> tuple[int, list[tuple[int, int]]]:
    """`id attr value`, or with `pairs` `id attr value [attr value ...]` -> id, [(attr, value), ...].

    Raises ValueError that says what is wrong.
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
    return [_number(word) for word in words]


def _number(word: str) -> int:
    # int() alone would take "1_0" and digits of every script.
    if word.isascii() and word.isdigit() and len(word) <= 18:
        return int(word)
    raise ValueError(f'"{word[:30]}" is not a whole number from 0')


def _set_label(items: list[Labelled], known: config.Attributes, image: int, attribute: int, value: int) -> None:
    key = _attribute(items, known, image, attribute)
    if value >= known.NUM[attribute]:
        raise ValueError(f"{key} has no value {value}, the config gives it {known.NUM[attribute]}")
    item = items[image]
    if item.labels.setdefault(key, value) != value and (key, value) not in item.further:
        item.further.append((key, value))


def _attribute(items: list[Labelled], known: config.Attributes, image: int, attribute: int) -> str:
    """The attribute's key, if there is such an image and attribute."""
    if image >= len(items):
        raise ValueError(f"there is no image {image}, the split has {len(items)}")
    if attribute >= len(known.NAME):
        raise ValueError(f"there is no attribute {attribute}, the config names {len(known.NAME)}")
    return known.NAME[attribute]


def _is_inside(path: str) -> bool:
    """Whether a path as written stays in the folder it starts from."""
    pure = PurePosixPath(path)
    return bool(pure.parts) and not pure.is_absolute() and ".." not in pure.parts and "\0" not in path


def _entries(file: Path) -> Iterator[tuple[int, str]]:
    """Yield (line number from 1, line), without the number of entries and the column names that may come first."""
    lines = list(_lines(file))
    first = lines[0][1].strip() if lines else ""
    counted = first.isdecimal()
    start = 1 if counted else 0
    if _are_column_names(lines[start : start + 2]):
        start += 1
    if counted and (len(first) > 18 or int(first) != len(lines) - start):
        template = '%(file)s, line 1: "%(first)s" is not the number of entries, %(count)d follow; correct or remove it.'
        raise DatasetError(template, file=file, first=first[:30], count=len(lines) - start)
    if start and not counted:
        template = '%(file)s, line 1: "%(first)s" looks like column names, which may only follow the number of entries.'
        raise DatasetError(template, file=file, first=first)
    return iter(lines[start:])


def _are_column_names(lines: Sequence[tuple[int, str]]) -> bool:
    """Tell whether the first of two lines has bare words only ("image_name category_label") and the second has not."""
    bare = [all(word.isidentifier() for word in line.split()) for _, line in lines]
    return bare == [True, False]


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """(line number from 1, line), without the empty lines at the end. UTF-8, with or without a byte order mark."""
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
