"""Tables of columns: how CSV files are read, encoded, trained on, and refused."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from metabit.cli import app
from metabit.golden.data.datasets import load_dataset
from metabit.golden.data.tables import load_csv
from metabit.golden.encoding.distributive import Distributive
from metabit.golden.encoding.encoders import Encoder
from metabit.golden.errors import ConfigurationError, DataError

FLOWERS = """\
length,colour,kind
1.5,red,rose
2,blue,violet
3.25,red,rose
4e0,white,lily
"""


def metabit(*arguments, status=0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    return result.output


@pytest.fixture
def write(tmp_path):
    def write(text, target=""):
        path = tmp_path / "table.csv"
        path.write_text(text, encoding="utf-8")
        return f"{path}{target}"

    return write


def test_numbers_first_then_a_column_per_category(write):
    table = load_csv(write(FLOWERS))
    assert table.columns == ("length", "colour=blue", "colour=red", "colour=white")
    assert table.numbers == 1
    assert table.values.tolist() == [[1.5, 0, 1, 0], [2, 1, 0, 0], [3.25, 0, 1, 0], [4, 0, 0, 1]]
    assert table.class_names == ("lily", "rose", "violet")
    assert table.labels.tolist() == [1, 2, 1, 0]


@pytest.mark.parametrize("target", ["#colour", "#2"])
def test_target(write, target):
    table = load_csv(write(FLOWERS, target))
    assert table.class_names == ("blue", "red", "white")
    assert table.columns == ("length", "kind=lily", "kind=rose", "kind=violet")


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_a_mark_at_the_beginning_and_empty_lines(tmp_path, separator):
    path = tmp_path / "table.csv"
    path.write_text("\n" + FLOWERS.replace(",", separator) + "\n\n", encoding="utf-8-sig")
    assert load_csv(str(path)).columns[0] == "length"


def test_without_a_header(write):
    table = load_csv(write("1,a,10\n2,b,9\n3,a,10\n"))
    assert table.columns == ("1", "2=a", "2=b")
    # Classes that are numbers stand in the order of numbers.
    assert table.class_names == ("9", "10")
    assert table.labels.tolist() == [1, 0, 1]


def test_texts_only(write):
    """A first line whose texts come again is no header."""
    assert load_csv(write("a,x\nb,y\na,y\n")).columns == ("1=a", "1=b")
    assert load_csv(write("letter,kind\na,x\nb,y\n")).columns == ("letter=a", "letter=b")


def test_quoted_cells(write):
    table = load_csv(write('name,kind\n"a, b",x\n"c ""d""",y\n'))
    assert table.columns == ("name=a, b", 'name=c "d"')


@pytest.mark.parametrize(
    ("text", "target", "message"),
    [
        ("", "", "table.csv is empty"),
        ("a,b\n1,2\n", "", "too few rows of data: 1; at least 2"),
        ("a,b\n1,x\n2\n", "", "row 3 has 1 columns, and the first row 2"),
        ("a\n1\n2\n", "", "has a single column"),
        (FLOWERS, "#size", "no column 'size' for --target; it has length, colour, kind (or give"),
        (FLOWERS, "#4", "no column '4' for --target"),
        ("a,a,k\n1,2,x\n3,4,y\n", "#a", "has 2 columns of the name 'a'"),
        ("a,b\n1,x\n2,x\n", "", "column b must hold 2 to 256 classes, not 1; choose another"),
        ("a,b\n1,x\n2,\n", "", "the class is missing in 1 rows (column b)"),
        ("a,b\n1,x\n?,y\n3,y\n", "", "column a holds numbers, but row 3 has '?'; fill it in"),
        ("a,b\n1,x\n2,y\nnan,y\n", "", "column a holds numbers, but row 4 has 'nan'"),
        ("1,x\n2,y\n,y\n", "", "column 1 holds numbers, but row 3 has ''"),
        ('a,b\n"x,1\n', "", "is no CSV file"),
        (
            "a,b\n" + "".join(f"t{i // 2},{i % 2}\n" for i in range(600)),
            "",
            "column a holds 300 different texts, more than 256, each of which would take a bit; "
            "leave it out with --drop 'a'",
        ),
        (
            "a,b\n" + "".join(f"{i},{i / 7}\n" for i in range(300)),
            "",
            "the last column, b, holds 300 different numbers (such as 0.0), a quantity rather",
        ),
    ],
)
def test_errors(write, text, target, message):
    with pytest.raises(DataError) as error:
        load_csv(write(text, target))
    assert message in str(error.value)


def test_missing_and_undecodable_files(tmp_path):
    with pytest.raises(DataError, match=r"nothing\.csv does not exist"):
        load_dataset(str(tmp_path / "nothing.csv"))
    (tmp_path / "binary.csv").write_bytes(b"\x89PNG\r\n\x1a\n\0\0,\xff")
    with pytest.raises(DataError, match="is no text: it holds the control character 0x00 at 8"):
        load_dataset(str(tmp_path / "binary.csv"))


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [("breast-cancer", (569, 30), 2), ("iris", (150, 4), 3), ("wine", (178, 13), 3)],
)
def test_shipped_tables(name, shape, classes):
    dataset = load_dataset(name)
    assert (dataset.images.shape, dataset.classes) == (shape, classes)
    assert (dataset.encoder, dataset.holdout) == ("distributive:32", shape[0] // 5)
    assert len(dataset.columns) == shape[1]


def test_thresholds_are_quantiles_worked_by_hand():
    """Seven samples, three bits: the sorted values at places 7/4, 14/4 and 21/4, rounded down."""
    samples = np.array([[5, 9], [1, 9], [4, 9], [2, 9], [7, 9], [3, 9], [6, 0]], float)
    encoder = Encoder("distributive:3").fit(samples)
    assert encoder.thresholds == ((2, 4, 6), (9, 9, 9))
    assert encoder.encode(np.array([[5, 9.5], [2, 9]])).astype(int).tolist() == [
        [1, 1, 0, 1, 1, 1],
        [0, 0, 0, 0, 0, 0],
    ]
    again = Encoder("distributive:3", thresholds=encoder.thresholds)
    np.testing.assert_array_equal(again.encode(samples), encoder.encode(samples))


def test_columns_of_bits_stay_bits():
    samples = np.array([[5, 1, 0], [1, 0, 0], [4, 1, 1]], float)
    encoder = Encoder("distributive:2,n=1").fit(samples)
    assert encoder.thresholds == ((4, 5),)
    assert encoder.bits((3,)) == 4
    bits = [[1, 0, 1, 0], [0, 0, 0, 0], [0, 0, 1, 1]]
    assert encoder.encode(samples).astype(int).tolist() == bits
    with pytest.raises(DataError, match="columns after the first 1 must hold bits"):
        encoder.encode(samples + 1)


@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=60), st.integers(1, 40))
def test_bits_of_a_column_fall_like_those_of_a_thermometer(values, levels):
    samples = np.array(values)[:, None]
    bits = Distributive(levels).fit(samples).encode(samples).astype(int)
    # Once a bit is 0, the following ones are, and a larger number has no fewer bits.
    assert (np.diff(bits, axis=1) <= 0).all()
    assert (np.diff(bits.sum(axis=1)[np.argsort(values)]) >= 0).all()


@pytest.mark.parametrize("arguments", ["", "0", "257", "3,n", "-1", "3,n=x"])
def test_specifications_that_are_refused(arguments):
    with pytest.raises(ConfigurationError, match="distributive needs 1 to 256 bits a column"):
        Encoder(f"distributive:{arguments}")


def test_encoder_errors():
    with pytest.raises(ConfigurationError, match="more than one 'distributive' part"):
        Encoder("distributive:2+distributive:3")
    with pytest.raises(DataError, match="must be fitted to training data first"):
        Encoder("distributive:2").encode(np.zeros((1, 2)))
    with pytest.raises(DataError, match="must be fitted to data of 3 columns"):
        Encoder("distributive:2").fit(np.zeros((4, 2))).encode(np.zeros((1, 3)))
    with pytest.raises(DataError, match="needs at least 3 columns, and the data have 2"):
        Encoder("distributive:2,n=3").bits((2,))


@pytest.fixture
def plants(tmp_path):
    """A table that can be learnt: two numbers and a text."""
    rng = np.random.default_rng(0)
    lines = ["kind,length,width,colour"]
    for _ in range(240):
        kind = int(rng.integers(3))
        length, width = rng.normal(3 * kind, 1), rng.normal(-2 * kind, 1)
        lines.append(f"k{kind},{length:.3f},{width:.3f},{'red' if kind == 1 else 'blue'}")
    path = tmp_path / "plants.csv"
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize("mode", ["hardware", "paper"])
def test_both_modes_train_and_evaluate(tmp_path, plants, mode):
    out, report = tmp_path / "run.npz", tmp_path / "train.json"
    metabit(
        *("train", "--mode", mode, "--dataset", plants, "--target", "kind", "--epochs", 12),
        *("--hidden", 30, "--group", 15, "--out", out, "--json", report),
    )
    results = json.loads(report.read_text())
    assert results["test_accuracy"] > 0.85
    assert results["config"]["encoder"] == "distributive:32,n=2"
    assert (results["config"]["inputs"], results["config"]["classes"]) == (66, 3)
    assert results["dataset"] == f"{plants}#kind"
    printed = metabit("evaluate", out)
    assert f"{results['test_accuracy'] * 100:.2f} %" in printed

    # Another table of the same columns is encoded with the thresholds of the training.
    other = tmp_path / "other.csv"
    lines = plants.read_text().splitlines()
    other.write_text("\n".join([lines[0], *lines[1:80]]))
    tested = tmp_path / "test.json"
    metabit("evaluate", out, "--dataset", other, "--target", "kind", "--json", tested)
    assert json.loads(tested.read_text())["test_accuracy"] > 0.85
    other.write_text("\n".join(lines).replace("blue", "green"))
    printed = metabit("evaluate", out, "--dataset", other, "--target", "kind", status=1)
    assert "the network was trained on length, width, colour=blue" in printed.replace("\n", " ")


def test_resume(tmp_path, plants):
    whole, out = tmp_path / "whole.json", tmp_path / "run.npz"
    options = ("--dataset", f"{plants}#kind", "--hidden", 30, "--group", 15, "--epochs", 4)
    metabit("train", *options, "--json", whole, "--out", out)
    printed = metabit("train", "--resume", out, status=1)
    assert "has finished its 4 epochs" in printed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--target", "x"), "--target needs --dataset FILE.csv"),
        (("--target", "x", "--dataset", "iris"), "--target needs --dataset FILE.csv"),
        (("--target", "x", "--dataset", "a.csv#b"), "cannot be given with --dataset a.csv#b"),
        (("--dataset", "nothing.csv"), "nothing.csv does not exist"),
    ],
)
def test_target_errors(options, message):
    assert message in metabit("train", *options, status=1).replace("\n", " ")
