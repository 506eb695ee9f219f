"""From activation bits to the records of the next layer's inputs."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from ..bundles import ActivationWrite
from ..pipeline import delays
from ..select import select
from ..setup import NetworkSetup, layers_layout
from ..shape import LANES, Shape
from .totals import BitControl


class Pack(wiring.Component):
    """Collect the activations of a layer in words of 64, and fill up with zeros.

    A word is written when its last neuron has come, or the layer's last; the words that the next
    layer's inputs take beyond that are written as zeros, one a cycle: weights whose sign is 1 see
    them, and an XNOR of 1 would count. Nothing is written for the last layer.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    network, layers : In
        Setups.
    bits, bit_controls : In
        Of :class:`~metabit.hdl.array.totals.Totals`.
    write : Out(ActivationWrite)
    stored : Out(1)
        All words have been written in all columns; high for a cycle.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        super().__init__(
            {
                "network": In(NetworkSetup(shape)),
                "layers": In(layers_layout(shape)),
                "bits": In(data.ArrayLayout(1, shape.samples)),
                "bit_controls": In(data.ArrayLayout(BitControl(shape), shape.samples)),
                "write": Out(ActivationWrite(shape)),
                "stored": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lane_bits = exact_log2(LANES)
        for s in range(self._shape.samples):
            control = self.bit_controls[s]
            position = control.neuron[:lane_bits]
            packed = Signal(LANES, name=f"packed_{s}", reset_less=True)
            first = position == 0
            with m.If(control.valid):
                m.d.sync += packed.eq(
                    Cat(
                        Mux(position == lane, self.bits[s], packed[lane] & ~first)
                        for lane in range(LANES)
                    )
                )
            m.d.comb += self.write.data[s].eq(packed)

        lead = self.bit_controls[0]
        regions = [self.layers[n].region for n in range(self._shape.layers)]
        words = Signal.like(regions[0])  # still to be written
        full, fill = Signal(), Signal()
        last_layer = lead.layer == self.network.layers - 1
        m.d.sync += full.eq(lead.valid & ~last_layer & (lead.end | lead.neuron[:lane_bits].all()))
        starting = Signal()
        m.d.comb += starting.eq(lead.valid & (lead.neuron == 0))
        written = Signal()
        m.d.comb += written.eq(full | fill)
        with m.If(starting):
            m.d.sync += words.eq(select([*regions[1:], regions[0]], lead.layer))
        with m.Elif(written):
            m.d.sync += words.eq(words - 1)
        ended = Signal()
        m.d.sync += ended.eq(lead.valid & ~last_layer & lead.end)
        with m.If(ended):
            m.d.sync += fill.eq(words != 1)
        with m.Elif(words == 1):
            m.d.sync += fill.eq(0)
        done = (ended | fill) & (words == 1)

        writes = delays(m, written, self._shape.samples - 1, "written")
        fills = delays(m, fill, self._shape.samples - 1, "fill")
        for s in range(self._shape.samples):
            m.d.comb += self.write.valid[s].eq(writes[s])
            with m.If(fills[s]):
                m.d.comb += self.write.data[s].eq(0)
        m.d.comb += self.stored.eq(delays(m, done, self._shape.samples, "stored")[-1])
        return m
