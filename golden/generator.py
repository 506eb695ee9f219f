"""The pseudo-random generator that golden model and hardware share."""

from functools import cache

import numpy as np
import numpy.typing as npt

PERIOD = 2**32 - 1
"""Steps after which a generator repeats."""

SHIFTS = (13, 17, 5)
"""Left, right and left shift of one step (Marsaglia, "Xorshift RNGs", 2003, section 3.1)."""

_BLOCK_BITS = 14

States = npt.NDArray[np.uint32]


def initial_state(seed: int) -> int:
    """Return the state that a seed stands for, never zero.

    The odd multiplier spreads small seeds over the whole word, so that seeds 0, 1, 2 start far
    apart.

    Parameters
    ----------
    seed : int
        Seed of a run.
    """
    return (seed * 0x9E3779B1 + 0x6D2B79F5) % (1 << 32) or 0x6D2B79F5


def step(states: States) -> States:
    """Advance each 32-bit state by one step.

    Parameters
    ----------
    states : ndarray of uint32
        States; zero is the one state that never changes.
    """
    left, right, left_again = SHIFTS
    states = states ^ (states << np.uint32(left))
    states = states ^ (states >> np.uint32(right))
    return states ^ (states << np.uint32(left_again))


@cache
def _jump_tables(exponent: int) -> States:
    """Tables, shape (4, 256): the XOR of a state's four entries is it ``2**exponent`` steps on."""
    units = np.uint32(1) << np.arange(32, dtype=np.uint32)
    images = step(units) if exponent == 0 else jump(jump(units, exponent - 1), exponent - 1)
    bits = ((np.arange(256)[:, None] >> np.arange(8)) & 1).astype(np.uint32)
    tables = [np.bitwise_xor.reduce(bits * images[8 * n : 8 * n + 8], axis=1) for n in range(4)]
    return np.stack(tables)


def jump(states: States, exponent: int) -> States:
    """Advance each state by ``2**exponent`` steps (a step is linear over GF(2))."""
    tables = _jump_tables(exponent)
    return (
        tables[0][states & 255]
        ^ tables[1][(states >> 8) & 255]
        ^ tables[2][(states >> 16) & 255]
        ^ tables[3][states >> 24]
    )


class Generator:
    """Xorshift generator with 32 bits of state and a period of ``2**32 - 1``.

    In hardware a step is a few XORs per bit; the model draws whole blocks of steps at a time.

    Parameters
    ----------
    state : int
        Initial state, 1 to ``2**32 - 1``.

    Raises
    ------
    ValueError
        If the state is zero or has more than 32 bits.
    """

    def __init__(self, state: int) -> None:
        self.state = state

    @property
    def state(self) -> int:
        """The last value drawn, from which the next one follows."""
        return int(self._block[self._used - 1]) if self._used else self._start

    @state.setter
    def state(self, state: int) -> None:
        if not 1 <= state <= PERIOD:
            raise ValueError(f"generator state must be 1 to 2**32 - 1, not {state}")
        block = step(np.array([state], np.uint32))
        for exponent in range(_BLOCK_BITS):
            block = np.concatenate([block, jump(block, exponent)])
        self._start = int(state)
        self._block = block
        self._used = 0

    def draw(self, count: int) -> States:
        """Return the next ``count`` states, shape (count,)."""
        if self._used + count <= len(self._block):
            values = self._block[self._used : self._used + count]
            self._used += count
            return values
        parts = []
        while count > 0:
            if self._used == len(self._block):
                self._start = int(self._block[-1])
                self._block = jump(self._block, _BLOCK_BITS)
                self._used = 0
            parts.append(self._block[self._used : self._used + count])
            self._used += len(parts[-1])
            count -= len(parts[-1])
        return np.concatenate(parts)
