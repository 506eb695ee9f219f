"""Sweeps: the right trainings, each once, whatever dies in between."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from joblib import parallel_config
from typer.testing import CliRunner

from metabit.cli import app
from metabit.errors import MetabitError
from metabit.golden import network
from metabit.golden.configurations.named import named, override
from metabit.golden.data.datasets import absolute_name, load_dataset
from metabit.golden.data.training_data import adapt
from metabit.golden.paper import network as paper_network
from metabit.golden.runs.plan import Plan
from metabit.installation import install_command
from metabit.sweep import work as work_module
from metabit.sweep.grid import combinations, parse_values
from metabit.sweep.ledger import Ledger
from metabit.sweep.point import Point, dataset_sha256
from metabit.sweep.pool import Workers, run_all, workers
from metabit.sweep.work import work


def metabit(*arguments, status=0):
    result = CliRunner().invoke(app, [str(word) for word in arguments])
    assert result.exit_code == status, result.output
    return " ".join(result.output.split())


@pytest.fixture
def own(tmp_path):
    """Four noisy patterns of 24 bits."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 4, 240)
    patterns = rng.random((4, 24)) < 0.5
    path = tmp_path / "own.npz"
    np.savez(path, x=patterns[labels] ^ (rng.random((240, 24)) < 0.25), y=labels)
    return path


@pytest.fixture
def options(tmp_path, own):
    """A small sweep in this process, so that it can be tampered with."""
    data = ("--dataset", own, "--out", tmp_path / "s.jsonl", "--jobs", 1)
    return (
        "sweep",
        *data,
        "--epochs",
        2,
        "--seeds",
        2,
        "--vary",
        "hidden=6 8,4",
        "--vary",
        "group=3",
    )


@pytest.fixture
def points(own):
    dataset = load_dataset(str(own))
    sha256 = dataset_sha256(dataset)
    config = adapt(override(named("tiny"), hidden=(6,), group=3), dataset)

    def point(seed):
        return Point({"config": "tiny"}, Plan(override(config, seed=seed), 1), sha256)

    return [point(seed) for seed in range(6)]


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_sweep_is_the_trainings_one_by_one(tmp_path, own, options):
    report, table = tmp_path / "s.json", tmp_path / "s.csv"
    printed = metabit(*options, "--json", report, "--csv", table)
    assert "4 runs, 0 of them done already" in printed
    results = json.loads(report.read_text())
    for run in results["runs"]:
        alone = tmp_path / "alone.json"
        metabit(
            *("train", "--dataset", own, "--epochs", 2, "--group", 3, "--json", alone),
            *("--hidden", run["label"]["hidden"], "--seed", run["seed"]),
        )
        expected = json.loads(alone.read_text())
        for name in ("state_sha256", "test_accuracy", "test_accuracy_per_epoch", "config"):
            assert run[name] == expected[name]
    runs = {(run["label"]["hidden"], run["seed"]): run for run in results["runs"]}
    assert sorted(runs) == [("6", 0), ("6", 1), ("8,4", 0), ("8,4", 1)]
    for row in results["table"]:
        assert row["seeds"] == [0, 1]
        found = [runs[row["label"]["hidden"], seed]["test_accuracy"] for seed in (0, 1)]
        assert row["test_accuracy"] == pytest.approx(np.mean(found))
        assert row["test_accuracy_std"] == pytest.approx(np.std(found, ddof=1))
        shown = f"{100 * np.mean(found):.2f} ± {100 * np.std(found, ddof=1):.2f}"
        assert shown in printed
    with table.open() as file:
        written = list(csv.DictReader(file))
    assert [(row["hidden"], int(row["seed"]), row["config"]) for row in written] == [
        (hidden, seed, "tiny") for hidden in ("6", "8,4") for seed in (0, 1)
    ]
    assert [float(row["test_accuracy"]) for row in written] == [
        runs[row["hidden"], int(row["seed"])]["test_accuracy"] for row in written
    ]


def test_paper_mode_and_modes_side_by_side(tmp_path, own):
    report, alone = tmp_path / "s.json", tmp_path / "alone.json"
    metabit(
        *("sweep", "--dataset", own, "--out", tmp_path / "s.jsonl", "--jobs", 1, "--seeds", 1),
        *("--vary", "mode=hardware paper baldassi", "--vary", "hidden=12", "--vary", "group=4"),
        *("--epochs", 2, "--json", report),
    )
    for run in json.loads(report.read_text())["runs"]:
        metabit(
            *("train", "--dataset", own, "--hidden", 12, "--group", 4, "--epochs", 2),
            *("--mode", run["mode"], "--json", alone),
        )
        assert run["state_sha256"] == json.loads(alone.read_text())["state_sha256"]


def test_views_are_said(tmp_path):
    report, alone = tmp_path / "s.json", tmp_path / "alone.json"
    small = ("--dataset", "digits", "--epochs", 1)
    printed = metabit(
        *("sweep", *small, "--out", tmp_path / "s.jsonl", "--jobs", 1, "--seeds", 2),
        *("--vary", "views=1 5", "--vary", "hidden=8", "--vary", "group=4", "--json", report),
    )
    results = json.loads(report.read_text())
    (one, five) = results["table"]
    metabit("train", *small, "--views", 5, "--hidden", 8, "--group", 4, "--json", alone)
    expected = json.loads(alone.read_text())
    (first,) = [r for r in results["runs"] if r["label"]["views"] == "5" and r["seed"] == 0]
    assert first["test_accuracy_views"] == expected["test_accuracy_views"]
    assert one["test_accuracy_views"] is None
    assert f" {100 * five['test_accuracy_views']:.2f} " in printed


def test_several_configurations_and_data(tmp_path, own):
    printed = metabit(
        *("sweep", "--config", "tiny", "--dataset", own, "--dataset", "digits", "--seeds", 1),
        *("--epochs", 1, "--jobs", 1, "--out", tmp_path / "s.jsonl", "--vary", "epochs=1"),
        status=1,
    )
    assert "--epochs and --vary epochs cannot both be given" in printed
    printed = metabit(
        *("sweep", "--config", "tiny", "--dataset", own, "--dataset", "digits", "--seeds", 1),
        *("--jobs", 1, "--out", tmp_path / "s.jsonl", "--vary", "epochs=1 2"),
    )
    assert "4 runs" in printed
    found = {(line["dataset"], line["epochs"]) for line in lines_of(tmp_path / "s.jsonl")}
    assert found == {(name, epochs) for name in (str(own), "digits") for epochs in (1, 2)}


def test_nothing_is_done_twice(tmp_path, options):
    metabit(*options)
    first = lines_of(tmp_path / "s.jsonl")
    printed = metabit(*options)
    assert "4 runs, 4 of them done already" in printed
    assert lines_of(tmp_path / "s.jsonl") == first
    printed = metabit(*options, "--seeds", 3)
    assert "6 runs, 4 of them done already" in printed
    assert len(lines_of(tmp_path / "s.jsonl")) == 6


def test_a_failed_run_is_reported_and_the_others_kept(tmp_path, options, monkeypatch):
    train = work_module._train
    report = tmp_path / "s.json"

    def fail(point):
        if point.seed == 1 and len(point.plan.config.hidden) == 2:
            raise RuntimeError("no [more] luck")
        return train(point)

    with monkeypatch.context() as patch:
        patch.setattr(work_module, "_train", fail)
        printed = metabit(*options, "--json", report, status=1)
    assert "failed: tiny, 8,4, 3, seed 1: RuntimeError: no [more] luck" in printed
    assert "1 of 4 runs failed" in printed
    assert "1 (1 failed)" in printed
    lines = lines_of(tmp_path / "s.jsonl")
    assert sorted(line["status"] for line in lines) == ["done", "done", "done", "failed"]
    (failed,) = (line for line in lines if line["status"] == "failed")
    assert 'raise RuntimeError("no [more] luck")' in failed["traceback"]
    assert json.loads(report.read_text())["table"][1]["failed"] == 1
    printed = metabit(*options)
    assert "4 runs, 3 of them done already" in printed
    assert "failed" not in printed


def test_data_that_differ_where_the_worker_is_are_no_result(points, own):
    assert work(points[0])["status"] == "done"
    np.savez(own, x=np.eye(8, dtype=bool), y=np.arange(8) % 4)
    work_module._load.cache_clear()
    line = work(points[1])
    assert line["status"] == "failed"
    assert "has other contents here than where the sweep was started" in line["error"]


@pytest.mark.slow
def test_a_dead_worker_fails_alone(points):
    """Local functions travel to the worker by value, as nothing else could be found there."""
    deadly = points[2].key

    def function(point):
        if point.key == deadly:
            os._exit(1)
        return {"key": point.key, "status": "done"}

    with parallel_config(backend="loky", n_jobs=2):
        lines = list(run_all(points, Workers("2 processes", 2, True), function))
    found = {line["key"]: line for line in lines}
    assert len(lines) == len(found) == 6
    failed = [key for key, line in found.items() if line["status"] == "failed"]
    assert failed == [deadly]
    assert "its worker died, perhaps for lack of memory" in found[deadly]["error"]
    assert found[deadly]["seed"] == 2


@pytest.mark.slow
def test_workers_that_always_die_are_given_up(points):
    def function(point):
        os._exit(1)

    with (
        parallel_config(backend="loky", n_jobs=2),
        pytest.raises(MetabitError, match="2 processes die whatever they do"),
    ):
        list(run_all(points, Workers("2 processes", 2, True), function))


def test_rounds_give_the_same_as_a_stream(points):
    def function(point):
        return {"key": point.key}

    expected = [point.key for point in points]
    with parallel_config(backend="threading", n_jobs=4):
        for streams in (True, False):
            lines = list(run_all(points, Workers("4 threads", 4, streams), function))
            assert sorted(line["key"] for line in lines) == sorted(expected)


@pytest.mark.slow
def test_a_killed_sweep_goes_on(tmp_path, own):
    """Killed without a warning: what had ended is kept, and only the rest is done."""
    out = tmp_path / "s.jsonl"
    words = ["sweep", "--dataset", own, "--out", out, "--jobs", "2", "--vary", "hidden=6 8"]
    words += ["--vary", "group=3", "--epochs", "30", "--seeds", "6"]
    program = "from metabit.cli import app; app()"
    command = [sys.executable, "-c", program, *map(str, words)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, start_new_session=True, **quiet)
    limit = time.monotonic() + 60
    while not out.exists() or out.read_bytes().count(b"\n") < 2:
        assert process.poll() is None
        assert time.monotonic() < limit
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = lines_of(out)
    assert 2 <= len(kept) < 12
    out.write_bytes(out.read_bytes() + b'{"key":"half a li')
    printed = metabit(*words)
    assert "the last line was torn" in printed
    assert f"12 runs, {len(kept)} of them done already" in printed
    lines = lines_of(out)
    assert lines[: len(kept)] == kept
    assert len({line["key"] for line in lines}) == len(lines) == 12


def test_ctrl_c(tmp_path, options, monkeypatch):
    train = work_module._train

    def interrupt(point):
        if point.seed == 1:
            raise KeyboardInterrupt
        return train(point)

    with monkeypatch.context() as patch:
        patch.setattr(work_module, "_train", interrupt)
        printed = metabit(*options, status=130)
    assert "interrupted; the same command goes on" in printed
    assert "1 (1 missing)" in printed
    assert "4 runs, 1 of them done already" in metabit(*options)


def test_two_sweeps_cannot_share_a_ledger(tmp_path, options):
    with Ledger(tmp_path / "s.jsonl"):
        assert "s.jsonl is in use by another command" in metabit(*options, status=1)


@pytest.mark.parametrize("content", ["hello\n", "[]\n", '{"key": 1}\n'])
def test_a_file_of_something_else_is_left_alone(tmp_path, options, content):
    path = tmp_path / "s.jsonl"
    path.write_text(content)
    assert "s.jsonl, line 1 is no result of a run" in metabit(*options, status=1)
    assert path.read_text() == content


def test_workers_elsewhere_find_the_same_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "idx").mkdir()
    assert absolute_name("digits") == "digits"
    assert absolute_name("a.npz") == f"{tmp_path}/a.npz"
    assert absolute_name("x.npy,y.npy") == f"{tmp_path}/x.npy,{tmp_path}/y.npy"
    assert absolute_name("a.csv#kind") == f"{tmp_path}/a.csv#kind"
    assert absolute_name("idx") == f"{tmp_path}/idx"


@pytest.mark.parametrize("rule", [network, paper_network])
def test_a_changed_rule_changes_the_key(points, monkeypatch, rule):
    before = points[0].key
    monkeypatch.setattr(rule, "RULE_VERSION", rule.RULE_VERSION + 1)
    assert replace(points[0]).key != before


def test_keys(points):
    """What has an influence on the result, and nothing else, is in the key."""
    point = points[0]

    def key(**changes):
        return replace(point, **changes).key

    def plan(**changes):
        return key(plan=replace(point.plan, **changes))

    def config(**changes):
        return plan(config=point.plan.config.model_copy(update=changes))

    # No key of version 0.1 may change: results that are there would not be found any more.
    assert key() == point.key
    assert key(label={}) == config(dataset="x") == config(name="x") == point.key
    assert plan(engine="numpy") == plan(source="x") == point.key
    different = [config(seed=9), config(margin=0.5), config(encoder="median"), plan(epochs=2)]
    different += [key(data_sha256="x"), plan(split="official"), point.key]
    different += [key(variation="pcg64"), key(variation="counters")]
    assert len(set(different)) == 9


def test_values():
    known = {name: name for name in ("hidden", "margin", "counter_bits")} | {"layers": "hidden"}
    texts = ["layers=64 128,64", "--margin=0.1 0.5 0.1", "counter-bits=8"]
    values = parse_values(texts, known)
    assert values == {"hidden": ["64", "128,64"], "margin": ["0.1", "0.5"], "counter_bits": ["8"]}
    found = [tuple(chosen.values()) for chosen in combinations(values)]
    assert found == [(h, m, "8") for h in ("64", "128,64") for m in ("0.1", "0.5")]
    assert combinations({}) == [{}]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--vary", "margin"], '--vary must be a field and its values, e.g. "margin=0.1 0.25 0.5"'),
        (["--vary", "margin= "], "--vary must be a field and its values"),
        (["--vary", "colour=red"], "--vary colour: unknown field; known: encoder, thresholds,"),
        (["--vary", "margin=1", "--vary", "margin=0"], "--vary margin is given twice"),
        (["--vary", "margin=0.1 7"], "margin must be 0 to 1, not 7"),
        (["--vary", "margin=x"], "margin must be a number, not 'x'"),
        (["--vary", "epochs=x"], "epochs must be an integer, not 'x'"),
        (["--vary", "epochs=0"], "epochs must be at least 1, not 0"),
        (
            ["--vary", "mode=soft"],
            "--mode must be one of hardware, paper, baldassi, bep, not 'soft'",
        ),
        (["--vary", "mode=paper", "--vary", "tile=3"], "--tile means nothing in mode paper"),
        (["--config", "x"], "unknown configuration 'x'"),
        (["--split", "x"], "split must be one of paper, official"),
        (["--vary", "split=paper official"], "data set digits has no official test set"),
        (["--cluster", "mars"], "--cluster must be an address of a Dask scheduler"),
        (["--out", "absent/x.jsonl"], "--out absent/x.jsonl: folder absent does not exist"),
        (["--csv", "absent/x.csv"], "--csv absent/x.csv: folder absent does not exist"),
    ],
)
def test_mistakes_are_one_line(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert message in metabit("sweep", *arguments, status=1)


@pytest.mark.parametrize(
    ("address", "package", "extra"),
    [("tcp://localhost:1", "dask", "dask"), ("ray://localhost:1", "ray", "ray")],
)
def test_missing_packages_are_named(tmp_path, monkeypatch, address, package, extra):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, package, None)
    printed = metabit("sweep", "--cluster", address, status=1)
    assert f"this needs the package {package}; run: {install_command(extra)}" in printed


@pytest.mark.parametrize("count", [None, 1])
def test_local_workers(count):
    with workers(None, count) as found:
        assert found.count == (count or len(os.sched_getaffinity(0)))
        assert found.streams
