"""Tables as people write them: what is recognised, what is said, and what is refused."""

import bz2
import gzip
import lzma
import zipfile

import numpy as np
import pytest

from metabit.golden.data import unpacking
from metabit.golden.data.datasets import load_dataset
from metabit.golden.data.options import AS_BEFORE, DataOptions
from metabit.golden.data.tables import is_table, load_csv
from metabit.golden.errors import ConfigurationError, DataError

ROWS = [
    ("1.5", "20", "rose"),
    ("2.25", "10", "lily"),
    ("3.5", "20", "rose"),
    ("4.75", "30", "lily"),
]
HEADER = ("length", "width", "kind")
VALUES = [[1.5, 20], [2.25, 10], [3.5, 20], [4.75, 30]]


def written(separator=",", rows=ROWS, header=HEADER):
    lines = ([header] if header else []) + list(rows)
    return "".join(separator.join(line) + "\n" for line in lines)


@pytest.fixture
def load(tmp_path):
    def load(contents, name="table.csv", **options):
        path = tmp_path / name
        path.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
        return load_csv(str(path), DataOptions(**options))

    return load


@pytest.fixture
def refused(load):
    """Return the message of the refusal, without the folder."""

    def refused(contents, **options):
        with pytest.raises(DataError) as caught:
            load(contents, **options)
        return str(caught.value).partition("table.csv")[2].lstrip(": ")

    return refused


def is_usual(table):
    assert table.values.tolist() == VALUES
    assert table.class_names == ("lily", "rose")
    assert table.labels.tolist() == [1, 0, 1, 0]
    return True


# The text


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", "  ", "   "])
def test_separators(load, separator):
    table = load(written(separator))
    assert is_usual(table)
    assert table.columns == ("length", "width")
    assert table.summary.separator == (r"\s+" if " " in separator else separator)


def test_a_comma_in_all_numbers_is_a_decimal_comma_though_it_is_as_frequent(load):
    rows = [(a.replace(".", ","), f"{b},5", c) for a, b, c in ROWS]
    table = load(written(";", rows, header=None))
    assert table.values.tolist() == [[a, b + 0.5] for a, b in VALUES]
    assert (table.summary.separator, table.summary.decimal) == (";", ",")


def test_decimal_commas_and_points_for_thousands(load):
    rows = [("1,5", "1.000", "a"), ("2,5", "1.234.567,5", "b"), ("3", "7", "a")]
    assert load(written(";", rows)).values.tolist() == [[1.5, 1000], [2.5, 1234567.5], [3, 7]]


@pytest.mark.parametrize(
    ("decimal", "values"), [(",", [1.5, 1.75, 2.0]), (".", [1500, 1750, 2000])]
)
def test_thousands_or_decimals_are_asked_for(load, refused, decimal, values):
    rows = [("1,500", "a"), ("1,750", "b"), ("2,000", "a")]
    text = written(";", rows, ("length", "kind"))
    assert refused(text).startswith(
        "1,500 may be a thousand or have decimals; say which with --dec"
    )
    assert load(text, decimal=decimal).values[:, 0].tolist() == values


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (('"1,000"', '"2,500.5"', "3"), [1000, 2500.5, 3]),
        (("1'000", "2'500", "3"), [1000, 2500, 3]),
        (("50%", "7.5 %", "100%"), [50, 7.5, 100]),
        (("0.1", "1e-7", "123456789.123456789"), [0.1, 1e-7, 123456789.123456789]),
    ],
)
def test_numbers_are_read_exactly(load, cells, values):
    rows = [(cell, kind) for cell, kind in zip(cells, "aba", strict=True)]
    assert load(written(",", rows, ("x", "kind"))).values[:, 0].tolist() == values


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_encodings(load, encoding):
    table = load(written(header=("größe", "width", "kind")).encode(encoding))
    assert table.columns[0] == "größe"
    assert table.summary.notes == {
        "utf-16": ("in UTF-16",),
        "latin-1": ("no UTF-8, read as Latin-1",),
    }.get(encoding, ())


@pytest.mark.parametrize(
    ("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)]
)
def test_compressed(load, suffix, pack):
    assert is_usual(load(pack(written().encode()), f"table.tsv{suffix}"))


def test_zipped(load, tmp_path):
    with zipfile.ZipFile(tmp_path / "made.zip", "w") as archive:
        archive.writestr("inside.csv", written())
    raw = (tmp_path / "made.zip").read_bytes()
    assert is_usual(load(raw, "table.csv.zip"))
    with zipfile.ZipFile(tmp_path / "made.zip", "a") as archive:
        archive.writestr("second.csv", written())
    with pytest.raises(DataError, match=r"it holds 2 files, inside\.csv, second\.csv; one is"):
        load((tmp_path / "made.zip").read_bytes(), "table.csv.zip")


def test_what_unpacks_to_too_much_is_given_up_early(load, monkeypatch):
    monkeypatch.setattr(unpacking, "MAX_UNPACKED", 1 << 12)
    text = written().encode() + b"\n" * (1 << 17)
    for pack, ending in ((gzip.compress, "gz"), (bz2.compress, "bz2"), (lzma.compress, "xz")):
        with pytest.raises(DataError, match="unpacks to more than 0 MiB from 0 KiB; unpack it"):
            load(pack(text), f"table.csv.{ending}")


@pytest.mark.parametrize(
    ("name", "table"),
    [("a.csv", True), ("a.TSV.gz", True), ("a.data#3", True), ("a.txt.zip", True), ("a.gz", False)],
)
def test_names_of_tables(name, table):
    assert is_table(name) == table


def test_comments_a_line_for_a_program_and_a_footer(load):
    table = load("# made by hand\n#\n" + written() + "# end\n")
    assert is_usual(table)
    assert table.summary.notes == ("3 comment lines are left out",)
    assert is_usual(load("sep=;\n" + written(";")))
    table = load(written() + "\nTotal,,2 kinds\n")
    assert is_usual(table)
    assert table.summary.notes == ("a footer of 1 lines is left out ('Total,,2 kinds')",)
    # A header may begin like a comment: it has the columns of the rest.
    assert load("#" + written()).columns[0] == "#length"


def test_a_blank_line_alone_makes_no_footer(load):
    head, _, last = written().rpartition("4.75")
    assert is_usual(load(f"{head}\n4.75{last}"))


def test_rows_of_other_lengths(refused):
    assert refused(written() + "Total,4\n") == (
        "row 6 has 2 columns, and the first row 3; is it a footer?"
    )


# The header


@pytest.mark.parametrize(
    "header", [("0", "1", "label"), ("0", "1", "species"), ("2019", "2020", "Class")]
)
def test_numeric_headers(load, header):
    table = load(written(header=header))
    assert table.columns == header[:2]
    assert table.summary.header


def test_a_header_that_counts_the_columns(load, refused):
    rows = [("1.5", "2", "3", "0"), ("2.5", "3", "4", "1"), ("3.5", "9", "8", "0")]
    text = written(",", rows, ("0", "1", "2", "3"))
    assert load(text).columns == ("0", "1", "2")
    whole = text.replace(".5", "")
    assert refused(whole).startswith("the first line, 0,1,2,3, may number the columns or be a sam")
    assert len(load(whole, header="yes").values) == 3
    assert len(load(whole, header="no").values) == 4


def test_r_leaves_out_the_name_of_row_numbers(load):
    rows = [(str(i + 1), *ROWS[i % 4]) for i in range(12)]
    table = load(written(" ", rows))
    assert table.columns == ("length", "width")
    assert table.summary.dropped == (("", "row numbers"),)


# The target


@pytest.mark.parametrize(
    "name", ["label", "Class", "TARGET", "species", "y", "category", "outcome"]
)
def test_the_target_is_found_by_its_name(load, name):
    rows = [row[::-1] for row in ROWS]
    table = load(written(",", rows, (name, "width", "length")))
    assert table.class_names == ("lily", "rose")
    assert table.summary.target == name
    assert load(written(",", rows, (name, "width", "length")), target="2").class_names == (
        *("10", "20", "30"),
    )


def test_coordinates_are_no_target(load):
    assert load(written(header=("x", "y", "kind"))).class_names == ("lily", "rose")


def test_two_candidates_are_asked_for(load, refused):
    text = written(header=("length", "class", "label"))
    assert refused(text) == (
        "the columns class, label may be the classes; choose one: --target class or --target label"
    )
    assert load(text, drop=("class",)).summary.target == "label"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ([f"{i / 4}" for i in range(30)], "the last column, t, holds 30 different numbers"),
        (
            [f"{i % 3 / 2}" for i in range(30)],
            "column t is continuous, 0.5 for example, and no cla",
        ),
        (
            [f"n{i}" for i in range(30)],
            "column t holds 30 different values in 30 rows, n0, n1, n10",
        ),
        (["a"] * 30, "column t must hold 2 to 256 classes, not 1; choose another column with --ta"),
        (
            ["Rose", "rose "] * 15,
            "column t writes a class in several ways, 'Rose', 'rose'; make the",
        ),
        (["1", "1.0", "2"] * 10, "column t writes a class in several ways, '1', '1.0'"),
        (
            ["a", "b", "?"] * 10,
            "the class is missing in 10 rows (column t), first '?'; leave these",
        ),
        (["a", "b", "NA"] * 10, "the class is missing in 10 rows (column t), first 'NA'; leave"),
    ],
)
def test_targets_that_are_none(refused, target, message):
    rows = [(str(i * i), text) for i, text in enumerate(target)]
    assert refused(written(",", rows, ("a", "t"))).startswith(message)


def test_without_a_header_classes_may_come_first(load, refused):
    rng = np.random.default_rng(0)
    pixels = np.where(rng.random((60, 4)) < 0.7, 0, rng.integers(0, 5, (60, 4)))
    rows = [(str(i % 3), *map(str, row)) for i, row in enumerate(pixels)]
    text = written(",", rows, header=None)
    assert refused(text) == (
        "the columns 1, 5 may be the classes; choose one: --target 1 or --target 5"
    )
    assert load(text, target="1").class_names == ("0", "1", "2")


# Columns that tell nothing, and cells that are missing


def numbered(name="", first=0, count=12):
    rows = [(str(i + first), *ROWS[i % 4]) for i in range(count)]
    return written(",", rows, (name, *HEADER))


@pytest.mark.parametrize(("name", "first"), [("", 0), ("n", 1), ("id", 100), ("Unnamed: 0", 7)])
def test_row_numbers_are_left_out(load, name, first):
    table = load(numbered(name, first))
    assert table.columns == ("length", "width")
    assert table.summary.dropped == ((name, "row numbers"),)
    assert load(numbered(name, first), keep=("1",)).columns == (name, "length", "width")


@pytest.mark.parametrize(("name", "first", "count"), [("n", 2, 12), ("n", 0, 9)])
def test_numbers_that_only_grow_and_few_rows_stay(load, name, first, count):
    assert load(numbered(name, first, count)).columns == (name, "length", "width")


def test_constants_names_and_empty_columns_are_left_out(load):
    rows = [(f"n{i}", "", "7", *ROWS[i % 4]) for i in range(12)]
    text = written(",", rows, ("name", "note", "unit", *HEADER))
    table = load(text)
    assert table.columns == ("length", "width")
    assert table.summary.dropped == (
        *(("name", "another text in each row"), ("note", "empty")),
        ("unit", "always '7'"),
    )
    assert load(text, keep=("unit",)).columns == ("unit", "length", "width")
    assert ("left out", "3: name (another text in each row), note (empty), unit (always '7')") in (
        table.summary.lines()
    )


def test_drop(load, refused):
    table = load(written(), drop=("2",))
    assert table.columns == ("length",)
    assert table.summary.dropped == (("width", "as asked"),)
    assert refused(written(), drop=("kind",), target="kind") == (
        "column kind holds the classes; it cannot be left out"
    )
    assert refused(written(), drop=("size",)).startswith("has no column 'size' for --drop; it has")
    assert refused(written(), drop=("length", "width")) == (
        "has no column to learn from: length is left out (as asked), width is left out (as asked)"
    )


@pytest.mark.parametrize("cell", ["", "?", "NA", "nan", "N/A", "null"])
def test_rows_with_missing_cells(load, refused, cell):
    text = written(",", [*ROWS, (cell, "10", "rose"), ("5", "20", cell)])
    assert refused(text) == (
        f"column length holds numbers, but row 6 has {cell!r}; fill it in, or leave such rows out "
        "with --missing drop, or leave the column out with --drop 'length' (1 of 6 cells)"
    )
    table = load(text, missing="drop")
    assert is_usual(table)
    assert table.summary.rows_dropped == 2
    assert table.summary.lines()[0][1].startswith("4 rows (2 more with missing cells are left out)")
    # Cells of a column that is left out do not matter.
    assert len(load(text, missing="drop", drop=("length",)).values) == 5


def test_mostly_missing_is_no_category(refused):
    rows = [("1.5" if i % 5 == 0 else "NA", str(i * i), "ab"[i % 2]) for i in range(20)]
    assert refused(written(",", rows)).startswith("column length holds numbers, but row 3 has 'NA'")
    assert "column length holds numbers" in refused(written(",", rows), missing="keep")


def test_missing_texts_can_be_a_category(load, refused):
    rows = [("1", "red", "a"), ("2", "", "b"), ("3", "blue", "a")]
    text = written(",", rows, ("x", "colour", "kind"))
    assert "take it as a category with --missing keep" in refused(text)
    assert load(text, missing="keep").columns == ("x", "colour=", "colour=blue", "colour=red")


def test_no_complete_row(refused):
    rows = [("1", "NA", "a"), ("NA", "2", "b")]
    assert refused(written(",", rows), missing="drop").startswith(
        "no row is complete; cells are missing in length (1), width (1); leave out columns"
    )


# Almost numbers


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (
            [f"2020-01-{i + 1:02}" for i in range(20)],
            "column a holds dates (2020-01-01), which say nothing by themselves; turn them into",
        ),
        ([f"{i % 12 + 1}/{i + 1}/2020" for i in range(20)], "column a holds dates (1/1/2020)"),
        (
            [f"{i} kg" for i in range(20)] * 2,
            "column a holds 20 different texts that are almost numbers ('0 kg'); write numbers",
        ),
        (
            [f'"{i},5"' for i in range(20)] * 2,
            "column a holds 20 different texts that are almost numbers ('0,5'); say --decimal ,",
        ),
        (["1", "2", "3", "4", "l5"] * 4, "column a holds numbers, but row 6 has 'l5'; mend it"),
    ],
)
def test_almost_numbers_are_refused_and_can_be_left_out(load, refused, cells, message):
    rows = [(cell, str(i * i), "ab"[i % 2]) for i, cell in enumerate(cells)]
    found = refused(written(",", rows, ("a", "b", "kind")))
    assert found.startswith(message)
    assert found.endswith("or leave the column out with --drop 'a'")
    assert load(written(",", rows, ("a", "b", "kind")), drop=("a",)).columns == ("b",)


def test_ranges_and_few_units_are_categories(load):
    rows = [
        (("18-25", "26-40", "65+")[i % 3], ("1 l", "2 l")[i % 2], "ab"[i % 2]) for i in range(12)
    ]
    assert load(written(",", rows)).columns == (
        *("length=18-25", "length=26-40", "length=65+", "width=1 l", "width=2 l"),
    )


def test_a_header_of_other_kinds_is_hinted_at(refused):
    rows = [("150", "4", "setosa"), ("5.1", "3", "0"), ("4.9", "2", "1"), ("4.7", "3", "0")]
    text = written(",", [row[::-1] for row in rows], header=None)
    assert "say --header yes if this is the line of names" in refused(text, target="2")


# What checkpoints keep


def test_the_same_again_from_what_was_found_out(load, tmp_path):
    rows = [(str(i), "7", *ROWS[i % 4][::-1]) for i in range(12)]
    text = written(",", rows, ("", "unit", "class", "width", "length"))
    table = load(text)
    assert table.options == DataOptions(target="class", drop=("", "unit"), automatic=False)
    again = load_csv(str(tmp_path / "table.csv"), table.options)
    np.testing.assert_array_equal(again.values, table.values)
    assert (again.columns, again.class_names) == (table.columns, table.class_names)
    # In a file without row numbers, they need not be left out.
    other = load(written(",", [row[1:] for row in rows], ("unit", "class", "width", "length")))
    load_csv(str(tmp_path / "table.csv"), table.options)
    assert other.columns == table.columns


def test_as_before_nothing_is_found_out(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(numbered())
    table = load_csv(str(path), AS_BEFORE)
    assert table.columns == ("", "length", "width")
    # The last column, whatever the others are called; dates are texts, and so are missing cells.
    rows = [("a", "2020-01-01", "?", "0.5"), ("b", "2020-01-02", "", "1.5")]
    path.write_text(written(",", rows, ("class", "day", "note", "kind")))
    table = load_csv(str(path), AS_BEFORE)
    assert table.class_names == ("0.5", "1.5")
    assert table.columns == (
        *("class=a", "class=b", "day=2020-01-01", "day=2020-01-02", "note=", "note=?"),
    )


@pytest.mark.parametrize("name", ["header", "missing", "decimal"])
def test_options_have_few_values(name):
    with pytest.raises(ConfigurationError, match=f"--{name} must be one of .*, not 'maybe'"):
        DataOptions(**{name: "maybe"})


def test_rows_that_are_images(tmp_path):
    rng = np.random.default_rng(2)
    rows = [("ab"[i % 2], "0", *map(str, rng.integers(0, 256, 5))) for i in range(20)]
    path = tmp_path / "images.csv"
    path.write_text(written(",", rows, ("label", *(f"p{i}" for i in range(6)))))
    dataset = load_dataset(str(path), None, DataOptions(image_shape=(2, 3)))
    assert dataset.images.shape == (20, 2, 3)
    assert dataset.images.dtype == np.uint8
    assert dataset.encoder is None
    assert dataset.images[3].reshape(-1).tolist() == [int(cell) for cell in rows[3][1:]]
    with pytest.raises(DataError, match=r"6 columns of numbers .* no images of 2 x 2"):
        load_dataset(str(path), None, DataOptions(image_shape=(2, 2)))
