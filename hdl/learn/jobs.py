"""The order of updates: sample by sample, layer by layer, group by group."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..bundles import Job, Kind
from ..select import select
from ..setup import NetworkSetup, RunSetup
from ..shape import Shape
from .codes import Found, Mark


class Jobs(wiring.Component):
    """Take the columns' winners in the order of their samples, and close every tile.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    network, run : In
        Setups.
    start : In(1)
        Begin a run of ``count`` samples.
    count : In(24)
    found : In(samples x stream of Found)
    jobs : Out(stream of Job)
    busy : Out(1)
        Samples are still to come.
    row : Out(1)
        A row has been handed on; ``layer`` is its layer.
    layer : Out
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        super().__init__(
            {
                "network": In(NetworkSetup(shape)),
                "run": In(RunSetup()),
                "start": In(1),
                "count": In(24),
                **{f"found_{s}": In(stream.Signature(Found(shape))) for s in range(shape.samples)},
                "jobs": Out(stream.Signature(Job(shape))),
                "busy": Out(1),
                "row": Out(1),
                "layer": Out(range(shape.layers)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        samples = self._shape.samples
        columns = [getattr(self, f"found_{s}") for s in range(samples)]
        column = Signal(range(samples))
        left, in_tile = Signal(24), Signal(7)
        closing = Signal()  # the tile is over, its marker is still to be handed on
        found = Signal(data.StructLayout({"valid": 1, "payload": Found(self._shape)}))
        job = self.jobs.payload
        m.d.comb += [
            found.valid.eq(select([c.valid for c in columns], column)),
            found.payload.eq(select([c.payload.as_value() for c in columns], column)),
            self.busy.eq((left != 0) | closing),
            self.jobs.valid.eq(found.valid | closing),
            job.address.eq(found.payload.address),
            job.desired.eq(found.payload.desired),
        ]
        taken = Signal()
        m.d.comb += taken.eq(self.jobs.ready & ~closing)
        for s, waiting in enumerate(columns):
            m.d.comb += waiting.ready.eq(taken & (column == s))
        sample_over = Signal()
        with m.If(closing):
            m.d.comb += job.kind.eq(Kind.TILE)
            with m.If(self.jobs.ready):
                m.d.sync += closing.eq(0)
        with m.Else():
            with m.Switch(found.payload.kind):
                with m.Case(Mark.ROW):
                    m.d.comb += [job.kind.eq(Kind.ROW), self.row.eq(found.valid & taken)]
                with m.Case(Mark.LAYER):
                    m.d.comb += job.kind.eq(Kind.LAYER)
                    with m.If(found.valid & taken):
                        m.d.sync += self.layer.eq(self.layer + 1)
                with m.Case(Mark.SAMPLE):
                    m.d.comb += [job.kind.eq(Kind.SAMPLE), sample_over.eq(found.valid & taken)]
        last = Signal()
        m.d.comb += last.eq((in_tile == self.network.tile - 1) | (left == 1))
        with m.If(sample_over):
            m.d.sync += [
                self.layer.eq(0),
                left.eq(left - 1),
                column.eq(column + 1),
                in_tile.eq(in_tile + 1),
            ]
            with m.If(last):
                m.d.sync += [column.eq(0), in_tile.eq(0), closing.eq(self.run.train)]
        with m.If(self.start):
            m.d.sync += [left.eq(self.count), in_tile.eq(0), column.eq(0)]
        return m
