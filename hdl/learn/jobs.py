"""The order of updates: sample by sample, layer by layer, group by group."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..bundles import Job, Kind
from ..select import select
from ..setup import RunSetup
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
    tile : In(1)
        A tile begins.
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
                "run": In(RunSetup()),
                "tile": In(1),
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
        open_tiles = Signal(3)  # begun and not over; a few short ones may be on their way
        closing = Signal()  # the tile is over, its marker is still to be handed on
        found = Signal(data.StructLayout({"valid": 1, "payload": Found(self._shape)}))
        job = self.jobs.payload
        m.d.comb += [
            found.valid.eq(select([c.valid for c in columns], column)),
            found.payload.eq(select([c.payload.as_value() for c in columns], column)),
            self.busy.eq((open_tiles != 0) | closing | self.jobs.valid),
        ]
        # A job waits in a register, so that no path leads through here into the store.
        free, taken = Signal(), Signal()
        m.d.comb += [free.eq(~self.jobs.valid & ~closing), taken.eq(free & found.valid)]
        for s, waiting in enumerate(columns):
            m.d.comb += waiting.ready.eq(free & (column == s))
        sample_over, tile_over = Signal(), Signal()
        with m.If(self.jobs.valid):
            m.d.sync += self.jobs.valid.eq(~self.jobs.ready)
        with m.Elif(closing):
            m.d.sync += [closing.eq(0), self.jobs.valid.eq(1), job.kind.eq(Kind.TILE)]
        with m.Else():
            m.d.sync += [
                self.jobs.valid.eq(found.valid),
                job.address.eq(found.payload.address),
                job.desired.eq(found.payload.desired),
            ]
            with m.Switch(found.payload.kind):
                with m.Case(Mark.ROW):
                    m.d.sync += job.kind.eq(Kind.ROW)
                    m.d.comb += self.row.eq(taken)
                with m.Case(Mark.LAYER):
                    m.d.sync += job.kind.eq(Kind.LAYER)
                    with m.If(taken):
                        m.d.sync += self.layer.eq(self.layer + 1)
                with m.Default():
                    m.d.sync += job.kind.eq(Kind.SAMPLE)
                    m.d.comb += [
                        sample_over.eq(taken),
                        tile_over.eq(taken & (found.payload.kind == Mark.TILE)),
                    ]
        with m.If(sample_over):
            m.d.sync += [self.layer.eq(0), column.eq(column + 1)]
            if samples & (samples - 1):
                with m.If(column == samples - 1):
                    m.d.sync += column.eq(0)
        with m.If(tile_over):
            m.d.sync += [column.eq(0), closing.eq(self.run.train)]
        m.d.sync += open_tiles.eq(open_tiles + self.tile - tile_over)
        return m
