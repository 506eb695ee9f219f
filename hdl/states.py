"""States of a control unit, a register each."""

from collections.abc import Iterator
from contextlib import contextmanager

from amaranth.hdl import Module, Signal


class States:
    """A finite-state machine with a bit a state.

    Amaranth's own counts its states, and synthesis does not recode a register with an initial
    value. Where there are many states and many decide about the same wires, decoding the number
    costs more cells and levels of logic than the bits.

    Parameters
    ----------
    m : Module
        Where it belongs.
    *names : str
        Of the states; the first is the initial one.
    """

    def __init__(self, m: Module, *names: str) -> None:
        self._m = m
        self._bits = {name: Signal(name=f"at_{name.lower()}") for name in names}
        first = names[0]
        self._bits[first] = Signal(name=f"at_{first.lower()}", init=1)
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
        left = {self._here, *self._targets} - {name}
        self._m.d.sync += [self._bits[each].eq(0) for each in sorted(left)]
        self._m.d.sync += self._bits[name].eq(1)
        self._targets.append(name)
