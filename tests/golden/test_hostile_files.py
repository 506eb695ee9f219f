"""Files made to hurt: refused at once, by name, and without much memory."""

import gzip
import io
import json
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from metabit.golden.checkpoints.file import read_file
from metabit.golden.configurations import strict_json
from metabit.golden.configurations.named import load_config
from metabit.golden.data import unpacking
from metabit.golden.data.datasets import load_dataset
from metabit.golden.data.npz import read_npy, read_npz
from metabit.golden.errors import CheckpointError, ConfigurationError, DataError


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def header(text, version=1):
    raw = text.encode() + b"\n"
    size = struct.pack("<H" if version == 1 else "<I", len(raw))
    return b"\x93NUMPY" + bytes([version, 0]) + size + raw


@pytest.fixture
def archive(tmp_path):
    def archive(*members):
        path = tmp_path / "own.npz"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, raw in members:
                file.writestr(name, raw)
        return path

    return archive


GOOD = npy(np.zeros((10, 4), np.uint8))
DESCR = "{'descr': '|u1', 'fortran_order': False, 'shape': %s}"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"hello", "x: no array: it starts with 68 65 6c 6c 6f"),
        (b"", "x: no array: it starts with nothing"),
        (GOOD.replace(b"\1\0", b"\7\0", 1), "x: no array"),
        (GOOD[:-1], "x: its header promises 40 bytes, it holds 39"),
        (header(DESCR % "(10**9, 4)"), "damaged or no .npz file"),
        (header(DESCR % "(1000000000000, 4)") + b"a", "promises 4000000000000 bytes, it holds 1"),
        (header(DESCR % "(-1, 4)") + b"a" * 8, r"x: its shape is \(-1, 4\)"),
        (header(DESCR % "(10, 4")[:-1], "damaged or no .npz file"),
        (header("(" * 3000), "damaged or no .npz file"),
        (
            header(DESCR % "(1,)" + " " * 20_000, 2) + b"a",
            "header has 20056 bytes, more than 10000",
        ),
        (header("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}") + b"a" * 8, "a pickle"),
        (header("{'descr': 'no', 'fortran_order': False, 'shape': (1,)}"), "damaged or no .npz"),
    ],
)
def test_arrays_that_are_none(archive, raw, message):
    path = archive(("x.npy", raw), ("y.npy", npy(np.zeros(10, int))))
    with pytest.raises(DataError, match=message):
        load_dataset(str(path))
    path.with_name("x.npy").write_bytes(raw)
    with pytest.raises(DataError, match=r"x\.npy is damaged or no \.npy file"):
        read_npy(path.with_name("x.npy"), DataError)


def test_good_arrays_of_every_kind_are_read(archive):
    arrays = {
        "rows": np.arange(6).reshape(2, 3),
        "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "text": np.array("a text"),
        "none": np.zeros((0, 3), np.int16),
        "swapped": np.arange(3, dtype=">i4"),
    }
    found, names = read_npz(
        archive(*((f"{k}.npy", npy(a)) for k, a in arrays.items())), DataError, ""
    )
    assert names == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice(archive):
    path = archive(("x.npy", GOOD), ("x.npy", GOOD), ("y.npy", npy(np.zeros(10, int))))
    with pytest.raises(DataError, match="it holds 'x' twice"):
        load_dataset(str(path))


def test_an_archive_that_unpacks_to_much_takes_no_memory(tmp_path):
    path = tmp_path / "own.npz"
    start, size = header(DESCR % f"({1 << 31}, 1)"), 1 << 31
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr("y.npy", npy(np.zeros(10, int)))
        file.writestr("x.npy", start + bytes(1 << 20))
    # What the directory declares is believed before anything is unpacked.
    raw = bytearray(path.read_bytes())
    entry = raw.rindex(b"PK\1\2")
    raw[entry + 24 : entry + 28] = struct.pack("<I", size + len(start))
    path.write_bytes(raw)
    tracemalloc.start()
    with pytest.raises(DataError, match="it unpacks to 2048 MiB, more than 1024 MiB"):
        load_dataset(str(path))
    with pytest.raises(CheckpointError, match="it unpacks to 2048 MiB, more than 1024 MiB"):
        read_file(path)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def idx_folder(tmp_path, shape, content):
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(
        struct.pack(">4BI", 0, 0, 8, 1, 3) + bytes(3)
    )
    raw = struct.pack(">4B3I", 0, 0, 8, 3, *shape) + content
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(raw))
    return str(tmp_path)


def test_idx_files_unpack_to_what_they_promise(tmp_path):
    assert load_dataset(idx_folder(tmp_path, (3, 2, 2), bytes(12))).images.shape == (3, 2, 2)
    with pytest.raises(DataError, match="promises 3 x 32768 x 32768 values, 3072 MiB, more than"):
        load_dataset(idx_folder(tmp_path, (3, 1 << 15, 1 << 15), bytes(12)))
    tracemalloc.start()
    with pytest.raises(DataError, match="promises 12 bytes of data, it holds"):
        load_dataset(idx_folder(tmp_path, (3, 2, 2), bytes(1 << 14)))
    tracemalloc.stop()


def test_limits_follow_the_size_of_the_file():
    assert unpacking.allowed(10) == 1 << 30
    assert unpacking.allowed(1 << 30) == 50 << 30


# JSON


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000 + "]" * 100_000, "nested more than 32 deep at character 32"),
        ('{"a":' * 100_000, "nested more than 32 deep at character 160"),
        ('{"a": 1, "a": 2}', "field 'a' is there twice"),
        ('{"a": {"b": 1, "b": 1}}', "field 'b' is there twice"),
        (f'{{"a": {10**400}}}', r"integer 10000000000000000000\.\.\. exceeds 64 bits"),
        (f"[{2**63}]", "integer 9223372036854775808 exceeds 64 bits"),
        (f"[{'9' * 5000}]", "exceeds 64 bits"),
        ("[NaN]", "NaN is no number"),
        ("[-Infinity]", "-Infinity is no number"),
        (r'["\u001b[31mred"]', r"text '\\x1b\[31mred' holds the character '\\x1b'"),
        (r'{"\ud800": 1}', r"holds the character '\\ud800'"),
        ("[1", "Expecting"),
    ],
)
def test_json_that_misleads(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        strict_json.parse(text)
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=rf"mine\.json cannot be read: .*{message}"):
        load_config(str(path))
    np.savez(path.with_name("run.npz"), record=np.array(text))
    with pytest.raises(
        CheckpointError, match=rf"run\.npz is no checkpoint of Metabit: .*{message}"
    ):
        read_file(path.with_name("run.npz"))


def test_json_that_does_not():
    value = {
        "a": [1, -(2**63), 2**63 - 1, 0.5, 1e-300],
        "ü\t\n[{": None,
        "b": {"a": ["[" * 99, '\\"[']},
    }
    assert strict_json.parse(json.dumps(value)) == value
    assert strict_json.parse("[" * 32 + "]" * 32)


def test_long_json(monkeypatch):
    monkeypatch.setattr(strict_json, "MAX_LENGTH", 10)
    with pytest.raises(ValueError, match="12 characters of JSON, more than 10"):
        strict_json.parse("[1, 2, 3, 4]")
