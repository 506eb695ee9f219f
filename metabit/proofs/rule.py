"""What a step of a counter is, as a rule in hardware that is compared with golden."""

from itertools import product

import numpy as np
from amaranth.hdl import Array, Cat, Const, Mux, Value

from ..golden.config import Config
from ..golden.network import Network
from .harness import Harness


def golden_steps(bits: int) -> tuple[int, ...]:
    """Return what golden makes of every counter, at ``Cat(counter, down, reinforced)``."""
    numbers = np.arange(1 << bits)
    counters = (numbers - ((numbers >> (bits - 1)) << bits)).astype(np.int16)
    steps = []
    for reinforcement, down in product((0, 1), (0, 1)):
        # Neurons of one weight, of which a reinforcement of 1 reinforces each that learns.
        network = Network(
            Config(
                inputs=1,
                hidden=(len(numbers),),
                classes=2,
                group=1,
                counter_bits=bits,
                reinforcement=reinforcement,
            )
        )
        assert network.config.reinforcement_shift in (None, (0,))
        network.counters[0][:, 0] = counters
        desired = np.full(len(numbers), not down)
        network._update_rows(0, numbers, np.ones(1, np.float32), desired, 0, 0)
        steps += (network.counters[0][:, 0] & (len(numbers) - 1)).tolist()
    return tuple(steps)


def counter_step(h: Harness, bits: int, counter: Value, down: Value, reinforced: Value) -> Value:
    """Return what becomes of a counter, by the rule: two steps that saturate."""
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1

    def saturated(name: str, value: Value) -> Value:
        result = h.named(name, Mux(value > high, high, Mux(value < low, low, value)))
        return result[:bits].as_signed()

    moved = saturated("moved", counter.as_signed() + Mux(down, -1, 1))
    again = saturated("again", moved + Mux(moved < 0, -1, 1))
    return Mux(reinforced, again, moved)[:bits]


def compare(bits: int) -> Harness:
    """Compare the rule with golden, counter by counter."""
    h = Harness()
    counter, down, reinforced = h.any(bits), h.any(1), h.any(1)
    steps = Array(Const(after, bits) for after in golden_steps(bits))
    h.claim(
        counter_step(h, bits, counter, down, reinforced) == steps[Cat(counter, down, reinforced)]
    )
    return h
