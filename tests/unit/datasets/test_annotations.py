"""Annotation files: the real clothing dataset, and small datasets with every kind of mistake."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpf import config
from rpf.config import DataConfig
from rpf.datasets.annotations import (
    LabelledImage,
    missing_images,
    parse_labels,
    read_presence,
    read_retrieval_split,
    read_split,
)
from rpf.errors import DatasetError
from tests.support import ROOT

SMALL = {
    "filenames_train.txt": "a/0.jpg\na/1.jpg\na/2.jpg\n",
    "label_train.txt": "0 0 1 1 2\n2 1 0\n",
    "filenames_valid.txt": "b/0.jpg\nb/1.jpg\n",
    "query_valid.txt": "0 0 1\n",
    "candidate_valid.txt": "1 0 1\n0 1 2\n0 0 1\n",
    "filenames_test.txt": "c/0.jpg\n",
    "query_test.txt": "0 1 1\n",
    "candidate_test.txt": "",
}


def two_attributes() -> DataConfig:
    attributes = {"NAME": ["sleeve_length", "fit"], "NUM": [2, 3]}
    return config.from_mapping({"DATA": {"NUM_ATTRIBUTES": 2, "ATTRIBUTES": attributes}}).DATA


@pytest.fixture
def dataset(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes the small dataset, with some of its files replaced."""

    def write(**changed: str) -> Path:
        for name, text in (SMALL | {f"{name}.txt": text for name, text in changed.items()}).items():
            (tmp_path / name).write_bytes(text.encode())
        return tmp_path

    return write


def test_read_split_reads_every_split_of_a_small_dataset(dataset: Callable[..., Path]) -> None:
    folder, data = dataset(), two_attributes()
    train = [
        LabelledImage("a/0.jpg", {"sleeve_length": 1, "fit": 2}),
        LabelledImage("a/1.jpg", {}),
        LabelledImage("a/2.jpg", {"fit": 0}),
    ]
    valid = [LabelledImage("b/0.jpg", {"sleeve_length": 1, "fit": 2}), LabelledImage("b/1.jpg", {"sleeve_length": 1})]
    test = [LabelledImage("c/0.jpg", {"fit": 1})]
    assert read_split(folder, data, "train") == train
    assert read_split(folder, data, "valid") == valid
    assert read_split(folder, data, "test") == test
    assert read_split(folder, data, "all") == train + valid + test
    with pytest.raises(DatasetError, match='no split "dev"; there are train, valid, test, all'):
        read_split(folder, data, "dev")


def test_read_split_accepts_other_names_line_ends_and_encodings(dataset: Callable[..., Path]) -> None:
    folder = dataset(label_train="\ufeff0 0 1\r\n 1\t1  2 \r\n\r\n\n  \n", filenames_train="áo dài/ảnh 0.jpg\r\n1.jpg")
    assert read_split(folder, two_attributes(), "train") == [
        LabelledImage("áo dài/ảnh 0.jpg", {"sleeve_length": 1}),
        LabelledImage("1.jpg", {"fit": 2}),
    ]
    (folder / "images.lst").write_text("x.jpg\n")
    (folder / "truth.lst").write_text("0 1 1\n")
    values = {"DATA": two_attributes().model_dump() | {"PATH_FILE": {"TRAIN": "images.lst"}}}
    values["DATA"]["GROUNDTRUTH"] = {"TRAIN": "truth.lst"}
    assert read_split(folder, config.from_mapping(values).DATA, "train") == [LabelledImage("x.jpg", {"fit": 1})]


@pytest.mark.parametrize(
    ("changed", "split", "message"),
    [
        ({"label_train": "0 0 1\n1 0\n"}, "train", r"label_train\.txt, line 2: an id and pairs .* 2 numbers\.$"),
        ({"label_train": "0 0 1 1\n"}, "train", r"label_train\.txt, line 1: an id and pairs .* 4 numbers\.$"),
        ({"query_valid": "0 0 1 1 2\n"}, "valid", r"query_valid\.txt, line 1: id, attribute and value .* 5 numbers\.$"),
        ({"query_valid": "0 zero 1\n"}, "valid", r'query_valid\.txt, line 1: "zero" is not a whole number from 0\.$'),
        ({"query_valid": "0 0 1\n-1 0 1\n"}, "valid", r'query_valid\.txt, line 2: "-1" is not a whole number'),
        ({"query_valid": "0 0 1_0\n"}, "valid", r'"1_0" is not a whole number'),
        ({"query_valid": "0 0 1.0\n"}, "valid", r'"1\.0" is not a whole number'),
        (
            {"candidate_test": "1 0 0\n"},
            "test",
            r"candidate_test\.txt, line 1: there is no image 1, the split has 1\.$",
        ),
        ({"candidate_test": f"{10**40} 0 0\n"}, "test", r"not a whole number"),
        ({"candidate_test": "0 2 0\n"}, "all", r"line 1: there is no attribute 2, the config names 2\.$"),
        ({"candidate_test": "0 0 2\n"}, "test", r"line 1: sleeve_length has no value 2, the config gives it 2\.$"),
        ({"label_train": "0 0 1\n\n1 0 1\n"}, "train", r"label_train\.txt, line 2: this line is empty\.$"),
        ({"filenames_train": "0.jpg\n\n1.jpg\n"}, "train", r"filenames_train\.txt, line 2: this line is empty\.$"),
        (
            {"filenames_train": "0.jpg\n../1.jpg\n"},
            "train",
            r'line 2: "\.\./1\.jpg" is not a path inside the folder\.$',
        ),
        ({"filenames_train": "/etc/passwd\n"}, "train", r'line 1: "/etc/passwd" is not a path inside the folder\.$'),
    ],
)
def test_read_split_names_mistakes_by_file_and_line(
    dataset: Callable[..., Path], changed: dict[str, str], split: str, message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        read_split(dataset(**changed), two_attributes(), split)


@pytest.mark.parametrize("head", ["3\n", "3\r\n", "\ufeff 3 \n", "3\nimage_name\n", "3\nimage_name  category_label\n"])
def test_read_split_skips_a_count_and_column_names_before_images(dataset: Callable[..., Path], head: str) -> None:
    expected = read_split(dataset(), two_attributes(), "train")
    folder = dataset(filenames_train=head + SMALL["filenames_train.txt"])
    assert read_split(folder, two_attributes(), "train") == expected


def test_read_split_skips_a_count_and_column_names_before_labels(dataset: Callable[..., Path]) -> None:
    expected = read_retrieval_split(dataset(), two_attributes(), "valid")
    presence = read_presence(dataset(absent_train="1 0\n2 0\n"), two_attributes(), "train")
    heads = {"label_train": "2\n", "query_valid": "1\nimage attribute value\n", "candidate_valid": "3\n"}
    counted = {name: head + SMALL[f"{name}.txt"] for name, head in heads.items()}
    folder = dataset(**counted, candidate_test="0\n", absent_train="2\n1 0\n2 0\n")
    assert read_retrieval_split(folder, two_attributes(), "valid") == expected
    assert read_presence(folder, two_attributes(), "train") == presence
    assert read_split(folder, two_attributes(), "test")


def test_read_split_of_the_reported_list_has_as_many_images_as_counted(
    shared: Path, dataset: Callable[..., Path]
) -> None:
    lines = (shared / "reports" / "filenames_test_count_line.txt").read_text().split()
    folder = dataset(filenames_test="\n".join(lines))
    items = read_split(folder, two_attributes(), "test")
    assert [item.path for item in items] == lines[1:]
    assert items[0].labels == {"fit": 1}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"filenames_train": "2\na/0.jpg\na/1.jpg\na/2.jpg\n"}, r'names_train\.txt, line 1: "2" is not .* 3 follow;'),
        ({"filenames_train": "4\nimage_name\na/0.jpg\na/1.jpg\na/2.jpg\n"}, r'line 1: "4" is not .* 3 follow;'),
        ({"filenames_train": "3\nb\na/0.jpg\n"}, r'line 1: "3" is not the number of entries, 1 follow;'),
        ({"filenames_train": "9" * 5000 + "\na/0.jpg\n"}, r'line 1: "9{30}" is not the number of entries, 1 follow;'),
        ({"filenames_train": "image_name\na/0.jpg\na/1.jpg\n"}, r'line 1: "image_name" looks like column names'),
        ({"label_train": "7\n0 0 1\n"}, r'label_train\.txt, line 1: "7" is not the number of entries, 1 follow;'),
        ({"label_train": "image attr value\n0 0 1\n"}, r'line 1: "image attr value" looks like column names'),
    ],
)
def test_read_split_refuses_another_first_line(
    dataset: Callable[..., Path], changed: dict[str, str], message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        read_split(dataset(**changed), two_attributes(), "train")


def test_read_split_reads_backslashes_as_slashes_unless_in_a_file_name(dataset: Callable[..., Path]) -> None:
    folder = dataset(filenames_train="img\\a.jpg\nimg\\deep\\b.jpg \r\nodd\\name.jpg\n")
    (folder / "odd\\name.jpg").touch()
    items = read_split(folder, two_attributes(), "train")
    assert [item.path for item in items] == ["img/a.jpg", "img/deep/b.jpg", "odd\\name.jpg"]


@pytest.mark.parametrize(
    "path", ["..\\a.jpg", "img\\..\\..\\a.jpg", "C:\\img\\a.jpg", "\\img\\a.jpg", "\\\\pc\\share\\a.jpg"]
)
def test_read_split_refuses_backslashes_that_lead_out_of_the_folder(dataset: Callable[..., Path], path: str) -> None:
    with pytest.raises(DatasetError, match=r"line 2: .* is not a path inside the folder\.$"):
        read_split(dataset(filenames_train=f"a.jpg\n{path}\n"), two_attributes(), "train")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"filenames_valid": "b/0.jpg\nb/1.jpg\nb/0.jpg\n"}, r'names_valid\.txt, line 3: "b/0.jpg" is named in line 1'),
        ({"filenames_valid": "b/0.jpg\n./b//0.jpg\n"}, r'line 2: "\./b//0\.jpg" is named in line 1 already\.$'),
        ({"filenames_valid": "b/0.jpg\nb\\0.jpg\n"}, r'line 2: "b/0\.jpg" is named in line 1 already\.$'),
        ({"filenames_valid": "2\nb/0.jpg\nb/0.jpg\n"}, r'line 3: "b/0\.jpg" is named in line 2 already\.$'),
        ({"query_valid": "0 0 1\n1 0 1\n0  0 1\n"}, r'query_valid\.txt, line 3: "0 0 1" is in line 1 already\.$'),
        ({"candidate_valid": "0 0 1\n0 0 1\n"}, r'candidate_valid\.txt, line 2: "0 0 1" is in line 1 already\.$'),
    ],
)
def test_read_split_names_duplicates_with_both_lines(
    dataset: Callable[..., Path], changed: dict[str, str], message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        read_split(dataset(**changed), two_attributes(), "valid")


names = st.text(
    st.characters(codec="utf-8", exclude_characters="/\\", exclude_categories=["C", "Z"]), min_size=1, max_size=9
)
suffixed = names.map(lambda name: f"{name}.jpg")
paths = st.lists(st.lists(suffixed, min_size=1, max_size=3).map("/".join), unique=True, max_size=9)


@given(paths, st.sampled_from(["", "count", "columns"]), st.sampled_from(["\n", "\r\n"]), st.sampled_from(["/", "\\"]))
def test_read_split_reads_any_names_back(
    tmp_path_factory: pytest.TempPathFactory, paths: list[str], head: str, end: str, slash: str
) -> None:
    folder = tmp_path_factory.mktemp("list")
    first = {"": [], "count": [str(len(paths))], "columns": [str(len(paths)), "image_name"]}[head if paths else ""]
    lines = [*first, *(path.replace("/", slash) for path in paths)]
    (folder / "filenames_train.txt").write_bytes(end.join(lines).encode())
    (folder / "label_train.txt").touch()
    assert [item.path for item in read_split(folder, two_attributes(), "train")] == paths


@given(st.integers(0, 12), st.integers(1, 9))
def test_read_split_accepts_only_the_exact_count(
    tmp_path_factory: pytest.TempPathFactory, first: int, count: int
) -> None:
    folder = tmp_path_factory.mktemp("count")
    (folder / "filenames_train.txt").write_text("\n".join([str(first), *(f"{number}.jpg" for number in range(count))]))
    (folder / "label_train.txt").touch()
    if first == count:
        assert len(read_split(folder, two_attributes(), "train")) == count
    else:
        with pytest.raises(DatasetError, match="line 1"):
            read_split(folder, two_attributes(), "train")


@given(
    st.lists(
        st.sampled_from(["2", "1", "image_name", "a.jpg", "b/c", "..", "img\\x", "", "0 0 1", "\0"])
        | st.text(max_size=5)
    )
)
def test_read_split_of_any_list_succeeds_or_names_the_line(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    (folder / "filenames_train.txt").write_bytes("\n".join(lines).encode(errors="replace"))
    (folder / "label_train.txt").touch()
    try:
        items = read_split(folder, two_attributes(), "train")
    except DatasetError as error:
        assert "filenames_train.txt, line " in str(error)
    else:
        assert not lines or not lines[0].strip().isdecimal() or int(lines[0]) == len(items)


def test_read_split_keeps_several_values_of_an_attribute(dataset: Callable[..., Path]) -> None:
    folder = dataset(
        label_train="0 1 2 0 0 1 1 1 2 1 1\n0 1 0\n",
        query_valid="0 1 2\n",
        candidate_valid="0 1 1\n1 1 1\n1 1 2\n",
    )
    train = read_split(folder, two_attributes(), "train")
    assert train[0] == LabelledImage("a/0.jpg", {"fit": 2, "sleeve_length": 0}, [("fit", 1), ("fit", 0)])
    assert train[0].pairs() == [("fit", 2), ("sleeve_length", 0), ("fit", 1), ("fit", 0)]
    valid = read_retrieval_split(folder, two_attributes(), "valid")
    assert valid.images == read_split(folder, two_attributes(), "valid")
    assert [item.pairs() for item in valid.images] == [[("fit", 2), ("fit", 1)], [("fit", 1), ("fit", 2)]]
    assert valid.queries == [(0, 1, 2)]
    assert valid.candidates == [(0, 1, 1), (1, 1, 1), (1, 1, 2)]


def test_read_presence_of_present_and_missing_parts(dataset: Callable[..., Path]) -> None:
    folder = dataset(absent_train="1 0\n2 0\n1 1\n2 0\n")
    assert read_presence(folder, two_attributes(), "train") == [
        {"sleeve_length": True, "fit": True},
        {"sleeve_length": False, "fit": False},
        {"fit": True, "sleeve_length": False},
    ]
    assert read_presence(folder, two_attributes(), "valid") == [  # without such a file
        {"sleeve_length": True, "fit": True},
        {"sleeve_length": True},
    ]
    assert read_presence(dataset(absent_test=""), two_attributes(), "test") == [{"fit": True}]


@pytest.mark.parametrize(
    ("absent", "message"),
    [
        ("1 0\n1\n", r"absent_train\.txt, line 2: id and attribute are expected, here are 1 numbers\.$"),
        ("1 0 0\n", r"line 1: id and attribute are expected, here are 3 numbers\.$"),
        ("1 no\n", r'line 1: "no" is not a whole number from 0\.$'),
        ("3 0\n", r"line 1: there is no image 3, the split has 3\.$"),
        ("1 2\n", r"line 1: there is no attribute 2, the config names 2\.$"),
        ("1 0\n\n1 1\n", r"line 2: this line is empty\.$"),
        ("1 0\n0 1\n", r"line 2: fit of image 0 is missing here, but has the value 2\.$"),
    ],
)
def test_read_presence_names_mistakes_by_line(dataset: Callable[..., Path], absent: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        read_presence(dataset(absent_train=absent), two_attributes(), "train")


def test_read_split_names_unreadable_files(dataset: Callable[..., Path]) -> None:
    folder = dataset()
    (folder / "label_train.txt").write_bytes(b"0 0 1\n1 0 1 \xff\n")
    with pytest.raises(DatasetError, match=r"label_train\.txt, line 2: this is not UTF-8"):
        read_split(folder, two_attributes(), "train")
    (folder / "query_valid.txt").unlink()
    with pytest.raises(DatasetError, match=r"query_valid\.txt: No such file"):
        read_split(folder, two_attributes(), "valid")
    with pytest.raises(DatasetError, match=r"filenames_test\.txt: No such file"):
        read_split(folder / "nowhere", two_attributes(), "test")


def test_missing_images_lists_all_of_them(tmp_path: Path) -> None:
    (tmp_path / "there.jpg").touch()
    (tmp_path / "folder.jpg").mkdir()
    os.symlink("there.jpg", tmp_path / "link.jpg")
    os.symlink("circle.jpg", tmp_path / "circle.jpg")
    names = ["gone.jpg", "there.jpg", "folder.jpg", "link.jpg", "circle.jpg", "x" * 300, "gone.jpg"]
    items = [LabelledImage(name, {}) for name in names]
    assert missing_images(tmp_path, items) == ["gone.jpg", "folder.jpg", "circle.jpg", "x" * 300]


@pytest.mark.parametrize("path", ["../outside.jpg", "/etc/passwd", "a/../../b.jpg", "out.jpg", "", "a\0b"])
def test_paths_out_of_the_folder_are_errors(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "dataset"
    folder.mkdir()
    (tmp_path / "outside.jpg").touch()
    os.symlink("../outside.jpg", folder / "out.jpg")
    with pytest.raises(DatasetError, match="leads out of the dataset's folder"):
        missing_images(folder, [LabelledImage(path, {})])


def test_read_split_of_the_real_clothing_dataset_has_its_counts(shared: Path) -> None:
    data = config.load([ROOT / "config" / "Clothing" / "Clothing.yaml"]).DATA
    folder = shared / "clothing"
    counts = {"train": (2599, 4749), "valid": (449, 798), "test": (538, 1035), "all": (3586, 6582)}
    for split, (images, labels) in counts.items():
        items = read_split(folder, data, split)
        assert len(items) == len({item.path for item in items}) == images
        assert sum(len(item.labels) for item in items) == labels
    assert items[0].labels == {"sleeve_length": 3, "neckline_design": 7}
    assert missing_images(folder, items) == []
    assert missing_images(shared, items) == [item.path for item in items]
    for split, missing in {"train": 13972, "valid": 2461, "test": 2798}.items():
        known = [has for parts in read_presence(folder, data, split) for has in parts.values()]
        assert (known.count(True), known.count(False)) == (counts[split][1], missing)


numbers = st.integers(0, 10**17)


@given(numbers, st.lists(st.tuples(numbers, numbers), min_size=1), st.sampled_from([" ", "  ", "\t"]))
def test_lines_are_read_back(image: int, pairs: list[tuple[int, int]], space: str) -> None:
    line = space.join(str(number) for number in (image, *(number for pair in pairs for number in pair)))
    assert parse_labels(line, pairs=True) == (image, pairs)
    if len(pairs) == 1:
        assert parse_labels(line) == (image, pairs)


@given(st.text() | st.lists(st.text(max_size=4) | st.integers().map(str)).map(" ".join), st.booleans())
def test_parse_labels_of_any_line_succeeds_or_is_a_value_error(line: str, pairs: bool) -> None:
    try:
        image, labels = parse_labels(line, pairs)
    except ValueError as error:
        assert str(error)
    else:
        assert [int(word) for word in line.split()] == [image, *(number for pair in labels for number in pair)]
        assert labels and (pairs or len(labels) == 1)
