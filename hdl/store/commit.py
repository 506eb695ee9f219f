"""The commit: which rows of a tile have been updated, and their copy."""

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..bundles import address_bits
from ..select import select
from ..setup import layers_layout
from ..shape import Shape


class Commit(wiring.Component):
    """List the rows of a tile, and make them visible when asked to.

    A row's sign words lie ``neurons`` apart, ``visits`` of them; a commit copies one a cycle, and
    takes about eight more. The list has room for ``samples * winners`` rows, more than a tile has.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    layers : In
        Setups.
    row : In(1)
        A row of layer ``layer`` at sign word ``address`` is being updated; not during a commit.
    address, layer : In
    request : In(stream.Signature(unsigned(0)))
        Commit all rows listed; ``ready`` when done.
    complete : In(1)
        All rows of the tile have been listed and written.
    copying : In(1)
        A copy is still on its way.
    copy : Out(1)
        Copy the sign word at ``copy_address``.
    copy_address : Out
    busy : Out(1)
        A commit is in progress.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        super().__init__(
            {
                "layers": In(layers_layout(shape)),
                "row": In(1),
                "address": In(address_bits(shape)),
                "layer": In(range(shape.layers)),
                "request": In(stream.Signature(unsigned(0))),
                "complete": In(1),
                "copying": In(1),
                "copy": Out(1),
                "copy_address": Out(address_bits(shape)),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shape = self._shape
        entry = data.StructLayout(
            {"address": address_bits(shape), "layer": unsigned(len(self.layer))}
        )
        m.submodules.rows = memory = Memory(
            shape=entry, depth=shape.samples * shape.winners, init=[]
        )
        write_port, read_port = memory.write_port(), memory.read_port()
        count, tail = Signal.like(write_port.addr), Signal.like(read_port.addr)
        writing, written = Signal(), Signal(entry, reset_less=True)
        m.d.sync += [
            writing.eq(self.row),
            written.address.eq(self.address),
            written.layer.eq(self.layer),
        ]
        m.d.comb += [write_port.en.eq(writing), write_port.data.eq(written)]
        with m.If(writing):
            m.d.sync += count.eq(count + 1)
        m.d.comb += write_port.addr.eq(count)

        # Row after row through three registers, which all move on with the last visit of a row.
        move, walking = Signal(), Signal()
        row_read, row_kept, row_copied = Signal(), Signal(), Signal()
        kept = Signal(entry, reset_less=True)
        setup = Signal(self.layers.shape().elem_shape)
        neurons, left = Signal.like(setup.neurons), Signal.like(setup.visits)
        m.d.comb += [
            read_port.addr.eq(tail),
            read_port.en.eq(move),
            move.eq(walking & (~row_copied | (left == 1))),
            self.copy.eq(row_copied),
            setup.eq(select([self.layers[n] for n in range(shape.layers)], kept.layer)),
        ]
        with m.If(row_copied):
            m.d.sync += [left.eq(left - 1), self.copy_address.eq(self.copy_address + neurons)]
        with m.If(move):
            m.d.sync += [
                row_read.eq(tail != count),
                row_kept.eq(row_read),
                row_copied.eq(row_kept),
                kept.eq(read_port.data),
                neurons.eq(setup.neurons),
                left.eq(setup.visits),
                self.copy_address.eq(kept.address),
            ]
            with m.If(tail != count):
                m.d.sync += tail.eq(tail + 1)

        with m.FSM(name="commit") as fsm:
            m.d.comb += [
                self.busy.eq(~fsm.ongoing("Idle")),
                walking.eq(fsm.ongoing("Copy rows")),
            ]
            with m.State("Idle"):
                with m.If(self.request.valid & self.complete):
                    m.next = "Begin"
            with m.State("Begin"):
                # The last row is in the list by now.
                m.next = "Copy rows"
            with m.State("Copy rows"):
                with m.If((tail == count) & ~Cat(row_read, row_kept, row_copied).any()):
                    m.next = "Await copies"
            with m.State("Await copies"):
                with m.If(~self.copying):
                    m.d.comb += self.request.ready.eq(1)
                    m.d.sync += [tail.eq(0), count.eq(0)]
                    m.next = "Idle"
        return m
