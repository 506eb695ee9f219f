"""Store in the four single-port RAMs of an iCE40 UltraPlus."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import connect, flipped
from amaranth.utils import ceil_log2

from ..shape import SPRAM_WORDS, Shape
from .access import Access
from .flips import BEAT, Beat, FlipQueue
from .multipliers import counter_lanes
from .port import Port
from .ram import WideSpram
from .rows import Rows
from .signature import StoreSignature
from .signs import SignPlane
from .words import WordRing


class SpramStore(wiring.Component):
    """Keep counters and records in single-port RAM, and visible signs in block RAM.

    All four RAMs work as one: a word of 64 bits an access, one access a cycle. Counters take
    eight to a word, at ``Cat(part, address, element)``; the last ``records`` words are the ring of
    records. :class:`~metabit.hdl.store.port.Port` gives the accesses to fetches, loads and
    :class:`~metabit.hdl.store.rows.Rows`, in this order. Flipped signs wait in a
    :class:`~metabit.hdl.store.flips.FlipQueue` until a commit writes them into the
    :class:`~metabit.hdl.store.signs.SignPlane`, eight a cycle.

    When the host writes counters, their signs go into the visible plane along with them; writing
    space SIGNS does nothing. ``samples`` must offer no word of a run before its ``start``.

    A row of W words takes 4 W + ceil(W / 4) + 9 cycles, if all learn and nobody else uses the port;
    a fetch costs it a slot an element, a load a slot a word.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    See :class:`~metabit.hdl.store.signature.StoreSignature`.

    Raises
    ------
    ValueError
        If counters and records do not fit the RAMs, or the shape has several columns or layers.
    """

    input_latency = Port.FETCH_LATENCY

    def __init__(self, shape: Shape) -> None:
        if (shape.samples, shape.layers, shape.counter_bits) != (1, 1, BEAT):
            raise ValueError(
                f"single-port RAM serves one column, one layer and counters of {BEAT} bits, not "
                f"{shape.samples}, {shape.layers} and {shape.counter_bits}"
            )
        if shape.records & (shape.records - 1):
            raise ValueError(f"records must be a power of two, not {shape.records}")
        needed = shape.records + (shape.elements << (3 + ceil_log2(shape.depth)))
        if needed > SPRAM_WORDS:
            raise ValueError(f"counters and records take {needed} of {SPRAM_WORDS} words")
        self._shape = shape
        super().__init__(StoreSignature(shape))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shape, inputs = self._shape, self.inputs
        m.submodules.ram = ram = WideSpram()
        m.submodules.port = port = Port(shape)
        m.submodules.ring = ring = WordRing(shape)
        m.submodules.rows = rows = Rows(shape)
        m.submodules.access = access = Access(shape)
        m.submodules.flips = flips = FlipQueue(shape)
        m.submodules.signs = signs = SignPlane(shape)

        connect(m, flipped(self.samples), port.samples)
        connect(m, flipped(self.jobs), rows.jobs)
        connect(m, flipped(self.host), access.host)
        connect(m, flipped(self.signs), signs.fetch)
        m.d.comb += [
            rows.network.eq(self.network),
            rows.layer.eq(self.layers[0]),
            rows.run.eq(self.run),
            self.idle.eq(rows.idle),
            self.busy.eq(rows.busy),
            ring.layer.eq(self.layers[0]),
            ring.start.eq(self.start),
            ring.load.eq(port.loaded),
            ring.fetch.eq(port.fetched),
            ring.first.eq(inputs.first),
            ring.release.eq(rows.release),
            ring.idle.eq(~rows.busy),
            ring.inputs.eq(rows.inputs),
            port.load_address.eq(ring.load_address),
            port.full.eq(ring.full),
            port.fetch_address.eq(ring.fetch_address),
        ]
        self._use_port(m, ram, port, ring, rows, access)
        self._serve_host(m, rows, access)
        self._answer_fetches(m, ram, port, ring)
        self._commit(m, rows, access, flips, signs)
        return m

    def _use_port(
        self, m: Module, ram: WideSpram, port: Port, ring: WordRing, rows: Rows, access: Access
    ) -> None:
        """Connect the RAMs to those that want them."""
        m.d.comb += [
            port.use.locked.eq(rows.use.locked),
            rows.use.ready.eq(port.use.ready),
            port.use.write.eq(rows.use.write),
            port.use.address.eq(
                Mux(rows.use_inputs, Cat(ring.inputs_address, port.ring), rows.use.address)
            ),
            ram.address.eq(port.address),
            ram.write.eq(port.write),
            ram.write_data.eq(
                Mux(
                    port.loaded,
                    self.samples.payload,
                    Mux(access.writes, self.host.write_data, rows.write_data),
                )
            ),
            rows.address.eq(port.address),
            rows.read_data.eq(ram.read_data),
        ]

    def _serve_host(self, m: Module, rows: Rows, access: Access) -> None:
        """Let the host use the rows' way to counters and generator."""
        host, place = self.host, rows.host_place
        m.d.comb += [
            place.word.eq(host.part[1:]),
            place.address.eq(host.address),
            place.element.eq(host.element),
            rows.host_high.eq(host.part[0]),
            rows.host_write.eq(host.write),
            rows.host_slot.eq(access.slot),
            access.ready.eq(rows.use.ready),
            access.read_data.eq(rows.read_data),
            access.state.eq(rows.state),
            rows.load.eq(access.load),
            rows.value.eq(host.write_data),
        ]

    def _answer_fetches(self, m: Module, ram: WideSpram, port: Port, ring: WordRing) -> None:
        """Hand words and labels on as they come."""
        inputs = self.inputs
        # Whether the words of a fetch are there is known a cycle after it was asked for.
        asked = Signal()
        m.d.sync += asked.eq(inputs.valid & ring.visit & ~port.fetched)
        m.d.comb += [
            port.fetch.valid.eq(asked),
            port.fetch.first.eq(inputs.first),
            inputs.ready.eq(port.fetch.ready),
            inputs.load.eq(port.load),
            inputs.words[0].eq(ram.read_data),
        ]
        with m.If(port.label):
            m.d.sync += inputs.labels[0].eq(ram.read_data)

    def _commit(
        self, m: Module, rows: Rows, access: Access, flips: FlipQueue, signs: SignPlane
    ) -> None:
        """Move flipped signs through their queue, and the host's signs past it."""
        host = self.host
        beat = Signal(Beat(self._shape))
        m.d.comb += [
            flips.push.eq(rows.push),
            flips.kind.eq(rows.kind),
            flips.address.eq(rows.push_address),
            flips.beat.eq(rows.beat),
            rows.room.eq(flips.room),
            # The flips of a tile stand in the order of its rows: all of them at once, or none.
            flips.pop.eq(self.commit.valid & self.commit.through),
            self.commit.front.eq(flips.done),
            self.commit.ready.eq(flips.done),
            beat.part.eq(host.part),
            beat.element.eq(host.element),
            beat.signs.eq(~Cat(counter[-1] for counter in counter_lanes(host.write_data))),
        ]
        # A register on the way, where the paths are long. A commit's last write is over when its
        # marker leaves.
        m.d.sync += [
            signs.write.valid.eq(flips.write.valid | access.writes),
            signs.write.address.eq(Mux(access.writes, host.address, flips.write.address)),
            signs.write.beat.eq(Mux(access.writes, beat, flips.write.beat)),
        ]
