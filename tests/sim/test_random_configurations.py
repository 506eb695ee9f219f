"""The sweep over random small configurations: what it covers, that it agrees, that it can fail."""

import pytest

from metabit.boards.driver import Driver
from metabit.boards.transport import DeviceTimeoutError
from metabit.golden.config import WORD
from metabit.golden.network import Network
from metabit.hdl.v1.layout import Layout
from metabit.sim import sweep as sweep_module
from metabit.sim.sweep import random_config, run_trial, sweep

SEED = 253
"""Of a sweep whose first trials are quick to compile and much unlike each other."""

TRIALS = 6


@pytest.mark.parametrize("seed", range(5))
def test_fifty_configurations_cover_what_matters(seed):
    configs = [random_config(number, seed) for number in range(50)]
    assert configs == [random_config(number, seed) for number in range(50)]
    for config in configs:
        Layout(config)  # fits its memory
        assert max(config.hidden) <= 40
    arrays = [config.array for config in configs]
    assert {config.layers for config in configs} == {1, 2, 3}
    assert {config.counter_bits for config in configs} == set(range(2, 17))
    assert {config.tile for config in configs} == set(range(1, 17))
    assert {2, 37} < {config.classes for config in configs} <= set(range(2, 38))
    assert {array.memory for array in arrays} == {"block", "spram"}
    assert {array.systolic for array in arrays} == {False, True}
    assert {array.samples for array in arrays} >= {1, 2, 4}
    assert any(config.tile > config.array.samples for config in configs), "several passes"
    for name in ("rival_selection", "head_offset", "reinforcement", "summed_scores"):
        assert {bool(getattr(config, name)) for config in configs} == {False, True}
    widths = [width for config in configs for width in config.hidden]
    assert {width % 2 for width in widths} == {0, 1}
    fan_ins = [(fan_in, config) for config in configs for fan_in in config.fan_in]
    assert sum(fan_in % WORD != 0 for fan_in, _ in fan_ins) > 25
    assert sum(fan_in % config.array.lanes != 0 for fan_in, config in fan_ins) > 25
    assert any(config.hidden[0] % config.group for config in configs), "an incomplete group"


@pytest.mark.slow
def test_random_configurations_agree_bit_for_bit():
    trials = list(sweep(TRIALS, SEED, workers=2))
    assert [trial.number for trial in trials] == list(range(TRIALS))
    for trial in trials:
        assert trial.error is None, trial.config
        assert trial.config == random_config(trial.number, SEED)
        assert trial.samples >= sweep_module._TILES
        assert trial.cycles > 1000


@pytest.mark.slow
def test_a_trial_that_differs_says_where(monkeypatch):
    class Faulty(Network):
        """The third row update of the last layer changes a counter too many."""

        def _update_rows(self, layer, neurons, *arguments):
            super()._update_rows(layer, neurons, *arguments)
            if layer == self.config.layers - 1 and self.statistics.updates[layer] >= 3:
                self.counters[layer][0, 0] ^= 1

    monkeypatch.setattr(sweep_module, "Network", Faulty)
    trial = run_trial(0, SEED)
    assert trial.error.startswith("device and golden differ after tile ")
    assert "counter of layer 0, neuron 0, weight 0: golden" in trial.error
    assert ", by sample " in trial.error
    assert "None" not in trial.error


@pytest.mark.slow
def test_a_trial_that_hangs_says_when(monkeypatch):
    def hang(driver, samples, labels, **options):
        raise DeviceTimeoutError("no answer from the simulated device in 9 cycles")

    monkeypatch.setattr(Driver, "train_tile", hang)
    assert run_trial(0, SEED).error == (
        "after 0 tiles: no answer from the simulated device in 9 cycles"
    )
