"""The sweep over random networks: what it covers, that it agrees, and that it can fail."""

import numpy as np
import pytest

from metabit.golden.config import WORD
from metabit.golden.network import Network
from metabit.hdl.placement import Placement
from metabit.hdl.shape import LANES
from metabit.host.driver import Driver
from metabit.host.errors import DeviceTimeoutError
from metabit.sim import sweep as sweep_module
from metabit.sim.sweep import DEVICES, device_of, random_config, random_spans, run_trial, sweep

SEED = 1
TRIALS = 3 * len(DEVICES)
BOTH = {False, True}


def draw(count, seed):
    return [random_config(number, seed, device_of(number)) for number in range(count)]


@pytest.mark.parametrize("seed", range(3))
def test_two_hundred_networks_cover_what_matters(seed):
    configs = draw(200, seed)
    assert configs[:20] == draw(20, seed)
    places = [Placement(config, device_of(number)) for number, config in enumerate(configs)]
    assert {config.layers for config in configs} == {1, 2, 3}
    assert {config.counter_bits for config in configs} == {2, 4, 7, 8}
    assert {config.tile for config in configs} == set(range(1, 17))
    assert {config.lag for config in configs} == {0, 1}
    assert {2, 37} < {config.classes for config in configs} <= set(range(2, 38))
    assert {place.shape.memory for place in places} == {"block", "spram"}
    for name in ("rival_selection", "head_offset", "reinforcement", "layers_vote"):
        assert {bool(getattr(config, name)) for config in configs} == BOTH
    assert {place.code_words > 1 for place in places} == BOTH
    assert {place.passes > 1 for place in places} == BOTH
    assert {place.config.tile % place.shape.samples != 0 for place in places} == BOTH
    assert any(place.sign_words > 0.8 * place.shape.depth for place in places), "a full device"
    assert any(config.hidden[0] % config.group for config in configs), "an incomplete group"
    fan_ins = [fan_in for config in configs for fan_in in config.fan_in]
    for unit in (WORD, LANES):
        assert sum(fan_in % unit != 0 for fan_in in fan_ins) > 100
        assert sum(fan_in % unit == 0 for fan_in in fan_ins) > 10
    assert len({visits for place in places for visits in place.visits}) > 3
    spans = [
        span
        for number, config in enumerate(configs)
        for span in random_spans(config, np.random.default_rng(number))
    ]
    assert {span.annealing for span in spans} == {span.damping for span in spans} == set(range(4))
    assert {span.drain for span in spans} == BOTH


def test_netlists_get_what_their_fpga_has_memory_for():
    assert {device_of(number, "ecp5").memory for number in range(8)} == {"block"}
    assert {device_of(number, "ice40").memory for number in range(8)} == {"block", "spram"}


@pytest.mark.slow
def test_random_networks_agree_bit_for_bit():
    trials = list(sweep(TRIALS, SEED, workers=2))
    assert [trial.number for trial in trials] == list(range(TRIALS))
    for trial in trials:
        assert trial.error is None, trial.config
        assert trial.config == random_config(trial.number, SEED, device_of(trial.number))
        assert trial.device == device_of(trial.number).name
        assert trial.samples >= 4
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
    monkeypatch.setattr("metabit.host.lockstep.Network", Faulty)
    trial = run_trial(0, SEED)
    assert trial.error.startswith("device and golden differ after tile ")
    assert "counter of layer 0, neuron 0, weight 0: golden" in trial.error
    assert ", by sample " in trial.error
    assert "None" not in trial.error
    # The next trial is not troubled by this one.
    monkeypatch.undo()
    assert run_trial(0, SEED).error is None


@pytest.mark.slow
def test_a_trial_that_hangs_says_when(monkeypatch):
    def hang(driver, samples, labels, **options):
        raise DeviceTimeoutError("no answer from the simulated device in 9 cycles")

    monkeypatch.setattr(Driver, "train", hang)
    assert run_trial(0, SEED).error == (
        "after 0 tiles: no answer from the simulated device in 9 cycles"
    )
