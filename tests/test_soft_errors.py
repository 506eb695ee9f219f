"""Soft errors: how bits are drawn, what a run makes of them, and that devices get the same."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from metabit.cli import app
from metabit.golden.config import Config
from metabit.golden.configurations.named import named
from metabit.golden.data.training_data import prepare
from metabit.golden.runs.plan import Plan
from metabit.golden.studies.soft_errors import Flips, SoftErrors
from metabit.golden.studies.variations import start
from metabit.host.errors import DeviceError
from metabit.soft_errors import in_device
from metabit.soft_errors.curve import Row, draw


def counters(bits: int, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    high = 1 << (bits - 1)
    return [rng.integers(-high, high, shape).astype(np.int16) for shape in ((30, 70), (9, 30))]


def turned(bits: int, before: list[np.ndarray], after: list[np.ndarray]) -> list[int]:
    """Bits of the counters that are others, all layers together."""
    pairs = zip(before, after, strict=True)
    return [int(n) for b, a in pairs for n in np.bitwise_count((b ^ a) & ((1 << bits) - 1)).ravel()]


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_each_bit_turns_with_its_probability_and_counters_stay_in_range(bits):
    flips, before = Flips(bits, 7), counters(bits)
    after = flips.flip(before, 0.25)
    assert sum(turned(bits, before, after)) == flips.count
    total = bits * sum(layer.size for layer in before)
    assert abs(flips.count - total / 4) < 5 * np.sqrt(total * 3 / 16)
    for old, new in zip(before, after, strict=True):
        assert (old.dtype, old.shape) == (new.dtype, new.shape)
        assert -(1 << (bits - 1)) <= new.min()
        assert new.max() < 1 << (bits - 1)
        for bit in range(bits):
            assert 0.15 < np.mean((old ^ new) >> bit & 1) < 0.35
    assert all(np.array_equal(*pair) for pair in zip(before, counters(bits), strict=True))


def test_no_bit_or_all_of_them():
    before = counters(4)
    none, every = Flips(4, 1).flip(before, 0.0), Flips(4, 1).flip(before, 1.0)
    assert all(np.array_equal(*pair) for pair in zip(before, none, strict=True))
    assert all(np.array_equal(b, -1 - e) for b, e in zip(before, every, strict=True))


def test_a_burst_gives_half_of_the_bits_random_values():
    flips, before = Flips(8, 1), counters(8)
    flips.burst(before)
    total = 8 * sum(layer.size for layer in before)
    assert 0.22 < flips.count / total < 0.28


def struck(errors: SoftErrors, seed: int = 0, epochs: int = 3, engine: str = "numpy"):
    plan = Plan(named("tiny").with_seed(seed), epochs, engine=engine)
    run = start(plan, plan.prepare(), errors)
    run.finish()
    return run


def test_a_run_without_errors_is_any_run():
    plan = Plan(named("tiny"), 2, engine="numpy")
    run = plan.start(plan.prepare(), observe=False)
    run.finish()
    assert struck(SoftErrors(), epochs=2).state_sha256 == run.state_sha256


def test_errors_follow_from_the_seed_and_not_from_the_engine():
    pytest.importorskip("numba")
    errors = SoftErrors(0.02, burst_after=1)
    run = struck(errors)
    assert run.state_sha256 == struck(errors).state_sha256
    assert run.state_sha256 == struck(errors, engine="numba").state_sha256
    assert run.state_sha256 != struck(errors, seed=1).state_sha256
    bits = 3 * 0.02 + 0.25
    total = 8 * sum(layer.size for layer in run.network.counters)
    assert abs(run.flips.count - bits * total) < 0.02 * total
    assert run.after_burst < run.test_accuracy[0]
    assert run.after_burst < run.test_accuracy[-1]


@pytest.mark.slow
def test_a_device_with_the_same_errors_stays_equal(monkeypatch):
    from functools import partial

    from metabit.hdl.shape import SHAPES
    from metabit.sim import simulate
    from metabit.sim.verilate import build

    monkeypatch.setattr(simulate, "build", partial(build, optimise="-O0"))
    shape = SHAPES["small"]
    config = Config.model_validate(named("tiny").model_dump() | {"counter_bits": 4})
    data = prepare(config)
    found = in_device.strike_both(config, data, shape, 0.1, 300)
    assert found.samples >= 300
    assert found.flips > 500
    assert found.comparisons > 2

    def forget(driver, counters):
        counters[0][3, 5] = -1 - counters[0][3, 5]
        write(driver, counters)

    write = in_device.write_counters
    monkeypatch.setattr(in_device, "write_counters", forget)
    with pytest.raises(DeviceError, match="counter of layer 0, neuron 3, weight 5"):
        in_device.strike_both(config, data, shape, 0.1, 100)


def test_the_command(tmp_path):
    out, plot = tmp_path / "out.json", tmp_path / "curve.svg"
    command = ["bench", "soft-errors", "--rates", "0.05", "--epochs", "2", "--seeds", "1"]
    command += ["--burst-after", "1", "--simulate", "0", "--jobs", "1"]
    command += ["--cache", str(tmp_path / "cache"), "--json", str(out), "--plot", str(plot)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    rows = json.loads(out.read_text())["rows"]
    assert [(row["rate"], row["burst_after"]) for row in rows] == [(0, 0), (0.05, 0), (0, 1)]
    assert rows[0]["flips"] == 0 < rows[1]["flips"]
    assert len(rows[2]["after_burst"]) == 1
    first = plot.read_bytes()
    found = [Row(**{name: tup(value) for name, value in row.items()}) for row in rows]
    draw(found, "tiny: digits, 2 epochs, 1 seeds", plot)
    assert plot.read_bytes() == first


def tup(value):
    return tuple(map(tup, value)) if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rates", "2"], "--rates must be numbers above 0 and up to 1, not '2'"),
        (["--rates", "x"], "not 'x'"),
        (["--epochs", "5"], "--burst-after must be less than --epochs, 5"),
        (["--plot", "x.pdf"], "--plot must be a .svg or .png file, not 'x.pdf'"),
    ],
)
def test_what_makes_no_sense_is_refused(options, message):
    result = CliRunner().invoke(app, ["bench", "soft-errors", *options])
    assert result.exit_code == 1
    assert message in " ".join(result.output.split())
