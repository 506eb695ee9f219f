"""The update engine: rows that learn, in the order of the jobs, and the host's accesses."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..bundles import HostAccess, Job, Kind, Space, address_bits
from ..learn.draw import Draw
from ..setup import LayerSetup, NetworkSetup, RunSetup
from ..shape import LANES, Shape
from .flips import Beat, Entry
from .narrow import Narrow
from .port import PortUse
from .ram import ADDRESS_BITS
from .walk import Place, Walk
from .words import inputs_index


class Rows(wiring.Component):
    """Update rows, 16 counters in four slots of the port; let the host at the counters in between.

    A row takes a step of the generator for its phase and one for each of its words. A word that
    learns takes a burst of four slots: read eight counters, write the first eight of the word
    before, read eight more, write the other eight. Between two bursts anybody may use the port:
    the pipeline moves in its own slots only. Every fourth word, a slot before the burst reads the
    next 64 inputs. At the end, a burst that reads nothing of use writes the last word. A word that
    does not learn takes a cycle and no slot.

    A row of W words, all of which learn, takes 4 W + ceil(W / 4) + 7 cycles if nobody else uses the
    port.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    network, layer, run : In
        Setups.
    jobs : In(stream of Job)
    host : In(HostAccess)
        Spaces COUNTERS and GENERATOR; served between jobs.
    use : Out(PortUse)
    use_inputs : Out(1)
        The slot is for word ``inputs`` of the record, whatever its address.
    inputs : Out
    release : Out(1)
        All rows of a sample have been updated.
    address : In
        Of the RAMs in this cycle.
    read_data : In(64)
    write_data : Out(64)
    push, kind, push_address, beat : Out
    room : In(1)
        See :class:`~metabit.hdl.store.flips.FlipQueue`.
    host_writes : Out(1)
        The host's word goes into the RAMs in this cycle.
    idle, busy : Out(1)
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        super().__init__(
            {
                "network": In(NetworkSetup(shape)),
                "layer": In(LayerSetup(shape)),
                "run": In(RunSetup()),
                "jobs": In(stream.Signature(Job(shape))),
                "host": In(HostAccess(shape)),
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
                "host_writes": Out(1),
                "idle": Out(1),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        use, host, jobs = self.use, self.host, self.jobs
        m.submodules.walk = walk = Walk(self._shape)
        m.submodules.draw = draw = Draw()
        m.submodules.narrow = narrow = Narrow()

        slot = Signal(2)
        wanted, given, host_slot = Signal(), Signal(), Signal()
        host_place = Signal(Place(self._shape))
        written = Signal(Place(self._shape), reset_less=True)
        loaded = Signal()  # The pipeline holds the word at `written`.
        announce = Signal()  # No header of its visit has been pushed.
        need_inputs, new_visit = Signal(), Signal()
        desired = Signal(reset_less=True)
        draws, drawn = Signal(), Signal()  # A step for a phase or a word that does not learn.
        m.d.comb += [
            walk.layer.eq(self.layer),
            walk.annealing.eq(self.run.annealing),
            walk.address.eq(jobs.payload.address),
            walk.phase.eq(draw.state),
            draw.reinforce.eq(self.network.reinforce),
            draw.shift.eq(self.layer.shift),
            draw.damping.eq(self.run.damping),
            draw.value.eq(host.write_data),
            self.inputs.eq(walk.inputs),
            host_place.word.eq(host.part[1:]),
            host_place.address.eq(host.address),
            host_place.element.eq(host.element),
            use.locked.eq(slot != 0),
            given.eq(use.locked | (wanted & use.ready)),
            use.write.eq((slot[0] & loaded) | (host_slot & host.write)),
            use.address.eq(
                Cat(
                    slot[1] | (host_slot & host.part[0]),
                    Mux(slot[0] | host_slot, written.as_value(), walk.place.as_value()),
                )
            ),
        ]
        self._pipeline(m, narrow, walk, slot, given)
        m.d.comb += [
            narrow.desired.eq(desired),
            narrow.reinforced.eq(draw.reinforced),
            narrow.take_draw.eq(slot == 3),
        ]

        checks, writes = Signal(), Signal()  # The cycles after a read and after a write slot.
        m.d.sync += [
            checks.eq(given & ~slot[0] & loaded),
            writes.eq(slot[0] & loaded),
            narrow.move.eq(slot[0]),
            drawn.eq(draws),
        ]
        m.d.comb += draw.step.eq(drawn | ((slot == 1) & ~walk.over))
        header = checks & announce
        marker = Signal()  # A tile is over.
        m.d.sync += marker.eq(0)
        m.d.comb += [
            self.push.eq(marker | (narrow.flipped & (header | writes))),
            self.kind.eq(Mux(writes, Entry.BEAT, Mux(marker, Entry.MARKER, Entry.HEADER))),
            self.push_address.eq(written.address),
            self.beat.signs.eq(narrow.signs),
            self.beat.part.eq(self.address),
            self.beat.element.eq(self.address >> len(Cat(self.beat.part, written.address))),
        ]
        with m.If(header & narrow.flipped):
            m.d.sync += announce.eq(0)

        with m.FSM(name="rows"):
            with m.State("Await job"):
                m.d.comb += [walk.start.eq(1), self.idle.eq(~narrow.move & ~jobs.valid)]
                m.d.sync += [
                    desired.eq(jobs.payload.desired),
                    written.eq(host_place),
                    loaded.eq(0),
                    need_inputs.eq(1),
                    new_visit.eq(1),
                ]
                with m.If(jobs.valid & ~narrow.move):
                    self._begin(m, draws, marker)
                with m.Elif(host.valid):
                    self._answer(m, draw)
            with m.State("Draw phase"):
                m.d.comb += self.busy.eq(1)
                m.next = "Take phase"
            with m.State("Take phase"):
                m.d.comb += [self.busy.eq(1), walk.begin.eq(1)]
                m.next = "Walk"
            with m.State("Walk"):
                # Beyond the last word, a burst writes it; what this burst reads is of no use.
                m.d.comb += self.busy.eq(1)
                ended = slot == 3
                skips = (slot == 0) & walk.skipped
                m.d.comb += [
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
            with m.State("Ask for host"):
                m.d.comb += [wanted.eq(1), host_slot.eq(1)]
                m.d.sync += self.host_writes.eq(given & host.write)
                with m.If(given):
                    m.next = "Access"
            with m.State("Access"):
                m.d.sync += self.host_writes.eq(0)
                m.next = "Answer"
            with m.State("Answer"):
                m.d.comb += host.ready.eq(1)
                m.next = "Await job"
        m.d.comb += host.read_data.eq(
            Cat(
                Mux(host.space == Space.GENERATOR, draw.state, self.read_data[: len(draw.state)]),
                self.read_data[len(draw.state) :],
            )
        )
        return m

    def _pipeline(self, m: Module, narrow: Narrow, walk: Walk, slot: Value, given: Value) -> None:
        """Say which inputs and lanes belong to the counters that enter."""
        inputs_read = Signal()
        second, high = slot[1], self.layer.fan_in[3]
        m.d.sync += [
            inputs_read.eq(given & self.use_inputs),
            narrow.take_inputs.eq(inputs_read),
            narrow.part.eq(Cat(second, walk.place.word)),
            narrow.all_lanes.eq(~walk.partial | (~second & high)),
            narrow.lanes.eq(Mux(second & ~high, 0, self.layer.fan_in)),
        ]
        m.d.comb += [narrow.read_data.eq(self.read_data), self.write_data.eq(narrow.counters)]

    def _begin(self, m: Module, draws: Signal, marker: Signal) -> None:
        """Take a job. A row goes on, all others are done at once."""
        jobs = self.jobs
        m.d.comb += jobs.ready.eq(1)
        with m.Switch(jobs.payload.kind):
            with m.Case(Kind.ROW):
                m.d.comb += draws.eq(1)
                m.next = "Draw phase"
            with m.Case(Kind.SAMPLE):
                m.d.comb += self.release.eq(1)
            with m.Case(Kind.TILE):
                m.d.comb += jobs.ready.eq(self.room)
                m.d.sync += marker.eq(self.room)

    def _answer(self, m: Module, draw: Draw) -> None:
        """Serve the host; only counters take more than this cycle."""
        host = self.host
        with m.Switch(host.space):
            with m.Case(Space.COUNTERS):
                m.next = "Ask for host"
            with m.Case(Space.GENERATOR):
                m.d.comb += [host.ready.eq(1), draw.load.eq(host.write)]
            with m.Default():
                m.d.comb += host.ready.eq(1)
