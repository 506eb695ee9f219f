"""Surroundings of a block in a proof: free inputs, assumptions, claims."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NamedTuple

from amaranth.back import rtlil
from amaranth.hdl import (
    Assert,
    Assume,
    Cat,
    ClockDomain,
    Const,
    Fragment,
    Instance,
    Module,
    ResetInserter,
    Signal,
    Value,
    ValueLike,
)
from amaranth.hdl import Shape as HdlShape
from amaranth.hdl._mem import MemoryInstance
from amaranth.lib import wiring
from amaranth.utils import ceil_log2

_ANY = {"cell \\$any": "cell $any"}
"""Yosys' own cells, whose names Amaranth takes for those of modules."""


At = Callable[..., Value]
"""Says of the names of states whether a state machine is in one of them."""


class Inside(NamedTuple):
    """What is inside a queue: how many words, and one that is followed, with so many ahead."""

    count: Signal
    followed: Signal
    ahead: Signal
    word: Signal


class Harness:
    """A block among free inputs.

    The only clock domain has no reset: where a block is to be reset, ``abort`` says when.

    Attributes
    ----------
    m : Module
        Where the surroundings go.
    first : Signal
        High in the first cycle.
    """

    def __init__(self) -> None:
        self.m = Module()
        self._domain = ClockDomain("sync", reset_less=True)
        self.m.domains += self._domain
        # Apart from ``m``, as it may be in the middle of an `If`.
        self.m.submodules.own = self._own = Module()
        self._count = 0
        self._signals: dict[int, dict[str, Signal]] = {}
        self._lemmas: list[ValueLike] = []
        self._fragments: dict[int, Fragment] = {}
        self._variables: dict[int, dict[str, Any]] = {}
        self.first = Signal(init=1)
        self.m.d.sync += self.first.eq(0)

    def place(
        self,
        block: wiring.Component,
        *,
        fixed: Iterable[str] = (),
        wired: Iterable[str] = (),
        abort: Value | None = None,
    ) -> None:
        """Put a block in; its inputs are free.

        Parameters
        ----------
        block : wiring.Component
        fixed : iterable of str
            Inputs that have any value, but the same for ever.
        wired : iterable of str
            Inputs that the caller drives.
        abort : Value, optional
            Resets it.
        """
        name = f"block_{len(self._signals)}"
        variables = self._variables[id(block)] = {}
        with _watching(variables):
            fragment = Fragment.get(block if abort is None else ResetInserter(abort)(block), None)
        self._fragments[id(block)] = fragment
        self.m.submodules[name] = fragment
        signals = self._signals[id(block)] = {}
        _collect(fragment, signals)
        fixed, wired = set(fixed), set(wired)
        for path, member, value in block.signature.flatten(block):
            if member.flow is wiring.Out or wired & {path[0], ".".join(map(str, path))}:
                continue
            like = Value.cast(value)
            source = self.fixed(len(like)) if path[0] in fixed else self.any(len(like))
            self.m.d.comb += like.eq(source)

    def inside(self, block: wiring.Component, name: str) -> Signal:
        """Return a signal inside a block, by its name; ``a.b`` is ``b`` of the block ``a`` in it.

        Raises
        ------
        LookupError
            If there is none.
        """
        signals = self._signals[id(block)]
        if name not in signals:
            raise LookupError(f"no signal {name!r}; there are {', '.join(sorted(signals))}")
        return signals[name]

    def variable(self, block: wiring.Component, name: str) -> Any:
        """Return what a local variable of a method held when the block was elaborated.

        Not every signal has a name of its own in the design.

        Parameters
        ----------
        block : wiring.Component
        name : str
            Class, method and variable, as ``Head.elaborate.step``. Of a method that is called
            more than once, it is the first call's.

        Raises
        ------
        LookupError
            If there is none.
        """
        variables = self._variables[id(block)]
        if name not in variables:
            raise LookupError(f"no variable {name!r}; there are {', '.join(sorted(variables))}")
        return variables[name]

    def peek(self, block: wiring.Component, memory: str, address: Value) -> Signal:
        """Return a word of a memory inside a block, at once, as nothing in the block could.

        Parameters
        ----------
        block : wiring.Component
        memory : str
            Its name among the block's parts.
        address : Value
        """
        fragment = self._fragments[id(block)]
        while not isinstance(fragment, MemoryInstance):
            parts = {name: part for part, name, _ in fragment.subfragments}
            fragment = parts[memory] if memory in parts else next(iter(parts.values()))
        self._count += 1
        bits = ceil_log2(fragment._data.depth)
        word = Signal(HdlShape.cast(fragment._data.shape).width, name=f"peek_{self._count}")
        fragment.read_port(
            domain="comb", addr=address[:bits], data=word, en=Const(1), transparent_for=()
        )
        return word

    def at(self, block: wiring.Component, method: str, machine: str) -> At:
        """Return what tells whether a state machine is in a state.

        Parameters
        ----------
        block : wiring.Component
        method : str
            Class and method in which the machine is described, as ``Head.elaborate``.
        machine : str
            Its name.
        """
        fsm = self.variable(block, f"{method}.m")._generated[machine]
        self.lemma(fsm.state < len(fsm.encoding))
        return lambda *names: Cat(fsm.state == fsm.encoding[name] for name in names).any()

    def any(self, width: int) -> Signal:
        """Return a value that is any at any time."""
        return self._cell("$anyseq", width)

    def fixed(self, width: int) -> Signal:
        """Return a value that is any, but the same for ever."""
        return self._cell("$anyconst", width)

    def _cell(self, kind: str, width: int) -> Signal:
        self._count += 1
        value = Signal(width, name=f"{kind[1:]}_{self._count}")
        if width:
            cell = Instance(kind, p_WIDTH=width, o_Y=value)
            self.m.submodules[f"{value.name}_cell"] = cell
        return value

    def past(self, value: ValueLike, cycles: int = 1, *, init: int = 0) -> Value:
        """Return what a value was some cycles ago; before the first one it was ``init``."""
        value = Value.cast(value)
        for _ in range(cycles):
            self._count += 1
            before = Signal(value.shape(), name=f"past_{self._count}", init=init)
            self._own.d.sync += before.eq(value)
            value = before
        return value

    def named(self, name: str, value: ValueLike) -> Signal:
        """Return a wire of a name, for traces."""
        value = Value.cast(value)
        wire = Signal(value.shape(), name=name)
        self._own.d.comb += wire.eq(value)
        return wire

    def wire(self, name: str, width: int) -> Signal:
        """Return a wire that the caller drives."""
        return Signal(width, name=name)

    def register(self, name: str, width: int, init: int = 0) -> Signal:
        """Return a register that the caller drives."""
        return Signal(width, name=name, init=init)

    def count(self, name: str, event: ValueLike, most: int) -> Signal:
        """Return how often something has happened before, up to a number."""
        count = Signal(range(most + 1), name=name)
        with self._own.If(Value.cast(event).any() & (count != most)):
            self._own.d.sync += count.eq(count + 1)
        return count

    def kept(self, name: str, value: ValueLike, when: ValueLike) -> Signal:
        """Return a register that takes a value whenever it is told."""
        value = Value.cast(value)
        register = Signal(value.shape(), name=name)
        with self._own.If(when):
            self._own.d.sync += register.eq(value)
        return register

    def assume(self, *conditions: ValueLike) -> None:
        """Let nothing but this happen."""
        self.m.d.comb += [Assume(condition) for condition in conditions]

    def claim(self, *conditions: ValueLike) -> None:
        """Claim that it holds in every cycle."""
        self.m.d.comb += [Assert(condition, src_loc_at=2) for condition in conditions]

    def lemma(self, *conditions: ValueLike) -> None:
        """Claim what the proof needs, but what nobody outside the block can see.

        A twin does not fail by it.
        """
        self._lemmas += conditions

    def held(self, stream: wiring.PureInterface, *, since: Value | None = None) -> Value:
        """Return whether a stream keeps its rule: what is offered stands until it is taken.

        Parameters
        ----------
        stream : stream
        since : Value, optional
            What may withdraw it, in the cycle before.
        """
        payload = Value.cast(stream.payload)
        stood = self.past(stream.valid & ~stream.ready & ~(since if since is not None else 0))
        return ~stood | (stream.valid & (payload == self.past(payload)))

    def in_order(
        self, put: ValueLike, data: Value, take: ValueLike, taken: Value, *, bits: int = 12
    ) -> Inside:
        """Claim that what is put in is taken out: each once, in order.

        One of the words, whichever, is followed on its way.

        Parameters
        ----------
        put, take : Value
            A word is put in, is taken out.
        data, taken : Value
            Which.
        bits : int
            Of the number of words inside.
        """
        m = self.m
        count = self.register("words_inside", bits)
        followed, ahead = self.register("followed", 1), self.register("words_ahead", bits)
        word = self.register("followed_word", len(data))
        m.d.sync += count.eq(count + put - take)
        with m.If(followed & take):
            m.d.sync += [ahead.eq(ahead - 1), followed.eq(ahead != 0)]
        with m.If(~followed & put & self.any(1)):
            m.d.sync += [followed.eq(1), ahead.eq(count - take), word.eq(data)]
        self.claim(
            implies(take, count != 0),
            implies(followed & take & (ahead == 0), taken == word),
        )
        self.lemma(implies(followed, ahead < count))
        return Inside(count, followed, ahead, word)

    def rtlil(self, *, lemmas: bool = True) -> str:
        """Return the design, ``top``, for Yosys, with or without the lemmas."""
        if lemmas:
            self.m.d.comb += [Assert(lemma) for lemma in self._lemmas]
        text = rtlil.convert(self.m, ports=[self._domain.clk])
        for ours, theirs in _ANY.items():
            text = text.replace(ours, theirs)
        return text


@contextmanager
def _watching(variables: dict[str, Any]) -> Iterator[None]:
    """Note the local variables of all methods that return meanwhile."""

    def note(frame: FrameType, event: str, argument: object) -> None:
        ours = frame.f_globals.get("__name__", "").startswith("metabit.hdl.")
        if event == "return" and ours and "self" in frame.f_locals:
            for name, value in frame.f_locals.items():
                variables.setdefault(f"{frame.f_code.co_qualname}.{name}", value)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(before)


def _collect(fragment: Fragment, signals: dict[str, Signal], prefix: str = "") -> None:
    """Find the signals that are driven, by block and name; the first of a name counts."""
    for statements in fragment.statements.values():
        for statement in statements:
            for signal in statement._lhs_signals():
                signals.setdefault(prefix + signal.name, signal)
    for sub, name, _ in fragment.subfragments:
        _collect(sub, signals, f"{prefix}{name}.")


def implies(condition: ValueLike, conclusion: ValueLike) -> Value:
    """Return whether a condition is met in vain, or its conclusion with it."""
    return ~Value.cast(condition).any() | Value.cast(conclusion).any()
