"""The published tables, and the runs that are compared with them."""

import json
import math
from pathlib import Path

import pytest

from metabit.golden.errors import ConfigurationError
from metabit.golden.studies.comparison import Comparison, RowComparison
from metabit.golden.studies.published import TABLES, PublishedRow, published, select
from metabit.golden.studies.results import Result, former_key

CHANCE = PublishedRow(
    table="layers",
    dataset="prototypes",
    rule="paper",
    hidden=(6,),
    group=3,
    margin=0.25,
    weight_clip=0,
    batch=50,
    mean=50.0,
    std=1.0,
    train_mean=60.0,
    train_std=0.5,
    extra=False,
)


def result(accuracy, seed=0):
    return Result(seed, 1, [accuracy], [0.5], 0.1, "ab")


def test_published_rows():
    rows = published()
    assert len({row.name for row in rows}) == len(rows)
    assert {row.table for row in rows} == set(TABLES)
    (row,) = [row for row in rows if row.name == "layers/fashion-mnist/135-135"]
    assert (row.hidden, row.group, row.margin) == ((135, 135), 45, 0.25)
    assert (row.mean, row.std) == (85.679, 0.337)
    assert (row.train_mean, row.train_std) == (87.730, 0.069)
    config = row.config(seed=3, epochs=50)
    assert (config.inputs, config.encoder, config.batch, config.seed) == (784, "median", 100, 3)
    for row in rows:
        row.config(0, 1)


def test_select():
    assert all(not row.extra for row in select())
    assert len(select(extra=True)) == len(published())
    assert [row.name for row in select("layers", "prototypes", "35-35,255-255")] == [
        "layers/prototypes/35-35",
        "layers/prototypes/255-255",
    ]
    # Asked for by name, a row that takes long is found, too.
    assert [row.hidden for row in select(rows="layers/fashion-mnist/1035-1035")] == [(1035, 1035)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tables": "layers,depth"}, "unknown table 'depth'; known: layers, baseline, group"),
        ({"dataset": "mnist"}, "have no data set 'mnist'; known: fashion-mnist, prototypes"),
        ({"tables": "clip", "rows": "c3"}, "no row 'c3' in these tables; known: clip/fashion"),
    ],
)
def test_select_errors(options, message):
    with pytest.raises(ConfigurationError, match=message):
        select(**options)


def test_key_depends_on_all_but_the_name():
    config = CHANCE.config(0, 1)
    assert former_key(config) == former_key(config.model_copy(update={"name": "other"}))
    assert former_key(config) != former_key(config.model_copy(update={"batch": 51}))


@pytest.mark.parametrize(
    ("accuracies", "verdict"),
    [
        ([0.50], "agrees"),
        ([0.53], "agrees"),  # a single run, published deviation 1: within 3 * 1.05
        ([0.54], "better"),
        ([0.46, 0.46, 0.46], "worse"),
        ([0.51, 0.51, 0.51], "agrees"),
    ],
)
def test_verdict(accuracies, verdict):
    results = [result(accuracy, seed) for seed, accuracy in enumerate(accuracies)]
    compared = RowComparison(CHANCE, results)
    assert compared.test.verdict == verdict
    # 50 % of the training samples, in every run.
    assert (compared.train.difference, compared.train.verdict) == (-10, "worse")


def test_comparison_worked_by_hand():
    comparison = Comparison([51.0, 53.0, 55.0], 50.0, 1.0)
    assert comparison.mean == pytest.approx(53)
    assert comparison.std == pytest.approx(2)
    assert comparison.difference == pytest.approx(3)
    # (2 * 4 + 9 * 1) / (3 + 10 - 2) * (1 / 3 + 1 / 10)
    assert comparison.error == pytest.approx(math.sqrt(17 / 11 * 13 / 30))


def test_close_means_more_than_chance_but_little():
    assert Comparison([50.4, 50.4], 50.0, 0.01).verdict == "close"
    assert Comparison([50.4], None, None).verdict == "-"


RUNS = Path(__file__).parents[2] / "docs" / "reproduction" / "runs.jsonl"


def test_documented_runs_belong_to_rows_as_they_are_now():
    """A change of a configuration or of the rule's version makes them stale."""
    documented = [json.loads(line) for line in RUNS.read_text().splitlines()]
    known = {former_key(row.config(seed, 50)) for row in published() for seed in range(10)}
    assert {run["key"] for run in documented} <= known
    assert len({run["key"] for run in documented}) == len(documented)
    results = [Result.of(run) for run in documented]
    assert [result.test_accuracy for result in results] == [
        run["test_accuracy"] for run in documented
    ]
