"""Where data come from, how they are split, and what is refused."""

import gzip
import hashlib

import numpy as np
import pytest

from metabit.golden.data import mnist
from metabit.golden.data.arrays import check_samples
from metabit.golden.data.datasets import DATASETS, load_dataset
from metabit.golden.data.idx import PARTS, decompressed, find_idx, parse_idx
from metabit.golden.data.splits import split
from metabit.golden.errors import ConfigurationError, DataError


def test_digits():
    dataset = load_dataset("digits")
    assert dataset.images.shape == (1797, 8, 8)
    assert dataset.images.dtype == np.uint8
    assert (dataset.images.min(), dataset.images.max()) == (0, 16)
    assert dataset.classes == 10


def test_prototypes_follow_the_papers_recipe():
    dataset = load_dataset("prototypes")
    assert dataset.images.shape == (12_000, 1000)
    rng = np.random.default_rng(42)
    prototypes = rng.choice([-1, 1], size=(10, 1000))
    for index in range(3):
        sign = np.where(rng.random(1000) < 0.44, -1, 1)
        np.testing.assert_array_equal(dataset.images[index], prototypes[0] * sign > 0)
    assert np.bincount(dataset.labels).tolist() == [1200] * 10
    packed = np.packbits(dataset.images)
    assert (
        hashlib.sha256(packed.tobytes()).hexdigest()
        == "a7013bfd020fdea0e9023423f505316a2bc76bdb3f35d2b06141919c31ee4e3d"
    )


def test_split_paper_cuts_the_end_of_a_shuffle():
    dataset = load_dataset("digits")
    parts = split(dataset, "paper", seed=5)
    assert (len(parts.images), len(parts.test_images)) == (1437, 360)
    both = np.concatenate([parts.images, parts.test_images]).reshape(1797, -1)
    original = dataset.images.reshape(1797, -1)
    assert sorted(map(bytes, both)) == sorted(map(bytes, original))
    again, other = split(dataset, None, seed=5), split(dataset, None, seed=6)
    np.testing.assert_array_equal(parts.test_images, again.test_images)
    assert not np.array_equal(parts.test_images, other.test_images)
    # Images and labels must stay together.
    labels = {bytes(image): label for image, label in zip(original, dataset.labels, strict=True)}
    for image, label in zip(parts.test_images, parts.test_labels, strict=True):
        assert labels[bytes(image)] == label


def test_split_official(idx_folder, idx_arrays):
    parts = split(load_dataset(str(idx_folder)), "official", seed=5)
    np.testing.assert_array_equal(parts.images, idx_arrays[0])
    np.testing.assert_array_equal(parts.test_labels, idx_arrays[3])


def test_splits_refuse():
    dataset = load_dataset("digits")
    with pytest.raises(DataError, match="digits has no official test set; use --split paper"):
        split(dataset, "official", 0)
    with pytest.raises(
        ConfigurationError, match="split must be one of paper, official, validation, not 'x'"
    ):
        split(dataset, "x", 0)


def test_unknown_data_set():
    with pytest.raises(DataError, match="unknown data set 'x'; known: " + ", ".join(DATASETS)):
        load_dataset("x")


# IDX files


def test_idx_folder(idx_folder, idx_arrays):
    dataset = load_dataset(str(idx_folder))
    loaded = dataset.images, dataset.labels, dataset.test_images, dataset.test_labels
    for found, expected in zip(loaded, idx_arrays, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert dataset.classes == 10
    assert dataset.default_split == "official"


def test_idx_folder_without_test_set(idx_folder):
    for part in PARTS[2:]:
        find_idx(idx_folder, part).unlink()
    dataset = load_dataset(str(idx_folder))
    assert dataset.test_images is None
    assert (dataset.holdout, dataset.default_split) == (10, "paper")
    find_idx(idx_folder, PARTS[1]).unlink()
    with pytest.raises(DataError, match="lacks the IDX files train-labels-idx1-ubyte"):
        load_dataset(str(idx_folder))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "f is no IDX file: it starts with nothing"),
        (b"PK\3\4....", "f is no IDX file: it starts with 50 4b 03 04"),
        (bytes([0, 0, 7, 1]) + bytes(8), "f is no IDX file: it starts with 00 00 07 01"),
        (bytes([0, 0, 8, 3]) + bytes(20), "f must have 1 dimensions, not 3"),
        (bytes([0, 0, 8, 1, 0]), "f is damaged: its header is cut short"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 3, 1, 2]), "promises 3 bytes of data, it holds 2"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 1, 1, 2]), "promises 1 bytes of data, it holds 2"),
    ],
)
def test_damaged_idx(raw, message):
    with pytest.raises(DataError, match=message):
        parse_idx(raw, "f", 1)


def test_wider_idx_types():
    raw = bytes([0, 0, 0x0B, 1, 0, 0, 0, 2]) + np.array([1, -2], ">i2").tobytes()
    assert parse_idx(raw, "f", 1).tolist() == [1, -2]


@pytest.mark.parametrize("cut", [4, 15, -6])
def test_damaged_gzip(tmp_path, cut):
    path = tmp_path / "f.gz"
    path.write_bytes(gzip.compress(bytes(1000))[:cut])
    with pytest.raises(DataError, match=r"f\.gz is damaged: .*; fetch it again"):
        decompressed(path)


# MNIST and Fashion-MNIST


@pytest.fixture
def small_mnist(monkeypatch, tmp_path, idx_folder):
    """Make `mnist` mean the small files, and cut off every other source."""
    content = [hashlib.sha256(decompressed(find_idx(idx_folder, p))).hexdigest() for p in PARTS]
    source = mnist.Source("http://nowhere.invalid/", ("0" * 64,) * 4, tuple(content), "a-package")
    monkeypatch.setitem(mnist.SOURCES, "mnist", source)
    monkeypatch.delenv(mnist.FOLDER_VARIABLE, raising=False)
    monkeypatch.setattr(mnist.pooch, "os_cache", lambda name: tmp_path / "cache")

    def offline(*arguments, **options):
        raise OSError("no route to host")

    monkeypatch.setattr(mnist.pooch, "retrieve", offline)
    return idx_folder


def test_mnist_from_a_folder(small_mnist, idx_arrays):
    dataset = load_dataset("mnist", small_mnist)
    np.testing.assert_array_equal(dataset.images, idx_arrays[0])
    assert (dataset.name, dataset.holdout, dataset.default_split) == ("mnist", 10_000, "paper")


@pytest.mark.parametrize("nested", [False, True])
def test_mnist_from_the_environment(small_mnist, monkeypatch, nested):
    folder = small_mnist.rename(small_mnist.with_name("mnist")) if nested else small_mnist
    monkeypatch.setenv("METABIT_DATA", str(folder.parent if nested else folder))
    assert len(load_dataset("mnist").images) == 60


def test_mnist_from_the_packages_folder(small_mnist, monkeypatch):
    source = mnist.SOURCES["mnist"]
    packaged = mnist.Source(source.url, source.compressed, source.content, None, str(small_mnist))
    monkeypatch.setitem(mnist.SOURCES, "mnist", packaged)
    assert len(load_dataset("mnist").images) == 60


def test_mnist_downloaded_with_checksums(small_mnist, monkeypatch):
    asked = []

    def retrieve(url, known_hash, fname, path):
        asked.append((url, known_hash))
        return str(find_idx(small_mnist, fname.removesuffix("-ubyte.gz")))

    monkeypatch.setattr(mnist.pooch, "retrieve", retrieve)
    assert len(load_dataset("mnist").images) == 60
    expected = [(f"http://nowhere.invalid/{part}-ubyte.gz", "sha256:" + "0" * 64) for part in PARTS]
    assert asked == expected


def test_without_network_the_error_says_what_to_do(small_mnist):
    with pytest.raises(DataError) as caught:
        load_dataset("mnist")
    assert str(caught.value) == (
        "cannot download mnist from http://nowhere.invalid/ (no route to host); without network: "
        "apt-get install a-package, or put the four files train-images-idx3-ubyte.gz, "
        "train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz "
        "in a folder and pass --data-dir FOLDER (or set METABIT_DATA)"
    )


def test_what_is_there_is_found_without_a_download(small_mnist, monkeypatch):
    assert mnist.find_local("mnist") is None
    monkeypatch.setenv("METABIT_DATA", str(small_mnist))
    assert mnist.find_local("mnist") == small_mnist


def test_missing_files(small_mnist, tmp_path):
    find_idx(small_mnist, PARTS[3]).unlink()
    with pytest.raises(DataError, match=r"of --data-dir lacks t10k-labels-idx1-ubyte\.gz"):
        load_dataset("mnist", small_mnist)
    with pytest.raises(DataError, match="absent of --data-dir does not exist"):
        load_dataset("mnist", tmp_path / "absent")


def test_files_of_another_data_set(small_mnist):
    with pytest.raises(DataError, match="does not hold fashion-mnist: its checksum differs"):
        load_dataset("fashion-mnist", small_mnist)


def test_the_packaged_fashion_mnist():
    if find_idx(mnist.Path(mnist.SOURCES["fashion-mnist"].folder), PARTS[0]) is None:
        pytest.skip("Debian's dataset-fashion-mnist is not installed")
    dataset = load_dataset("fashion-mnist")
    assert dataset.images.shape == (60_000, 28, 28)
    assert np.median(dataset.images) == 0
    parts = split(dataset, None, 0)
    assert (len(parts.images), len(parts.test_images)) == (50_000, 10_000)


# The user's own arrays


def test_own_npz(own_npz):
    dataset = load_dataset(str(own_npz))
    assert dataset.images.dtype == bool
    assert dataset.labels.dtype == np.int64
    assert (dataset.classes, dataset.holdout, dataset.default_split) == (4, 40, "paper")


def test_own_npz_with_test_set(tmp_path):
    path = tmp_path / "own.npz"
    np.savez(path, x=np.eye(4), y=[0, 1, 2, 0], x_test=np.eye(4), y_test=[0, 1, 2, 6])
    dataset = load_dataset(str(path))
    assert (dataset.classes, dataset.default_split) == (7, "official")


def test_own_npy_pair(tmp_path):
    np.save(tmp_path / "x.npy", np.eye(4))
    np.save(tmp_path / "y.npy", np.array([0, 0, 0, 0]))
    dataset = load_dataset(f"{tmp_path}/x.npy,{tmp_path}/y.npy")
    np.testing.assert_array_equal(dataset.images, np.eye(4))
    assert dataset.classes == 2
    with pytest.raises(DataError, match=r"two \.npy files are needed"):
        load_dataset(f"{tmp_path}/x.npy")


GOOD_X, GOOD_Y = np.zeros((3, 2)), np.zeros(3, int)
NAN = np.array([[0, 1], [0, np.nan], [0, 0]])


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros(3), GOOD_Y, r"x must have shape \(samples, ...\), at least two .*, not \(3,\)"),
        (np.full((3, 2), "a"), GOOD_Y, "x must hold numbers, not <U1"),
        (np.zeros((3, 2), complex), GOOD_Y, "x must hold numbers, not complex128"),
        (GOOD_X, np.zeros((3, 2), int), r"y must have shape \(samples,\), or be .*, not \(3, 2\)"),
        (GOOD_X, np.array([0, 0.5, 1]), r"whole numbers or names, but y\[1\] is 0\.5"),
        (GOOD_X, np.zeros(3, complex), "whole numbers or names, not complex128"),
        (GOOD_X, np.zeros(2, int), "x and y must be equally long, not 3 and 2"),
        (np.zeros((0, 2)), np.zeros(0, int), r"x is empty: its shape is \(0, 2\)"),
        (np.zeros((3, 0)), GOOD_Y, r"x is empty: its shape is \(3, 0\)"),
        (NAN, GOOD_Y, r"x must be finite, but x\[1, 1\] is nan"),
        (np.where(NAN == 1, np.inf, 0), GOOD_Y, r"x\[0, 1\] is inf"),
        (GOOD_X, np.array([0, -1, 0]), "y must hold classes of 0 to 255, not -1 to 0"),
        (GOOD_X, np.array([0, 256, 0]), "y must hold classes of 0 to 255, not 0 to 256"),
    ],
)
def test_bad_arrays(x, y, message):
    with pytest.raises(DataError, match=message):
        check_samples(x, y)


def test_bad_npz_names_file_and_array(tmp_path):
    path = tmp_path / "own.npz"
    np.savez(path, x=NAN, y=GOOD_Y)
    with pytest.raises(DataError, match=r"own\.npz: x must be finite, but x\[1, 1\] is nan"):
        load_dataset(str(path))
    np.savez(path, x=GOOD_X, y=GOOD_Y, x_test=np.zeros((3, 5)), y_test=GOOD_Y)
    with pytest.raises(DataError, match=r"x_test must have the shape .*, \(2,\), not \(5,\)"):
        load_dataset(str(path))
    np.savez(path, x=GOOD_X, z=GOOD_Y)
    with pytest.raises(DataError, match=r"own\.npz lacks y; it holds x, z"):
        load_dataset(str(path))
    np.savez(path, x=GOOD_X, y=GOOD_Y, x_test=GOOD_X)
    with pytest.raises(DataError, match="lacks y_test"):
        load_dataset(str(path))
    np.savez(path, x=np.array([[{}]]), y=np.array([0]))
    with pytest.raises(DataError, match=r"damaged or no \.npz file: .*pickle"):
        load_dataset(str(path))


def test_damaged_npz(tmp_path):
    path = tmp_path / "own.npz"
    with pytest.raises(DataError, match=r"own\.npz does not exist"):
        load_dataset(str(path))
    np.savez(path, x=np.zeros((100, 100)), y=np.zeros(100, int))
    raw = path.read_bytes()
    for damaged in (
        b"",
        raw[:20],
        raw[: len(raw) // 2],
        b"no zip file",
        raw[:200] + b"\1" + raw[201:],
    ):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"own\.npz is damaged or no \.npz file"):
            load_dataset(str(path))


def test_damaged_npy(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((10, 10)))
    (tmp_path / "y.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:-9])
    with pytest.raises(DataError, match=r"y\.npy is damaged or no \.npy file"):
        load_dataset(f"{tmp_path}/x.npy,{tmp_path}/y.npy")
    with pytest.raises(DataError, match=r"z\.npy does not exist"):
        load_dataset(f"{tmp_path}/x.npy,{tmp_path}/z.npy")
    np.savez(tmp_path / "z.npz", x=GOOD_X)
    (tmp_path / "z.npz").rename(tmp_path / "z.npy")
    with pytest.raises(DataError, match=r"z\.npy is no \.npy file but an \.npz file"):
        load_dataset(f"{tmp_path}/x.npy,{tmp_path}/z.npy")


def test_validation_is_a_part_of_what_paper_trains_on():
    dataset = load_dataset("digits")
    paper, validation = (split(dataset, name, 3) for name in ("paper", "validation"))
    assert len(validation.test_images) == dataset.holdout
    both = np.concatenate([validation.images, validation.test_images])
    np.testing.assert_array_equal(both, paper.images)
    labels = np.concatenate([validation.labels, validation.test_labels])
    np.testing.assert_array_equal(labels, paper.labels)
