"""Arrays as people keep them: names in .npz files, ways to write classes, names of IDX files."""

import gzip

import numpy as np
import pytest

from metabit.golden.data.datasets import load_dataset
from metabit.golden.data.idx import PARTS, find_idx
from metabit.golden.data.labels import classes_of
from metabit.golden.data.options import DataOptions, parse_shape
from metabit.golden.errors import ConfigurationError, DataError
from tests.golden.conftest import idx_bytes

IMAGES = np.arange(24 * 6, dtype=np.uint8).reshape(24, 2, 3)
LABELS = np.arange(24) % 3
TEST = IMAGES[:5] + 1, LABELS[:5]


@pytest.fixture
def saved(tmp_path):
    def saved(**arrays):
        path = tmp_path / "own.npz"
        np.savez(path, **arrays)
        return str(path)

    return saved


# Names in .npz files


@pytest.mark.parametrize(
    ("train", "test"),
    [
        (("x", "y"), ("x_test", "y_test")),
        (("x_train", "y_train"), ("x_test", "y_test")),
        (("train_images", "train_labels"), ("test_images", "test_labels")),
        (("X_train", "Y_train"), ("X_test", "Y_test")),
        (("train_x", "train_y"), ("test_x", "test_y")),
        (("X", "y"), ("X_test", "y_test")),
        (("data", "target"), None),
        (("images", "labels"), None),
        (("arr_0", "arr_1"), None),
    ],
)
def test_known_names(saved, train, test):
    # The order within the file does not matter.
    arrays = dict(zip(reversed(test), reversed(TEST), strict=True)) if test else {}
    arrays |= {train[1]: LABELS, train[0]: IMAGES}
    dataset = load_dataset(saved(**arrays))
    np.testing.assert_array_equal(dataset.images, IMAGES)
    np.testing.assert_array_equal(dataset.labels, LABELS)
    if test:
        np.testing.assert_array_equal(dataset.test_images, TEST[0])
        np.testing.assert_array_equal(dataset.test_labels, TEST[1])
    assert dataset.default_split == ("official" if test else "paper")


def test_what_is_not_used_is_said(saved):
    dataset = load_dataset(
        saved(
            train_images=IMAGES,
            train_labels=LABELS[:, None],
            val_images=IMAGES,
            val_labels=LABELS[:, None],
            test_images=TEST[0],
            test_labels=TEST[1][:, None],
        )
    )
    assert dataset.summary == (
        ("samples", "24 samples of 2 x 3, uint8, 0 to 143; a test set of 5"),
        ("target", "3 classes, 0, 1, 2"),
        ("not used", "val_images, val_labels"),
    )


def test_no_test_set_is_ignored(saved):
    with pytest.raises(DataError, match="array xtest seems to be of a test set and would be ignor"):
        load_dataset(saved(x=IMAGES, y=LABELS, xtest=TEST[0]))
    with pytest.raises(DataError, match=r"own\.npz lacks test_labels; it holds x, y, test_images"):
        load_dataset(saved(x=IMAGES, y=LABELS, test_images=TEST[0]))


def test_the_small_letter_comes_first(saved):
    dataset = load_dataset(saved(X=IMAGES + 1, x=IMAGES, y=LABELS))
    np.testing.assert_array_equal(dataset.images, IMAGES)
    assert ("not used", "X") in dataset.summary


# Classes


@pytest.mark.parametrize(
    "labels",
    [
        LABELS.astype(float),
        LABELS[:, None],
        LABELS.reshape(-1, 1, 1),
        LABELS.astype(np.uint8),
        np.eye(3)[LABELS],
        np.eye(3, dtype=bool)[LABELS],
        np.array(["0", "1", "2"])[LABELS],
    ],
)
def test_ways_to_write_classes(labels):
    (found,), _ = classes_of([("y", labels)])
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, LABELS)


def test_names_of_classes(saved):
    names = np.array(["ox", "ape", "cat"])
    dataset = load_dataset(
        saved(
            x=IMAGES,
            y=names[LABELS],
            x_test=TEST[0],
            y_test=np.array([b"ape", b"bee"] * 2 + [b"ox"]),
        )
    )
    assert dataset.class_names == ("ape", "bee", "cat", "ox")
    assert dataset.labels[:4].tolist() == [3, 0, 2, 3]
    assert dataset.test_labels.tolist() == [0, 1, 0, 1, 3]
    assert dataset.classes == 4
    # Names that are numbers stand in the order of numbers.
    assert classes_of([("y", np.array(["10", "9"]))])[1] == ("9", "10")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            np.eye(3)[LABELS] * 0.5,
            r"y must have shape \(samples,\), or be one-hot, .*, not \(24, 3\)",
        ),
        (LABELS / 2, r"but y\[1\] is 0\.5"),
        (np.where(LABELS, np.nan, 0), r"but y\[1\] is nan"),
        (np.arange(24), "y holds 24 classes of 24 samples: no classes"),
        (np.array(["a", "A", "b"])[LABELS], "y writes a class in several ways, 'A', 'a'"),
        (np.array(["a", "?", "b"])[LABELS], r"the class is missing in some samples \('\?'\)"),
        (np.array(["a"] * 24), "y must hold 2 to 256 classes, not 1"),
        (np.array([b"\xff", b"a"] * 12), "bytes that are no UTF-8 text"),
    ],
)
def test_labels_that_are_no_classes(labels, message):
    with pytest.raises(DataError, match=message):
        classes_of([("y", labels)])


def test_names_and_numbers_do_not_mix():
    with pytest.raises(DataError, match="y and y_test must both be names of classes, or both"):
        classes_of([("y", np.array(["a", "b"])), ("y_test", np.array([0, 1]))])


# Shapes


def test_image_shape(saved):
    path = saved(x=IMAGES.reshape(24, 6), y=LABELS)
    dataset = load_dataset(path, None, DataOptions(image_shape=(2, 3)))
    np.testing.assert_array_equal(dataset.images, IMAGES)
    assert dataset.options.image_shape == (2, 3)
    with pytest.raises(DataError, match=r"x: samples of 6 numbers are no images of 3 x 3"):
        load_dataset(path, None, DataOptions(image_shape=(3, 3)))


def test_the_only_colour_is_no_axis(saved):
    dataset = load_dataset(saved(x=IMAGES[..., None], y=LABELS))
    np.testing.assert_array_equal(dataset.images, IMAGES)


@pytest.mark.parametrize("text", ["28", "28x", "x28", "axb", "2x3x4", "-1x4", "0x4"])
def test_shapes_are_written_with_an_x(text):
    assert parse_shape("28X14") == (28, 14)
    with pytest.raises(ConfigurationError, match="--image-shape must be"):
        DataOptions(image_shape=parse_shape(text))


# Names of IDX files


@pytest.mark.parametrize(
    "names",
    [
        ["train-images.idx3-ubyte", "train-labels.idx1-ubyte", *PARTS[2:]],
        [*PARTS[:2], "test-images-idx3-ubyte", "test-labels-idx1-ubyte"],
        [
            f"emnist-letters-{part}-idx{digit}-ubyte"
            for part, digit in (
                *(("train-images", 3), ("train-labels", 1)),
                *(("test-images", 3), ("test-labels", 1)),
            )
        ],
        [f"{part}-ubyte/{part.replace('-idx', '.idx')}-ubyte" for part in PARTS],
        [f"raw/{part}-ubyte" for part in PARTS],
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_common_names_of_idx_files(tmp_path, idx_arrays, names, packed):
    folder = tmp_path / "found"
    for name, array in zip(names, idx_arrays, strict=True):
        path = folder / (name + ".gz" * packed)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(idx_bytes(array)) if packed else idx_bytes(array))
    dataset = load_dataset(str(folder))
    loaded = dataset.images, dataset.labels, dataset.test_images, dataset.test_labels
    for found, expected in zip(loaded, idx_arrays, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_idx_files_of_two_data_sets(idx_folder, idx_arrays):
    for part in PARTS:
        find_idx(idx_folder, part).unlink()
    for kind in ("letters", "digits"):
        (idx_folder / f"emnist-{kind}-train-images-idx3-ubyte").write_bytes(
            idx_bytes(idx_arrays[0])
        )
    with pytest.raises(DataError, match="holds more than one data set: emnist-digits-train-images"):
        load_dataset(str(idx_folder))


def test_no_idx_test_set_is_ignored(idx_folder):
    labels = find_idx(idx_folder, PARTS[3])
    images = find_idx(idx_folder, PARTS[2])
    images.rename(images.with_name("pictures_for_test.gz"))
    labels.unlink()
    with pytest.raises(
        DataError, match=r"pictures_for_test\.gz seems to be of a test set and woul"
    ):
        load_dataset(str(idx_folder))
