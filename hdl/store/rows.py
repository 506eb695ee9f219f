"""The update engine: rows that learn, in the order of the jobs."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..bundles import Job, Kind, address_bits
from ..learn.draw import STATE_BITS, Draw
from ..setup import LayerSetup, NetworkSetup, RunSetup
from ..shape import LANES, Shape
from .flips import Beat, Entry
from .narrow import Narrow
from .port import PortUse
from .ram import ADDRESS_BITS
from .walk import Place, Walk
from .words import inputs_index


class Rows(wiring.Component):
    """Update rows, 16 counters in four slots of the port.

    A row takes a step of the generator for its phase and one for each of its words. A word that
    learns takes a burst of four slots: read eight counters, write the first eight of the word
    before, read eight more, write the other eight. Between two bursts anybody may use the port:
    the pipeline moves in its own slots only. Every fourth word, a slot before the burst reads the
    next 64 inputs. At the end, a burst that reads nothing of use writes the last word. A word that
    does not learn takes a cycle and no slot.

    A row of W words, all of which learn, takes 4 W + ceil(W / 4) + 9 cycles if nobody else uses the
    port.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    network, layer, run : In
        Setups.
    jobs : In(stream of Job)
    use : Out(PortUse)
    use_inputs : Out(1)
        The slot is for word ``inputs`` of the record, whatever its address.
    inputs : Out
    release : Out(1)
        All rows of a sample have been updated; while not ``busy``.
    address : In
        Of the RAMs in this cycle.
    read_data : In(64)
    write_data : Out(64)
    push, kind, push_address, beat : Out
    room : In(1)
        See :class:`~metabit.hdl.store.flips.FlipQueue`.
    idle, busy : Out(1)
    host_slot : In(1)
        While idle: a slot is for ``host_high`` and the ``host_place`` of the cycle before, and
        writes there with ``host_write``.
    host_place, host_high, host_write : In
    load : In(1)
        While idle: the generator takes ``value``.
    value : In(32)
    state : Out(32)
        Of the generator.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        super().__init__(
            {
                "network": In(NetworkSetup(shape)),
                "layer": In(LayerSetup(shape)),
                "run": In(RunSetup()),
                "jobs": In(stream.Signature(Job(shape))),
                "use": Out(PortUse()),
                "use_inputs": Out(1),
                "inputs": Out(inputs_index(shape)),
                "release": Out(1),
                "address": In(ADDRESS_BITS),
                "read_data": In(LANES),
                "write_data": Out(LANES),
                "push": Out(1),
                "kind": Out(Entry),
                "push_address": Out(address_bits(shape)),
                "beat": Out(Beat(shape)),
                "room": In(1),
                "idle": Out(1),
                "busy": Out(1),
                "host_slot": In(1),
                "host_place": In(Place(shape)),
                "host_high": In(1),
                "host_write": In(1),
                "load": In(1),
                "value": In(STATE_BITS),
                "state": Out(STATE_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        use, jobs = self.use, self.jobs
        m.submodules.walk = walk = Walk(self._shape)
        m.submodules.draw = draw = Draw()
        m.submodules.narrow = narrow = Narrow()
        self._set_up(m, walk, draw)

        slot = Signal(2)
        wanted, given = Signal(), Signal()
        written = Signal(Place(self._shape), reset_less=True)
        loaded = Signal()  # The pipeline holds the word at `written`.
        announce = Signal()  # No header of its visit has been pushed.
        need_inputs, new_visit = Signal(), Signal()
        draws, drawn = Signal(), Signal()  # A step for a phase or a word that does not learn.
        marker = Signal()  # A tile is over.
        m.d.comb += [
            use.locked.eq(slot != 0),
            given.eq(use.locked | (wanted & use.ready)),
            use.write.eq((slot[0] & loaded) | (self.host_slot & self.host_write)),
            use.address.eq(
                Cat(
                    slot[1] | (self.host_slot & self.host_high),
                    Mux(slot[0] | self.host_slot, written.as_value(), walk.place.as_value()),
                )
            ),
            draw.step.eq(drawn | ((slot == 1) & ~walk.over)),
        ]
        m.d.sync += [drawn.eq(draws), marker.eq(0), self.release.eq(0)]
        self._enter(m, walk, draw, narrow, slot, given)
        self._push(m, narrow, slot, given & loaded, written.address, announce, marker)

        with m.FSM(name="rows"):
            with m.State("Await job"):
                m.d.comb += [walk.start.eq(1), self.idle.eq(~narrow.move & ~jobs.valid)]
                m.d.sync += [
                    narrow.desired.eq(jobs.payload.desired),
                    written.eq(self.host_place),
                    loaded.eq(0),
                    need_inputs.eq(1),
                    new_visit.eq(1),
                ]
                with m.If(~narrow.move):
                    with m.Switch(jobs.payload.kind):
                        with m.Case(Kind.ROW):
                            m.d.comb += [jobs.ready.eq(1), draws.eq(jobs.valid)]
                            with m.If(jobs.valid):
                                m.next = "Draw phase"
                        with m.Case(Kind.LAYER):
                            m.d.comb += jobs.ready.eq(1)
                        with m.Case(Kind.SAMPLE):
                            m.d.comb += jobs.ready.eq(1)
                            m.d.sync += self.release.eq(jobs.valid)
                        with m.Case(Kind.TILE):
                            m.d.comb += jobs.ready.eq(self.room)
                            m.d.sync += marker.eq(jobs.valid & self.room)
            with m.State("Draw phase"):
                m.d.comb += self.busy.eq(1)
                m.next = "Take phase"
            with m.State("Take phase"):
                m.d.comb += [self.busy.eq(1), walk.begin.eq(1)]
                m.next = "Walk"
            with m.State("Walk"):
                # Beyond the last word, a burst writes it; what this burst reads is of no use.
                ended, skips = slot == 3, (slot == 0) & walk.skipped
                m.d.comb += [
                    self.busy.eq(1),
                    wanted.eq(self.room & (walk.touched | walk.over)),
                    self.use_inputs.eq(need_inputs & (slot == 0)),
                    walk.advance.eq(skips | (ended & ~walk.over)),
                    draws.eq(skips),
                ]
                m.d.sync += slot.eq(slot + (given & ~self.use_inputs))
                with m.If(given & self.use_inputs):
                    m.d.sync += need_inputs.eq(0)
                with m.If(walk.advance):
                    m.d.sync += [
                        need_inputs.eq(need_inputs | walk.next_inputs),
                        new_visit.eq((new_visit & ~ended) | walk.next_visit),
                    ]
                with m.If(ended):
                    m.d.sync += [written.eq(walk.place), loaded.eq(1)]
                    with m.If(new_visit):
                        m.d.sync += announce.eq(1)
                    with m.If(walk.over):
                        m.next = "Await job"
        return m

    def _set_up(self, m: Module, walk: Walk, draw: Draw) -> None:
        """Connect what stands still."""
        m.d.comb += [
            walk.layer.eq(self.layer),
            walk.annealing.eq(self.run.annealing),
            walk.address.eq(self.jobs.payload.address),
            walk.phase.eq(draw.state),
            self.inputs.eq(walk.inputs),
            draw.reinforce.eq(self.network.reinforce),
            draw.shift.eq(self.layer.shift),
            draw.damping.eq(self.run.damping),
            draw.load.eq(self.load),
            draw.value.eq(self.value),
            self.state.eq(draw.state),
        ]

    def _enter(
        self, m: Module, walk: Walk, draw: Draw, narrow: Narrow, slot: Value, given: Value
    ) -> None:
        """Say which inputs, lanes and draw belong to the counters that enter."""
        inputs_read = Signal()
        second, high = slot[1], self.layer.fan_in[3]
        m.d.sync += [
            inputs_read.eq(given & self.use_inputs),
            narrow.take_inputs.eq(inputs_read),
            narrow.part.eq(Cat(second, walk.place.word)),
            narrow.all_lanes.eq(~walk.partial | (~second & high)),
            narrow.lanes.eq(Mux(second & ~high, 0, self.layer.fan_in)),
            narrow.move.eq(slot[0]),
        ]
        m.d.comb += [
            narrow.read_data.eq(self.read_data),
            narrow.reinforced.eq(draw.reinforced),
            narrow.take_draw.eq(slot == 3),
            self.write_data.eq(narrow.counters),
        ]

    def _push(
        self,
        m: Module,
        narrow: Narrow,
        slot: Value,
        given: Value,
        address: Value,
        announce: Signal,
        marker: Value,
    ) -> None:
        """Push what has flipped.

        The beat that a write slot writes stands from the read slot before it on: in the cycle after
        this, a header may be pushed, in the cycle after the write slot, the beat.
        """
        reads, writes, header = Signal(), Signal(), Signal()
        m.d.sync += [reads.eq(given & ~slot[0]), writes.eq(given & slot[0])]
        m.d.comb += [
            header.eq(reads & announce & narrow.flipped),
            self.push.eq(marker | header | (writes & narrow.flipped)),
            self.kind.eq(Mux(writes, Entry.BEAT, Mux(marker, Entry.MARKER, Entry.HEADER))),
            self.push_address.eq(address),
            self.beat.signs.eq(narrow.signs),
            self.beat.part.eq(self.address),
            self.beat.element.eq(self.address >> len(Cat(self.beat.part, address))),
        ]
        with m.If(header):
            m.d.sync += announce.eq(0)
