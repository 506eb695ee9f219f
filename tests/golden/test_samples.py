"""New samples for a trained network: tables by their columns, arrays by their names."""

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metabit.golden.data.options import DataOptions
from metabit.golden.data.samples import load_samples
from metabit.golden.data.seen import Seen
from metabit.golden.data.tables import load_csv
from metabit.golden.data.trained import Trained
from metabit.golden.errors import DataError
from tests.golden.conftest import idx_bytes

NAMES = ["id", "length", "class", "colour", "width"]
TABLE = [
    [str(i), f"{i % 7}.5", "ab"[i % 2], ("red", "blue", "gr=een")[i % 3], str(i * i % 11)]
    for i in range(24)
]


def write(path, rows):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    path.write_text(text.getvalue())
    return str(path)


def trained_on(path, options=None):
    table = load_csv(path, options)
    seen = Seen.of(table.values, columns=True)
    return table, Trained(path, table.columns, table.numbers, table.options, seen)


@pytest.fixture
def plants(tmp_path):
    return trained_on(write(tmp_path / "plants.csv", [NAMES, *TABLE]), DataOptions(target="class"))


@given(
    order=st.permutations(range(5)),
    rows=st.lists(st.integers(0, 23), min_size=1, max_size=9),
    gone=st.sets(st.sampled_from(["id", "class"])),
)
def test_columns_are_found_by_their_names(tmp_path_factory, order, rows, gone):
    folder = tmp_path_factory.mktemp("tables")
    table, trained = trained_on(
        write(folder / "old.csv", [NAMES, *TABLE]), DataOptions(target="class")
    )
    kept = [column for column in order if NAMES[column] not in gone]
    lines = [[row[column] for column in kept] for row in [NAMES, *(TABLE[row] for row in rows)]]
    found = load_samples(write(folder / "new.csv", lines), trained)
    np.testing.assert_array_equal(found.images, table.values[rows])
    assert not [text for text in found.strange if "outside" in text]


@given(
    target=st.integers(0, 3),
    with_target=st.booleans(),
    rows=st.lists(st.integers(0, 39), min_size=1, max_size=9),
)
def test_columns_without_names_are_found_by_their_places(
    tmp_path_factory, target, with_target, rows
):
    folder = tmp_path_factory.mktemp("tables")
    rng = np.random.default_rng(target)
    cells = [[f"{value:.2f}" for value in rng.normal(size=4)] for _ in range(40)]
    for place, row in enumerate(cells):
        row[target] = "xyz"[place % 3]
    table, trained = trained_on(
        write(folder / "old.csv", cells), DataOptions(target=str(target + 1), header="no")
    )
    kept = [column for column in range(4) if with_target or column != target]
    lines = [[cells[row][column] for column in kept] for row in rows]
    found = load_samples(write(folder / "new.csv", lines), trained)
    np.testing.assert_array_equal(found.images, table.values[rows])


def test_a_category_that_training_did_not_know_sets_no_bit_and_is_said(plants, tmp_path):
    table, trained = plants
    new = [["colour", "width", "length"], ["pink", "1", "2"], ["gr=een", "1", "2"]]
    found = load_samples(write(tmp_path / "new.csv", new), trained)
    assert table.columns == ("length", "width", "colour=blue", "colour=gr=een", "colour=red")
    np.testing.assert_array_equal(found.images, [[2, 1, 0, 0, 0], [2, 1, 0, 1, 0]])
    assert ("new", found.summary[-1][1]) == found.summary[-1]
    assert "did not know, 'pink' in 1 of 2 rows" in found.summary[-1][1]


def test_labels_and_unknown_columns_are_said(plants, tmp_path):
    new = [["extra", *NAMES], *(["e", *row] for row in TABLE)]
    found = load_samples(write(tmp_path / "new.csv", new), plants[1])
    assert ("labels", "column class is ignored") in found.summary
    assert ("not used", "2: extra, id") in found.summary


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([["colour", "width"], ["red", "1"]], "lacks the column length, which the network was"),
        ([["red", "1", "2"]], "the first line names none of the columns that the network was"),
        ([["colour", "width", "length"]], "has no rows but the line of names"),
        (
            [["colour", "width", "length"], ["red", "1", "2"], ["red", "one", "2"]],
            "column width held numbers in training, but row 3 has 'one'; mend it",
        ),
        (
            [["colour", "width", "length"], ["red", "1", "2"], ["red", "", "2"]],
            "column width has '' in row 3; fill it in, or leave such rows .*--missing drop",
        ),
        (
            [["colour", "width", "width", "length"], ["red", "1", "1", "2"]],
            "has 2 columns of the name 'width'",
        ),
    ],
)
def test_what_does_not_match_is_refused(plants, tmp_path, lines, message):
    with pytest.raises(DataError, match=message):
        load_samples(write(tmp_path / "new.csv", lines), plants[1])


def test_rows_that_lack_cells_are_left_out_if_asked(plants, tmp_path):
    new = [["colour", "width", "length"], ["red", "", "2"], ["blue", "3", "2"], ["?", "3", "2"]]
    path = write(tmp_path / "new.csv", new)
    found = load_samples(path, plants[1], options=DataOptions(missing="drop"))
    assert found.rows.tolist() == [1]
    assert found.count == 3
    assert ("missing", "2 of 3 rows lack cells and get no prediction") in found.summary


def test_a_single_column_is_enough(tmp_path):
    cells = [["size", "kind"], *([str(i), "ab"[i > 9]] for i in range(20))]
    _, trained = trained_on(write(tmp_path / "old.csv", cells), DataOptions(keep=("size",)))
    found = load_samples(write(tmp_path / "new.csv", [["size"], ["3"], ["12"]]), trained)
    assert found.images.tolist() == [[3], [12]]


def test_numbers_in_the_first_line_that_may_be_names_are_asked_for(tmp_path):
    cells = [[str((3 * i + j) % 17) for j in range(3)] + ["ab"[i % 2]] for i in range(20)]
    _, trained = trained_on(write(tmp_path / "old.csv", cells), DataOptions(header="no"))
    trained = Trained(
        *(getattr(trained, n) for n in ("dataset", "columns", "numbers")),
        DataOptions(target="4", automatic=False),
        trained.seen,
    )
    path = write(tmp_path / "new.csv", [["1", "2", "3"], ["4", "5", "6"]])
    with pytest.raises(DataError, match="say which with --header yes or --header no"):
        load_samples(path, trained)
    assert len(load_samples(path, trained, options=DataOptions(header="yes")).images) == 1
    assert len(load_samples(path, trained, options=DataOptions(header="no")).images) == 2


# Arrays


IMAGES = np.arange(3 * 4 * 4, dtype=np.uint8).reshape(3, 4, 4)
ON_IMAGES = Trained("x.npz", (), None, DataOptions(), Seen.of(IMAGES, columns=False))


@pytest.mark.parametrize(
    ("arrays", "suffix", "ignored"),
    [
        ({"anything": IMAGES}, "", None),
        ({"x": IMAGES, "y": np.arange(3)}, "", "y"),
        ({"X_test": IMAGES, "y_test": np.arange(3)}, "", "y_test"),
        ({"x": IMAGES[:1], "mine": IMAGES, "y": np.arange(1)}, "#mine", "x, y"),
    ],
)
def test_samples_of_an_npz_file(tmp_path, arrays, suffix, ignored):
    np.savez(tmp_path / "new.npz", **arrays)
    found = load_samples(f"{tmp_path}/new.npz{suffix}", ON_IMAGES)
    np.testing.assert_array_equal(found.images, IMAGES)
    assert dict(found.summary).get("ignored") == ignored


def test_samples_of_npy_files_and_of_idx_images(tmp_path):
    np.save(tmp_path / "x.npy", IMAGES.reshape(3, -1).astype(np.float64))
    idx = tmp_path / "folder" / "t10k-images-idx3-ubyte"
    idx.parent.mkdir()
    idx.write_bytes(idx_bytes(IMAGES))
    rows = [[i, *image.ravel()] for i, image in enumerate(IMAGES)]
    write(tmp_path / "table.csv", [["label", *(f"p{i}" for i in range(16))], *rows])
    for name in ("x.npy", "x.npy,y.npy", "folder", "folder/t10k-images-idx3-ubyte", "table.csv"):
        found = load_samples(f"{tmp_path}/{name}", ON_IMAGES)
        np.testing.assert_array_equal(found.images, IMAGES)
        assert found.images.dtype == np.uint8
        assert found.strange == ()


def test_arrays_that_are_unclear_or_of_another_shape_are_refused(tmp_path):
    np.savez(tmp_path / "two.npz", a=IMAGES, b=IMAGES)
    with pytest.raises(DataError, match=r"two.npz holds a, b; say which .*two.npz#NAME"):
        load_samples(f"{tmp_path}/two.npz", ON_IMAGES)
    with pytest.raises(DataError, match="holds no 'c'; it holds a, b"):
        load_samples(f"{tmp_path}/two.npz#c", ON_IMAGES)
    np.save(tmp_path / "large.npy", np.zeros((2, 5, 5)))
    with pytest.raises(DataError, match=r"samples are 5 x 5 numbers, and the .* samples of 4 x 4"):
        load_samples(f"{tmp_path}/large.npy", ON_IMAGES)
    with pytest.raises(DataError, match=r"is no data set and no file; known: breast-cancer"):
        load_samples(f"{tmp_path}/absent", ON_IMAGES)
    for part in ("train", "t10k"):
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(idx_bytes(IMAGES))
    with pytest.raises(DataError, match="holds several files of images; choose one: --dataset"):
        load_samples(str(tmp_path), ON_IMAGES)


# Range


def test_another_range_is_noticed():
    seen = Seen.of(np.array([[0, 255]]), columns=False)
    assert seen.strange(np.array([[0, 200]])) == []
    assert seen.strange(np.linspace(0, 1, 20)) == [
        "values: 0 to 1 here, 0 to 255 in training: is it the same scale?"
    ]
    assert seen.strange(np.array([[-1, 300, 5]])) == [
        "values: -1 to 300 here, 0 to 255 in training (2 of 3 outside)"
    ]
    # One sample says nothing about the range of all.
    assert seen.strange(np.array([[3]])) == []


def test_columns_are_compared_each_with_its_own_range():
    seen = Seen.of(np.array([[0, 100], [1, 200]]), columns=True)
    assert seen.strange(np.array([[1, 150]])) == []
    assert seen.strange(np.array([[150, 150]]), ("a", "b")) == [
        "column a: 150 to 150 here, 0 to 1 in training (1 of 1 outside)"
    ]
    assert seen.strange(np.array([[2, 1]]))[0].startswith("2 columns differ in range; column 1: ")
