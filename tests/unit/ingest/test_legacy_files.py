"""Files of the earlier system: real ones, damaged ones, and forgeries."""

import os
import pickle
import pickletools
import struct
from pathlib import Path

import h5py
import joblib
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rpf.errors import CollectionError
from rpf.ingest.legacy_files import read_embeddings, read_ids

IDS = np.array([8, 3, 11, 2**40, 0], dtype=np.int64)


def dumped(value: object, path: Path, **options: object) -> Path:
    joblib.dump(value, path, **options)
    return path


def test_read_ids_reads_a_real_file_of_the_earlier_system(shared: Path) -> None:
    path = shared / "legacy" / "c_idxs_0.joblib"
    ids = read_ids(path)
    assert ids.dtype == np.int64 and ids.shape == (1703,)
    assert ids.tolist() == np.frombuffer(path.read_bytes()[-8 * 1703 - 1 : -1], dtype="<i8").tolist()
    assert ids[:3].tolist() == [8, 11, 13] and ids[-1] == 17998


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("count", [0, 1, 7, 5000])
def test_read_ids_reads_files_of_joblib(tmp_path: Path, protocol: int, count: int) -> None:
    ids = np.random.default_rng(count).permutation(count * 3)[:count]
    path = dumped(ids, tmp_path / "c_idxs.npy", protocol=protocol)
    read = read_ids(path)
    np.testing.assert_array_equal(read, ids)
    assert read.dtype == np.int64 and read.flags.writeable


def test_read_ids_reads_unaligned_files_of_older_joblib(tmp_path: Path) -> None:
    wrapper = joblib.numpy_pickle.NumpyArrayWrapper(np.ndarray, IDS.shape, "C", IDS.dtype, allow_mmap=True)
    del wrapper.numpy_array_alignment_bytes
    head = pickle.dumps(wrapper, protocol=3)
    path = tmp_path / "old.joblib"
    path.write_bytes(head[:-1] + IDS.tobytes() + b".")
    np.testing.assert_array_equal(joblib.load(path), IDS)
    np.testing.assert_array_equal(read_ids(path), IDS)


@pytest.mark.parametrize("count", [0, 1, 5000])
def test_read_ids_reads_npy_files(tmp_path: Path, count: int) -> None:
    ids = np.arange(count)[::-1]
    np.save(tmp_path / "ids.npy", ids)
    np.testing.assert_array_equal(read_ids(tmp_path / "ids.npy"), ids)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.arange(5, dtype=np.int32), "something else"),
        (np.arange(5, dtype=np.uint64), "something else"),
        (np.arange(5, dtype=">i8"), "something else"),
        (np.arange(5, dtype="m8[s]"), "something else|damaged"),
        (np.arange(5.0), "something else"),
        (np.array(["a", "b"]), "something else"),
        (np.array([{}, []], dtype=object), "not a list of item ids"),
        (np.arange(6).reshape(2, 3), "something else"),
        (np.asfortranarray(np.arange(6).reshape(2, 3)), "something else"),
        (np.array(5), "something else"),
        ([1, 2, 3], "something else|damaged"),
        ([np.arange(3)], "something else|damaged"),
        ({"ids": np.arange(3)}, "something else|damaged"),
        ((np.arange(3), np.arange(3)), "its size is not that of 3 ids|something else"),
        ((np.arange(3),), "its size is not that of 3 ids|something else"),
        (7, "something else|damaged"),
        (np.array([3, 1, 3]), "more than once"),
        (np.array([3, -1]), "negative id -1"),
    ],
)
def test_read_ids_refuses_joblib_files_of_other_objects(tmp_path: Path, value: object, message: str) -> None:
    with pytest.raises(CollectionError, match=message):
        read_ids(dumped(value, tmp_path / "c_idxs.npy"))


@pytest.mark.parametrize("method", ["zlib", "gzip", "bz2", "lzma", "xz"])
def test_read_ids_refuses_compressed_files_with_advice(tmp_path: Path, method: str) -> None:
    with pytest.raises(CollectionError, match="save it again without compression"):
        read_ids(dumped(IDS, tmp_path / "ids.joblib", compress=(method, 3)))


def test_read_ids_refuses_npy_files_of_other_arrays(tmp_path: Path) -> None:
    path = tmp_path / "ids.npy"
    others = [np.arange(5.0), np.arange(5, dtype=">i8"), np.arange(4).reshape(2, 2), np.array(3), np.array([-1])]
    for other in others:
        np.save(path, other)
        with pytest.raises(CollectionError):
            read_ids(path)
    np.save(path, np.array([{}, 1], dtype=object), allow_pickle=True)
    with pytest.raises(CollectionError, match="damaged"):
        read_ids(path)
    np.save(path, IDS)
    whole = path.read_bytes()
    for broken in (whole[:-1], whole + b"x", whole[:40], whole.replace(b"(5,)", b"(4,)"), whole[:6]):
        path.write_bytes(broken)
        with pytest.raises(CollectionError):
            read_ids(path)
    # A header that promises 8 TB must not have them allocated.
    path.write_bytes(whole.replace(b"(5,), }" + b" " * 12, b"(1000000000000,), }"))
    with pytest.raises(CollectionError, match="damaged"):
        read_ids(path)


def test_read_ids_refuses_other_files(tmp_path: Path) -> None:
    path = tmp_path / "ids"
    for content in (b"", b"1\n2\n3\n", b"\x89PNG\r\n", b"\x80", b"\x80\x04.", b"PK\x03\x04"):
        path.write_bytes(content)
        with pytest.raises(CollectionError, match="is not a list of item ids"):
            read_ids(path)
    with pytest.raises(CollectionError, match="No such file"):
        read_ids(tmp_path / "nowhere")
    with pytest.raises(CollectionError, match="is not a file"):
        read_ids(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CollectionError, match="is not a file"):
        read_ids(tmp_path / "pipe")


class Runs:
    """An object whose pickle runs a command."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_read_ids_refuses_pickles_that_run_commands_unrun(tmp_path: Path, protocol: int) -> None:
    mark = tmp_path / "ran"
    command = f"touch {mark}"
    wrapper = joblib.numpy_pickle.NumpyArrayWrapper(np.ndarray, (Runs(command),), "C", IDS.dtype, allow_mmap=True)
    hidden_twice = joblib.numpy_pickle.NumpyArrayWrapper(Runs(command), (5,), "C", IDS.dtype)
    path = tmp_path / "c_idxs.npy"
    for hostile in (Runs(command), wrapper, hidden_twice, [IDS, Runs(command)], {"a": Runs(command)}):
        content = pickle.dumps(hostile, protocol=protocol)
        path.write_bytes(content[:-1] + b"\x01\xff" + IDS.tobytes() + b".")
        with pytest.raises(CollectionError):
            read_ids(path)
    assert not mark.exists()
    pickle.loads(pickle.dumps(Runs(command), protocol=protocol))
    assert mark.exists()  # it would have run


def header(**changed: object) -> bytes:
    """Pickle a wrapper, without the pickle's end, with other attributes than joblib's."""
    wrapper = joblib.numpy_pickle.NumpyArrayWrapper(np.ndarray, (5,), "C", np.dtype("i8"), allow_mmap=True)
    vars(wrapper).update(changed)
    return pickle.dumps(wrapper, protocol=4)[:-1]


def aligned(head: bytes, data: bytes) -> bytes:
    padding = 16 - (len(head) + 1) % 16
    return head + bytes([padding]) + b"\xff" * padding + data + b"."


@pytest.mark.parametrize(
    "changed",
    [
        {"shape": (10**15,)},
        {"shape": (2**63,)},
        {"shape": (-5,)},
        {"shape": (5, 1)},
        {"shape": ()},
        {"shape": (True,)},
        {"shape": (5.0,)},
        {"shape": 5},
        {"shape": "5"},
        {"shape": None},
        {"order": "F"},
        {"subclass": np.memmap},
        {"subclass": None},
        {"dtype": np.dtype("i4")},
        {"dtype": np.dtype("O")},
        {"dtype": "i8"},
        {"numpy_array_alignment_bytes": 8},
        {"numpy_array_alignment_bytes": "16"},
        {"numpy_array_alignment_bytes": 10**12},
    ],
)
def test_read_ids_refuses_other_array_headers(tmp_path: Path, changed: dict[str, object]) -> None:
    path = tmp_path / "c_idxs.npy"
    path.write_bytes(aligned(header(), IDS.tobytes()))
    np.testing.assert_array_equal(read_ids(path), IDS)
    path.write_bytes(aligned(header(**changed), IDS.tobytes()))
    with pytest.raises(CollectionError, match="is not a list of item ids"):
        read_ids(path)


def test_read_ids_refuses_pickles_that_exhaust_memory_or_time(tmp_path: Path) -> None:
    doubled = b")" + b"".join(b"\x94h" + bytes([level]) + b"\x86" for level in range(250))  # a tree of 2**250 leaves
    hostile = [
        b"\x80\x04" + doubled + b".",
        b"\x80\x04}(" + doubled + b"K\x01u.",  # as a key, which must be hashed
        b"\x80\x04" + doubled + b"\x8c\x01a\x93.",  # as the name of a class
        b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"x.",  # a text of 4 EiB
        b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b".",  # a bytearray of 1 TiB
        b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b".",  # a frame of 4 EiB
        b"\x80\x04\x8b" + struct.pack("<i", 2**31 - 1) + b"\x01.",  # a number of 2 GiB
        b"\x80\x04" + b"(" * 3000,
        b"\x80\x02I" + b"9" * 4000 + b"\n.",
        b"\x80\x04r" + struct.pack("<I", 2**32 - 1) + b".",
        b"\x80\x04h\x05.",
        b"\x80\x04}}ub.",
        b"\x80\x04\x8c\x01a\x8c\x01b\x93)\x81}b}b}b",
        header() + header(),
        header()[: len(header()) // 2],
    ]
    for content in hostile:
        path = tmp_path / "c_idxs.npy"
        path.write_bytes(content)
        with pytest.raises(CollectionError, match="is not a list of item ids"):
            read_ids(path)


WHOLE = aligned(header(), IDS.tobytes())
NPY_HEADER = b"{'descr': '<i8', 'fortran_order': False, 'shape': (5,), }".ljust(117) + b"\n"
NPY = b"\x93NUMPY\x01\x00v\x00" + NPY_HEADER + IDS.tobytes()


def check_damaged(folder: Path, content: bytes, data_at: int) -> None:
    """Check that damage before the array's numbers is refused or harmless, and damage in them stays there."""
    path = folder / "c_idxs.npy"
    path.write_bytes(content)
    try:
        ids = read_ids(path)
    except CollectionError:
        return
    assert ids.tobytes() == content[data_at : data_at + IDS.nbytes]
    assert ids.dtype == np.int64


@pytest.mark.parametrize("content", [WHOLE, NPY], ids=["joblib", "npy"])
def test_read_ids_with_a_flipped_bit_is_refused_or_unchanged(tmp_path: Path, content: bytes) -> None:
    data_at = content.index(IDS.tobytes())
    check_damaged(tmp_path, content, data_at)
    for bit in range(8 * len(content)):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        check_damaged(tmp_path, bytes(damaged), data_at)


@pytest.mark.parametrize("content", [WHOLE, NPY], ids=["joblib", "npy"])
def test_read_ids_refuses_every_truncation(tmp_path: Path, content: bytes) -> None:
    for length in range(len(content)):
        (tmp_path / "ids").write_bytes(content[:length])
        with pytest.raises(CollectionError):
            read_ids(tmp_path / "ids")


operations = st.sampled_from([opcode.code.encode("latin-1") for opcode in pickletools.opcodes])
slices = st.tuples(st.integers(0, len(WHOLE)), st.integers(1, 30)).map(lambda at: WHOLE[at[0] : at[0] + at[1]])


@given(st.lists(operations | slices | st.binary(max_size=6), max_size=40).map(b"".join), st.booleans())
@example(WHOLE[2:], False)
def test_read_ids_of_any_pickle_gives_ids_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, whole: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.joblib"
    path.write_bytes(b"\x80\x04" + content + (WHOLE[2:] if whole else b""))
    try:
        ids = read_ids(path)
    except CollectionError as error:
        assert "\n" not in str(error)
    else:
        assert ids.tolist() == IDS.tolist()


def write_h5(path: Path, embeddings: np.ndarray, **options: object) -> Path:
    """Write (N, A, D) embeddings in the layout of the earlier system."""
    with h5py.File(path, "w") as file:
        for attribute in range(embeddings.shape[1]):
            file.create_dataset(f"attr{attribute}", data=embeddings[:, attribute], **options)
    return path


@pytest.fixture
def embeddings() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((10, 3, 16)).astype(np.float32)


@pytest.mark.parametrize("options", [{}, {"chunks": (4, 16), "compression": "gzip"}])
def test_read_embeddings_gives_batches_of_unit_vectors(
    tmp_path: Path, embeddings: np.ndarray, options: dict[str, object]
) -> None:
    legacy = read_embeddings(write_h5(tmp_path / "data.h5", embeddings, **options))
    assert (legacy.count, legacy.attributes, legacy.dim) == (10, 3, 16)
    batches = list(legacy.batches(4))
    assert [batch.shape for batch in batches] == [(4, 3, 16), (4, 3, 16), (2, 3, 16)]
    read = np.concatenate(batches)
    assert read.dtype == np.float32
    np.testing.assert_allclose(read, embeddings / np.linalg.norm(embeddings, axis=2, keepdims=True), atol=1e-6)
    np.testing.assert_array_equal(next(legacy.batches()), read)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_read_embeddings_refuses_vectors_without_a_direction(
    tmp_path: Path, embeddings: np.ndarray, value: float
) -> None:
    embeddings[7, 2] = value
    batches = read_embeddings(write_h5(tmp_path / "data.h5", embeddings)).batches(4)
    assert len(next(batches)) == 4
    with pytest.raises(CollectionError, match=r"row 7 of attr2 has no direction"):
        next(batches)


def test_read_embeddings_scales_norms_near_the_ends_of_float32(tmp_path: Path, embeddings: np.ndarray) -> None:
    embeddings[0] = 3e38
    embeddings[1] = 1e-40
    (read,) = read_embeddings(write_h5(tmp_path / "data.h5", embeddings)).batches()
    np.testing.assert_allclose(np.linalg.norm(read, axis=2), 1, atol=1e-3)


def test_read_embeddings_refuses_other_layouts(tmp_path: Path, embeddings: np.ndarray) -> None:
    path = tmp_path / "data.h5"

    def refused(message: str) -> None:
        with pytest.raises(CollectionError, match=message):
            read_embeddings(path)

    write_h5(path, embeddings.astype(np.float64))
    refused(r"attr0 is float64 \(10, 16\), float32 \(N, D\) is expected")
    with h5py.File(path, "w") as file:
        file["other"] = embeddings[:, 0]
    refused("attr0, attr1, ... are expected")
    with h5py.File(path, "w") as file:
        file["attr0"] = file["attr2"] = embeddings[:, 0]
    refused("without a gap")
    with h5py.File(path, "w") as file:
        file["attr0"], file["attr1"] = embeddings[:, 0], embeddings[:5, 0]
    refused(r"attr1 is \(5, 16\), attr0 is \(10, 16\)")
    with h5py.File(path, "w") as file:
        file["attr0"] = embeddings
    refused("attr0 is float32 .10, 3, 16.")
    with h5py.File(path, "w") as file:
        file.create_group("attr0")
    refused("attr0 is not a dataset")
    with h5py.File(path, "w") as file:
        file["attr0"] = np.dtype("f4")
    refused("attr0 is not a dataset")
    with h5py.File(path, "w") as file:
        file.create_dataset("attr0", shape=(2**20, 1024), chunks=(2**19, 1024), dtype="f4", compression="gzip")
    refused("chunks of over a gigabyte")
    path.write_bytes(b"no HDF5")
    refused("damaged, or not an HDF5 file")
    path.unlink()
    refused("no such file")


def test_read_embeddings_refuses_data_outside_of_the_file(tmp_path: Path, embeddings: np.ndarray) -> None:
    other = write_h5(tmp_path / "other.h5", embeddings)
    path = tmp_path / "data.h5"
    raw = tmp_path / "secret.bin"
    raw.write_bytes(embeddings[:, 0].tobytes())

    def refused(message: str) -> None:
        with pytest.raises(CollectionError, match=message):
            read_embeddings(path)

    with h5py.File(path, "w") as file:
        file["attr0"] = h5py.ExternalLink(str(other), "attr0")
    refused("attr0 is a link")
    with h5py.File(path, "w") as file:
        file["elsewhere"] = embeddings[:, 0]
        file["attr0"] = h5py.SoftLink("/elsewhere")
    refused("attr0 is a link")
    with h5py.File(path, "w") as file:
        file.create_dataset("attr0", shape=(10, 16), dtype="f4", external=[(str(raw), 0, raw.stat().st_size)])
    refused("the data of attr0 lie in another file")
    with h5py.File(path, "w") as file:
        layout = h5py.VirtualLayout(shape=(10, 16), dtype="f4")
        layout[:] = h5py.VirtualSource(str(other), "attr0", shape=(10, 16))
        file.create_virtual_dataset("attr0", layout)
    refused("the data of attr0 lie in another file")


def test_read_embeddings_of_a_file_that_changes_meanwhile_is_an_error(tmp_path: Path, embeddings: np.ndarray) -> None:
    path = write_h5(tmp_path / "data.h5", embeddings)
    batches = read_embeddings(path).batches(4)
    next(batches)
    write_h5(path, embeddings[:, :2])
    with pytest.raises(CollectionError, match="it has changed"):
        next(batches)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(CollectionError, match="cannot be read"):
        list(read_embeddings(path).batches())


@given(st.data())
def test_read_embeddings_with_a_flipped_bit_reads_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "flipped.h5"
    write_h5(path, np.random.default_rng(0).standard_normal((10, 3, 16)).astype(np.float32))
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    try:
        legacy = read_embeddings(path)
        assert legacy.dim <= 16_384
        if legacy.count < 1000:
            for batch in legacy.batches():
                np.testing.assert_allclose(np.linalg.norm(batch, axis=2), 1, atol=1e-3)
    except CollectionError:
        pass
