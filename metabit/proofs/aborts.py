"""An abort leaves nothing behind: in any cycle, whatever a block was at, it is as new."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType

from amaranth.hdl import Mux, Value
from amaranth.lib import wiring

from ..hdl import control
from ..hdl.array import forward
from ..hdl.learn import head, jobs, predictions, search, statistics
from ..hdl.learn.codes import Mark
from ..hdl.play import spans, strides
from ..hdl.shape import SHAPES
from ..hdl.store import commit, loader
from .harness import Harness, implies
from .proof import Proof, Twin

_SHAPE = SHAPES["small"].model_copy(update={"samples": 1})
_SETUPS = ("network", "layers", "layer", "run")
_CYCLES = 8

_At = Callable[[wiring.Component], Value]


@dataclass(frozen=True)
class _Block:
    """A block that is aborted.

    Attributes
    ----------
    source : module
    make : callable
        Makes it, of a module.
    slip : tuple of str
        What an abort leaves alone in the twin.
    idle : mapping of str to int
        What an output is in the cycle after an abort.
    means : mapping of str to callable
        When an output means anything; what a stream carries does while it is valid.
    settles : int
        Cycles after which outputs mean something.
    """

    source: ModuleType
    make: Callable[[ModuleType], wiring.Component]
    slip: tuple[str, str]
    idle: Mapping[str, int] = field(default_factory=dict)
    means: Mapping[str, _At] = field(default_factory=dict)
    settles: int = 1


def _member(block: wiring.Component, path: tuple[str | int, ...]) -> object:
    found: object = block
    for part in path:
        found = found[part] if isinstance(part, int) else getattr(found, part)  # type: ignore[index]
    return found


def _as_new(block: _Block, module: ModuleType) -> Harness:
    """Abort a block in two states that are any; from then on, both must say the same."""
    h = Harness()
    one, other = block.make(module), block.make(module)
    h.place(one, abort=h.first, fixed=_SETUPS)
    h.place(other, abort=h.first, wired=other.signature.members.keys())
    age = h.register("age", 8)
    h.m.d.sync += age.eq(Mux(h.first, 1, age + 1))
    settled = h.named("settled", ~h.first & (age >= block.settles))
    for path, member, value in one.signature.flatten(one):
        mine, its = Value.cast(value), Value.cast(_member(other, path))
        if member.flow is wiring.In:
            h.m.d.comb += its.eq(mine)
            continue
        name = ".".join(map(str, path))
        says: Value = settled
        if path[-1] == "payload":
            says = says & _member(one, (*path[:-1], "valid"))
        if name in block.means:
            says = says & block.means[name](one)
        h.claim(implies(says, mine == its))
        if name in block.idle:
            h.claim(implies(~h.first & (age == 1), mine == block.idle[name]))
    return h


_BLOCKS = {
    "control": _Block(
        control,
        lambda m: m.Control(_SHAPE),
        (
            "allowed, done, counting, writes = Signal(),",
            "allowed, done, counting, writes = Signal(reset_less=True),",
        ),
        {"running": 0, "start": 0},
        {"host.read_data": lambda dut: dut.host.ready},
    ),
    "forward": _Block(
        forward,
        lambda m: m.Forward(_SHAPE, input_latency=5),
        ("uncommitted = Signal(2)", "uncommitted = Signal(2, reset_less=True)"),
        {"busy": 0, "commit.valid": 0},
    ),
    "head": _Block(
        head,
        lambda m: m.Head(_SHAPE),
        ("number = Signal(shape.class_bits)", "number = Signal(shape.class_bits, reset_less=True)"),
        {"read": 0},
        {"predictions": lambda dut: dut.predicted, "correct": lambda dut: dut.predicted},
    ),
    "search": _Block(
        search,
        lambda m: m.Search(_SHAPE, code_latency=2, kept_latency=2),
        ('m.FSM(name="search")', 'm.FSM(name="search", init="Scan")'),
        {"scan.valid": 0},
        {
            "kept_half": lambda dut: dut.scan.valid,
            "layer": lambda dut: dut.triggers.as_value().any(),
            "found": lambda dut: dut.found[0].valid & (dut.found[0].payload.kind == Mark.ROW),
        },
    ),
    "jobs": _Block(
        jobs,
        lambda m: m.Jobs(_SHAPE),
        ("open_tiles = Signal(3)", "open_tiles = Signal(3, reset_less=True)"),
        {"busy": 0},
    ),
    "predictions": _Block(
        predictions,
        lambda m: m.Predictions(SHAPES["small"]),
        ('"busy": Out(1)', '"busy": Out(1, init=1)'),
        {"busy": 0},
    ),
    "statistics": _Block(
        statistics,
        lambda m: m.Statistics(_SHAPE),
        (
            'count = Signal(_BITS, name=name.replace(".", "_"))',
            'count = Signal(_BITS, name=name.replace(".", "_"), reset_less=True)',
        ),
        settles=4,
    ),
    "spans": _Block(
        spans,
        lambda m: m.Spans(SHAPES["small-sdram"]),
        ('m.FSM(name="spans")', 'm.FSM(name="spans", init="Begin")'),
        {"busy": 0, "running": 0},
    ),
    "strides": _Block(
        strides,
        lambda m: m.Strides(SHAPES["small-sdram"]),
        ('m.FSM(name="strides")', 'm.FSM(name="strides", init="Ask")'),
        {"busy": 0},
    ),
    "commit": _Block(
        commit,
        lambda m: m.Commit(_SHAPE),
        ("left_over = Signal.like(count)", "left_over = Signal.like(count, reset_less=True)"),
        {"busy": 0, "copy": 0},
        {"copy_address": lambda dut: dut.copy},
    ),
    "loader": _Block(
        loader,
        lambda m: m.Loader(_SHAPE),
        ('m.FSM(name="loader")', 'm.FSM(name="loader", init="Take words")'),
        {"valid": 0},
    ),
}

PROOFS = [
    Proof(
        name=f"abort-{name}",
        source=block.source,
        claim="After an abort, whatever state it comes in, the block is idle and answers as a new "
        "one does.",
        sizes=f"{_CYCLES - 1} cycles after an abort in any state",
        build=partial(_as_new, block),
        twins=(Twin(*block.slip),),
        depth=_CYCLES,
        bounded=True,
        any_start=True,
    )
    for name, block in _BLOCKS.items()
]
