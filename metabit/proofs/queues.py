"""Queues and registers between blocks: nothing is lost, doubled, reordered or withdrawn."""

from types import ModuleType

from amaranth.hdl import Cat, Mux, Value

from ..hdl.learn import codes
from ..hdl.link import border
from ..hdl.shape import SHAPES
from ..hdl.store import flips
from ..hdl.store.flips import DEPTH, Entry
from .harness import Harness, implies
from .proof import Proof, Twin

_QUEUE_DEPTH, _QUEUE_BITS = 64, 12

_ON_THE_WAY = 5
"""Entries that may be pushed when ``room`` has fallen."""


def _winners(block: ModuleType) -> Harness:
    """Follow a winner through its queue."""
    h = Harness()
    dut = block.Queue(_QUEUE_BITS, _QUEUE_DEPTH)
    h.place(dut)
    out = dut.taken
    inside = h.in_order(dut.put, dut.put_data, out.valid & out.ready, out.payload)
    h.assume(implies(dut.put, inside.count < _QUEUE_DEPTH))
    first, next_free = (h.variable(dut, f"Queue.elaborate.{name}") for name in ("out", "into"))
    here = h.peek(dut, "memory", first)
    there = h.peek(dut, "memory", first + inside.ahead)
    h.claim(
        h.held(out),
        # Nobody waits for more than a cycle.
        implies(h.past((inside.count != 0) & ~out.valid), out.valid),
    )
    h.lemma(
        inside.count <= _QUEUE_DEPTH,
        (next_free - first)[: len(first)] == inside.count,
        implies(inside.followed, there == inside.word),
        implies(out.valid, (inside.count != 0) & (out.payload == here)),
    )
    return h


def _flips(block: ModuleType) -> Harness:
    """Follow a flip through the queue, and the address that it is written to."""
    h = Harness()
    dut = block.FlipQueue(SHAPES["small-spram"])
    h.place(dut)
    m = h.m
    take = h.variable(dut, "FlipQueue.elaborate.take")
    entry = h.variable(dut, "FlipQueue.elaborate.entry")
    content = Mux(dut.kind.as_value() == Entry.HEADER.value, dut.address, dut.beat.as_value())
    content = h.named("content", content[: len(entry.content)])
    h.assume(dut.kind.as_value() <= Entry.MARKER.value)
    pushed = Cat(content, dut.kind.as_value())
    inside = h.in_order(dut.push, pushed, take, entry.as_value())
    # Who pushes stops when there is no room, but for what is on its way.
    late = h.register("pushed_late", 4)
    with m.If(dut.room):
        m.d.sync += late.eq(0)
    with m.Elif(dut.push):
        m.d.sync += late.eq(late + 1)
    h.assume(implies(dut.push & ~dut.room, late < _ON_THE_WAY))
    leaves, is_ = entry.content, entry.kind.as_value()
    is_header = take & (is_ == Entry.HEADER.value)
    header = h.kept("header", leaves[: len(dut.write.address)], is_header)
    named = h.count("headers", is_header, 1)
    beat = dut.write.beat.as_value()
    waits = h.named("waits", (inside.count != 0) & dut.pop)
    h.claim(
        dut.write.valid == (take & (is_ == Entry.BEAT.value)),
        dut.done == (take & (is_ == Entry.MARKER.value)),
        implies(named & (is_ != Entry.HEADER.value), dut.write.address == header),
        implies(dut.write.valid, beat == leaves[: len(beat)]),
        implies(take, dut.pop),
        # It leaves within three cycles.
        implies(
            Cat(h.past(waits, n) for n in range(4)).all(),
            Cat(h.past(take, n) for n in range(4)).any(),
        ),
    )
    head, tail, here, waiting, just = (
        h.variable(dut, f"FlipQueue.elaborate.{name}")
        for name in ("head", "tail", "here", "waiting", "pushed")
    )
    more = h.variable(dut, "FlipQueue.elaborate.more")
    seen = h.peek(dut, "entries", head)
    there = h.peek(dut, "entries", head + inside.ahead)
    h.claim(inside.count < DEPTH)
    h.lemma(
        (tail - head)[:8] == inside.count,
        waiting + just == inside.count,
        implies(here, (waiting != 0) & (entry.as_value() == seen)),
        here == h.past(more),
        implies(inside.followed, there == inside.word),
        implies(~dut.room, late <= _ON_THE_WAY),
        # Why there is room: what is not counted yet is on its way.
        waiting + just - late <= DEPTH - 8 + 2,
        implies(take, here),
        # What stands there and is not new has left.
        implies(named & ~here & (is_ == Entry.HEADER.value), leaves[: len(header)] == header),
    )
    return h


def _border(block: ModuleType) -> Harness:
    """Follow words, predictions and accesses across the border."""
    h = Harness()
    dut = block.Border(SHAPES["small"])
    h.place(dut)
    link, core = dut.link, dut.core
    h.assume(h.held(link.samples), h.held(core.predictions))
    # A word waits until it is taken, or the run is over.
    put = link.samples.valid & link.samples.ready
    word, waits = h.kept("word", link.samples.payload, put), h.register("waits", 1)
    took = core.samples.valid & core.samples.ready
    h.m.d.sync += waits.eq(((waits & ~took) | put) & ~core.idle)
    h.claim(
        implies(put, ~waits),
        core.samples.valid == waits,
        implies(waits, core.samples.payload == word),
        h.held(core.samples, since=core.idle),
    )
    put = core.predictions.valid & core.predictions.ready
    prediction = h.kept("prediction", core.predictions.payload, put)
    offered = h.register("offered", 1)
    took = link.predictions.valid & link.predictions.ready
    h.m.d.sync += offered.eq((offered & ~took) | put)
    h.claim(
        implies(put, ~offered),
        link.predictions.valid == offered,
        implies(offered, link.predictions.payload == prediction),
        h.held(link.predictions),
        implies(dut.link.idle, ~offered),
    )
    _accesses(h, link.host, core.host)
    return h


def _accesses(h: Harness, link: Value, core: Value) -> None:
    """Claim that every access of the link's is one of the core's, with its answer."""
    names = ("write", "space", "element", "address", "part", "write_data")
    asked, passed = (
        Cat(Value.cast(getattr(side, name)) for name in names) for side in (link, core)
    )
    stands = h.past(link.valid & ~link.ready)
    h.assume(implies(stands, link.valid & (asked == h.past(asked))))
    answered = h.register("answered", 1)
    with h.m.If(core.valid & core.ready):
        h.m.d.sync += answered.eq(1)
    with h.m.Elif(link.ready):
        h.m.d.sync += answered.eq(0)
    h.claim(
        implies(core.valid, link.valid & ~answered & (passed == asked)),
        link.ready == answered,
        implies(link.ready, link.valid & (link.read_data == h.past(core.read_data))),
        implies(stands & ~link.ready, core.valid | link.ready),
        implies(h.past(core.valid & ~core.ready), core.valid),
    )


PROOFS = [
    Proof(
        name="queue-winners",
        source=codes,
        claim="Winners come out once each, in order, each offered until it is taken, and none "
        "waits more than a cycle.",
        sizes=f"{_QUEUE_DEPTH} words of {_QUEUE_BITS} bits",
        build=_winners,
        twins=(
            Twin("with m.If(self.taken.ready):", "with m.If(1):"),
            Twin("into.eq(into + self.put)", "into.eq(into + (self.put & ~self.taken.valid))"),
            Twin("[self.taken.valid.eq(0), out.eq(out + 1)]", "[out.eq(out + 1)]"),
        ),
        depth=3,
        twin_depth=10,
    ),
    Proof(
        name="queue-flips",
        source=flips,
        claim="Flipped signs leave once each, in order, to the sign word of their header, within "
        "three cycles; the queue never overflows.",
        sizes=f"{DEPTH} entries; if {_ON_THE_WAY} at most follow when there is no more room",
        build=_flips,
        twins=(
            Twin("next_head.eq(head + take)", "next_head.eq(head + self.pop)"),
            Twin("(waiting[0] & ~take)", "waiting[0]"),
            Twin("with m.If(entry.kind == Entry.HEADER):", "with m.If(entry.kind != Entry.BEAT):"),
            Twin("tail.eq(tail + self.push)", "tail.eq(tail + (self.push & self.room))"),
        ),
        depth=5,
        twin_depth=12,
    ),
    Proof(
        name="border",
        source=border,
        claim="Words, predictions and accesses cross the border once each, and stand until they "
        "are taken; words that a run has left are dropped.",
        sizes="any number of them",
        build=_border,
        twins=(
            Twin(
                "full.eq(Mux(full, ~core.ready, link.valid) & ~self.core.idle)",
                "full.eq(link.valid & ~self.core.idle)",
            ),
            Twin("full.eq(Mux(full, ~link.ready, core.valid))", "full.eq(core.valid & ~full)"),
            Twin("link.valid & ~ready)", "link.valid)"),
            Twin("self.link.idle.eq(self.core.idle & ~full)", "self.link.idle.eq(self.core.idle)"),
        ),
        depth=3,
        twin_depth=7,
    ),
]
