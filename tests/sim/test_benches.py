"""The testbenches in cocotb: they pass, and they can fail."""

import json
from types import ModuleType
from typing import NamedTuple

import pytest

from metabit.hdl.learn import head
from metabit.hdl.link import receive
from metabit.sim.benches import BENCHES, benches, runner
from metabit.sim.benches import head as head_bench
from metabit.sim.benches import receiver as receiver_bench
from metabit.sim.benches.covering import Coverage, place
from metabit.sim.benches.runner import BenchError, build
from metabit.tools.errors import ToolError
from tests.hdl.planted import plant


@pytest.mark.slow
@pytest.mark.parametrize("bench", benches(), ids=str)
def test_a_bench_passes(bench, tmp_path):
    model = build(bench.design(bench.shape), bench.shape, tmp_path / "model")
    assert model.run(bench.name, seed=1) > 0
    coverage = model.coverage(bench.name, seed=1)
    assert coverage.bins > 10
    assert coverage.missing == []


class Bug(NamedTuple):
    """A slip in the source of the block that a bench is run on."""

    bench: ModuleType
    block: str
    source: ModuleType
    right: str
    wrong: str


# Of the benches that compile fastest.
BUGS = {
    "head": Bug(head_bench, "Head", head, "(best < score)", "(best <= score)"),
    "receiver": Bug(receiver_bench, "Receiver", receive, "sound.eq(crc.zero & ", "sound.eq("),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_caught(name, monkeypatch, tmp_path):
    bug = BUGS[name]
    planted = plant(bug.source, (bug.right, bug.wrong))
    monkeypatch.setattr(bug.bench, bug.block, getattr(planted, bug.block))
    bench = benches(name)[0]
    model = build(bench.design(bench.shape), bench.shape, tmp_path / "model")
    with pytest.raises(BenchError, match=f"^bench {name} failed"):
        model.run(name, seed=1)


def test_bins_that_nothing_came_to_are_named(tmp_path):
    path = tmp_path / "head-1-coverage.json"
    path.write_text(json.dumps({"head.label": {"0": 3, "1": 0}, "other.label": {"0": 0}}))
    found = Coverage.read(path, "head")
    assert (found.bins, found.missing) == (2, ["head.label: 1"])
    assert Coverage.read(tmp_path / "none.json", "head").bins == 0
    places = ["far below", "one below", "at", "one above", "far above"]
    assert [place(distance) for distance in range(-2, 3)] == places


def test_every_bench_is_listed():
    assert {bench.name for bench in benches()} == set(BENCHES)
    with pytest.raises(LookupError, match=r"^bench must be one of array, .*, not 'none'$"):
        benches("none")


def test_a_missing_python_library_is_told_with_the_fix(monkeypatch, tmp_path):
    monkeypatch.setattr(runner, "_child", lambda *arguments: "ValueError: Unable to find libpython")
    model = runner.Model(tmp_path, benches("head")[0].shape)
    with pytest.raises(ToolError, match="libpython3-dev"):
        model.run("head", seed=1)


def test_a_simulation_that_leaves_no_results_has_failed(monkeypatch, tmp_path):
    monkeypatch.setattr(runner, "_child", lambda *arguments: "it took more than 300 s")
    model = runner.Model(tmp_path, benches("head")[0].shape)
    with pytest.raises(BenchError, match="left no results: it took more than 300 s"):
        model.run("head", seed=1)
