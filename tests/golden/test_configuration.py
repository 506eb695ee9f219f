"""What follows from a configuration's fields."""

import math

import pytest
from pydantic import ValidationError

from metabit.golden.config import Config
from metabit.golden.configurations.named import named, override


@pytest.mark.parametrize(("fan_in", "shift"), [(128, 5), (784, 6), (1568, 7)])
def test_reinforcement_shift(fan_in, shift):
    config = Config(inputs=fan_in, hidden=(4,), group=4)
    assert config.reinforcement_shift == (shift,)
    assert override(config, reinforcement=0).reinforcement_shift is None


def test_frequent_reinforcement_is_at_most_certain():
    assert Config(inputs=1, hidden=(1,), group=1, reinforcement=1).reinforcement_shift == (0,)


def test_derived_sizes():
    config = Config(inputs=17, hidden=(33, 16), group=8, head_offset=3, margin=0.25)
    assert config.layers == 2
    assert config.fan_in == (17, 33)
    assert config.words == (2, 3)
    assert config.margin_threshold == (math.floor(0.25 * 99), 12)
    assert config.counter_range == (-128, 127)


def test_annealing_exponent():
    config = named("up5k")
    exponents = [config.annealing_exponent(epoch, 20) for epoch in range(1, 21)]
    assert exponents == [0] * 12 + [1] * 3 + [2] * 3 + [3] * 2


def test_reinforcement_damping():
    damping = [Config.reinforcement_damping(errors, 64) for errors in (64, 33, 32, 9, 8, 3, 2, 0)]
    assert damping == [0, 0, 1, 1, 2, 2, 3, 3]


def test_seeds_give_different_generators_and_never_zero():
    states = {override(named("tiny"), seed=seed).generator_state for seed in range(100)}
    assert len(states) == 100
    # The one seed whose state would be zero.
    zero = -0x6D2B79F5 * pow(0x9E3779B1, -1, 2**32) % 2**32
    assert override(named("tiny"), seed=zero).generator_state != 0


def test_a_copy_is_derived_and_validated_anew():
    config = Config(inputs=37, hidden=(10,), group=4)
    assert config.fan_in == (37,)
    copy = config.model_copy(update={"inputs": 128})
    assert copy.fan_in == (128,)
    with pytest.raises(ValidationError, match="group must not exceed"):
        config.model_copy(update={"group": 11})


def test_reinforcement_too_rare_for_the_generator_is_refused():
    with pytest.raises(ValidationError, match="reinforcement must be 0 or large enough"):
        Config(inputs=37, hidden=(10,), group=4, reinforcement=1e-12)
