"""The ring of records in the single-port RAMs: a queue of words with three pointers."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from ..setup import LayerSetup
from ..shape import LANES, Shape


def inputs_index(shape: Shape) -> range:
    """Shape of the number of a word of inputs in a row, and of the one after the last."""
    return range(-(-shape.inputs // LANES) + 1)


class WordRing(wiring.Component):
    """Say where the next word is loaded, where the next is fetched, and where a row's inputs lie.

    With one column and one layer, words are loaded and fetched in the order in which they come, a
    record after another: label, then ``region`` words of inputs. So the ring is a queue of words
    that may begin again in the middle of a record, and needs neither slots nor comparisons with
    its end, as its size is a power of two. What has been fetched stays until ``release``: rows
    still need it.

    Three pointers with a lap bit, one adder for the inputs' address and for the next record.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    layer : In(LayerSetup)
        Only ``region`` counts.
    start : In(1)
        Forget everything.
    load : In(1)
        A word goes to ``load_address``.
    load_address : Out
    full : Out(1)
        There is no room for a word.
    fetch : In(1)
        The word at ``fetch_address`` is fetched.
    fetch_address : Out
    first : In(1)
        The next fetch begins with a label.
    visit : Out(1)
        The words of the next fetch are there.
    release : In(1)
        All rows of the oldest record have been updated; only while ``idle``.
    idle : In(1)
        No row is in progress, ``inputs_address`` is not needed.
    inputs : In
        Number of a word of inputs of the oldest record.
    inputs_address : Out
        Where it lies.
    """

    def __init__(self, shape: Shape) -> None:
        self._elements = shape.elements
        self._bits = exact_log2(shape.records)
        super().__init__(
            {
                "layer": In(LayerSetup(shape)),
                "start": In(1),
                "load": In(1),
                "load_address": Out(self._bits),
                "full": Out(1),
                "fetch": In(1),
                "fetch_address": Out(self._bits),
                "first": In(1),
                "visit": Out(1),
                "release": In(1),
                "idle": In(1),
                "inputs": In(inputs_index(shape)),
                "inputs_address": Out(self._bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        loaded, fetched, oldest = (
            Signal(self._bits + 1, name=name) for name in ("loaded", "fetched", "oldest")
        )

        beyond_label, waiting = Signal(self._bits + 1), Signal(self._bits + 1)
        # A comparison with a constant in gates: in an adder it would follow the difference's.
        low_bits = self._elements.bit_length()
        low = waiting[:low_bits]
        m.d.comb += [
            beyond_label.eq(oldest + Mux(self.idle, self.layer.region, self.inputs) + 1),
            self.inputs_address.eq(beyond_label),
            self.load_address.eq(loaded),
            self.fetch_address.eq(fetched),
            self.full.eq(loaded == (oldest ^ (1 << self._bits))),
            waiting.eq(loaded - fetched),
            self.visit.eq(
                waiting[low_bits:].any()
                | low.matches(*range(self._elements + 1, 1 << low_bits))
                | (low.matches(self._elements) & ~self.first)
            ),
        ]
        m.d.sync += [loaded.eq(loaded + self.load), fetched.eq(fetched + self.fetch)]
        with m.If(self.release):
            m.d.sync += oldest.eq(beyond_label)
        with m.If(self.start):
            m.d.sync += [loaded.eq(0), fetched.eq(0), oldest.eq(0)]
        return m
