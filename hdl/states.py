"""States of a control unit, a register each."""

from collections.abc import Iterator
from contextlib import contextmanager

from amaranth.hdl import Module, Signal


class States:
    """A finite-state machine with a bit a state.

    Amaranth's own counts its states, and synthesis does not recode a register with an initial
    value. Where there are many states and many decide about the same wires, decoding the number
    costs more cells and levels of logic than the bits.

    A state is entered if any of the others sends there, whichever it is: synthesis cannot know
    that one bit at most is set, and would otherwise decide between them one after the other.

    Parameters
    ----------
    m : Module
        Where it belongs.
    *names : str
        Of the states; the first is the initial one.
    """

    def __init__(self, m: Module, *names: str) -> None:
        self._m = m
        self._numbers = {name: number for number, name in enumerate(names)}
        self._bits: dict[str, Signal] = {}
        self._left: dict[str, Signal] = {}
        self._entered: dict[str, Signal] = {}  # a bit for each state that sends there
        for name in names:
            low = name.lower()
            bit = self._bits[name] = Signal(name=f"at_{low}", init=name == names[0])
            left = self._left[name] = Signal(name=f"left_{low}")
            entered = self._entered[name] = Signal(len(names), name=f"entered_{low}")
            m.d.sync += bit.eq((bit & ~left) | entered.any())
        self._here = ""
        self._targets: list[str] = []

    def __getitem__(self, name: str) -> Signal:
        """Whether a state is the present one."""
        return self._bits[name]

    @contextmanager
    def at(self, name: str) -> Iterator[None]:
        """Say what happens in a state."""
        self._here, self._targets = name, []
        with self._m.If(self._bits[name]):
            yield

    def go(self, name: str) -> None:
        """Let another be the next one; the last call on the way through a state counts."""
        here = self._numbers[self._here]
        for target in self._targets:
            self._m.d.comb += self._entered[target][here].eq(0)
        self._m.d.comb += [self._left[self._here].eq(1), self._entered[name][here].eq(1)]
        if name not in self._targets:
            self._targets.append(name)
