"""The one port of the single-port RAMs, and who may use it."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from ..shape import LANES, SPRAM_WORDS, Shape
from .ram import ADDRESS_BITS


class PortUse(wiring.Signature):
    """Somebody wants the next slot of the port.

    ``ready`` gives the slot to whoever wants it; it is used in the cycle after: then the RAMs see
    the address, a cycle later a word that was read stands on their output. With ``locked``, after
    a slot that was taken, the next one is given, whatever ``ready`` says. Nothing is lost if a slot
    that only reads is not wanted; ``write`` must be low then.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "locked": Out(1),
                "ready": In(1),
                "write": Out(1),
                "address": Out(ADDRESS_BITS),
            }
        )


class Port(wiring.Component):
    """Give the port to whoever needs it most: a fetch, a load, the row that learns.

    A fetch takes ``elements`` slots in a row, after one for the label with ``first``. ``load``
    comes two cycles after the first word's slot, which with a label is the second one. A load
    takes a slot every third cycle at the most, and takes its word one cycle later.

    The ring of records lies at the end of the RAMs.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    fetch : In
        ``valid`` (the words are there), ``first``, ``ready``.
    fetched : Out(1)
        A word of the ring at ``fetch_address`` is taken.
    fetch_address : In
    load, label : Out(1)
        The word that the RAMs deliver is that of element 0; is a label.
    samples : In(stream of 64)
    full : In(1)
        There is no room in the ring.
    loaded : Out(1)
        A word is written at ``load_address``.
    load_address : In
    use : In(PortUse)
        Everybody else.
    address : Out(14)
    write : Out(1)
        What the RAMs do.
    """

    FETCH_LATENCY = 2
    """Cycles from a slot to the word."""

    def __init__(self, shape: Shape) -> None:
        self._elements = shape.elements
        ring_bits = exact_log2(shape.records)
        self.ring = Const(SPRAM_WORDS // shape.records - 1, ADDRESS_BITS - ring_bits)
        super().__init__(
            {
                "fetch": In(wiring.Signature({"valid": Out(1), "first": Out(1), "ready": In(1)})),
                "fetched": Out(1),
                "fetch_address": In(ring_bits),
                "load": Out(1),
                "label": Out(1),
                "samples": In(stream.Signature(LANES)),
                "full": In(1),
                "loaded": Out(1),
                "load_address": In(ring_bits),
                "use": In(PortUse()),
                "address": Out(ADDRESS_BITS),
                "write": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        elements = self._elements
        left = Signal(range(elements + 1))
        fetching, fetch_begins, load_begins = Signal(), Signal(), Signal()
        load_wanted = Signal()  # a word is there, and room for it
        m.d.comb += [
            fetching.eq(left.any()),
            fetch_begins.eq(self.fetch.valid & ~fetching & ~self.use.locked),
            load_begins.eq(load_wanted & ~(self.fetch.valid | fetching | self.use.locked)),
            self.use.ready.eq(~(self.fetch.valid | load_wanted | fetching)),
            self.fetch.ready.eq(fetch_begins),
            self.fetched.eq(fetch_begins | fetching),
            self.samples.ready.eq(self.loaded),
        ]
        with m.If(fetch_begins):
            m.d.sync += left.eq(Mux(self.fetch.first, elements, elements - 1))
        with m.Elif(fetching):
            m.d.sync += left.eq(left - 1)

        ring_address = Mux(self.fetched, self.fetch_address, self.load_address)
        in_ring = self.fetched | load_begins
        m.d.sync += [
            self.address.eq(Mux(in_ring, Cat(ring_address, self.ring), self.use.address)),
            self.write.eq(load_begins | (~in_ring & self.use.write)),
            self.loaded.eq(load_begins),
            load_wanted.eq(
                ~load_begins & (load_wanted | (self.samples.valid & ~self.full & ~self.loaded))
            ),
        ]

        label_slot, first_slot = Signal(), Signal()
        m.d.sync += [
            label_slot.eq(fetch_begins & self.fetch.first),
            first_slot.eq((fetch_begins & ~self.fetch.first) | (left == elements)),
            self.label.eq(label_slot),
            self.load.eq(first_slot),
        ]
        return m
