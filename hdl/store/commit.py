"""The commit: which rows of a tile have been updated, and their copy."""

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from ..bundles import CommitRequest, address_bits
from ..select import select
from ..setup import NetworkSetup, layers_layout
from ..shape import Shape


class Commit(wiring.Component):
    """List the rows of a tile, and make them visible when asked to.

    A row's sign words lie ``neurons`` apart, ``visits`` of them; a commit copies one a cycle. First
    come all but those of the last visit of the last layer, and about eight cycles more: the
    ``front``. What is left of the rows of the last layer is listed meanwhile, in the place of what
    has been done, and copied when the array is through. If it is from the beginning, nothing is
    left. The list has room for ``samples * winners`` rows, more than a tile has.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    network, layers : In
        Setups.
    row : In(1)
        A row of layer ``layer`` at sign word ``address`` is being updated; not from ``request`` on
        until after ``read``.
    address, layer : In
    request : In(CommitRequest)
        Commit all rows listed.
    complete : In(1)
        All rows of the tile have been listed and written.
    read : Out(1)
        All current signs have been read, the last of them in the cycle before.
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
                "network": In(NetworkSetup(shape)),
                "layers": In(layers_layout(shape)),
                "row": In(1),
                "address": In(address_bits(shape)),
                "layer": In(range(shape.layers)),
                "request": In(CommitRequest()),
                "complete": In(1),
                "read": Out(1),
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
            shape=entry,
            depth=shape.samples * shape.winners,
            init=[],
            attrs=shape.small_memory_attributes,
        )
        write_port, read_port = memory.write_port(), memory.read_port()
        count, tail = Signal.like(write_port.addr), Signal.like(read_port.addr)
        left_over = Signal.like(count)  # rows whose last word is still to be copied
        whole = Signal()  # nothing is left over
        second = Signal()  # what was is being copied
        keeps, rest = Signal(), Signal.like(self.copy_address)
        writing, keeping, written = Signal(), Signal(), Signal(entry, reset_less=True)
        m.d.sync += [
            writing.eq(self.row),
            keeping.eq(keeps),
            written.address.eq(Mux(self.row, self.address, rest)),
            written.layer.eq(self.layer),
        ]
        m.d.comb += [
            write_port.en.eq(writing | keeping),
            write_port.addr.eq(Mux(writing, count, left_over)),
            write_port.data.eq(written),
        ]
        with m.If(writing):
            m.d.sync += count.eq(count + 1)
        with m.If(keeping):
            m.d.sync += left_over.eq(left_over + 1)

        # Row after row through three registers, which all move on with the last word of a row.
        move, walking = Signal(), Signal()
        row_read, row_kept, row_copied = Signal(), Signal(), Signal()
        kept = Signal(entry, reset_less=True)
        setup = Signal(self.layers.shape().elem_shape)
        neurons, left = Signal.like(setup.neurons), Signal.like(setup.visits)
        last_layer, in_last_layer = Signal(), Signal()
        following = Signal.like(self.copy_address)
        m.d.comb += [
            read_port.addr.eq(tail),
            read_port.en.eq(move),
            move.eq(walking & (~row_copied | (left[1:] == 0))),
            # A row of a single visit leaves without a copy, and is listed.
            self.copy.eq(row_copied & (left != 0)),
            following.eq(self.copy_address + neurons),
            keeps.eq(move & row_copied & in_last_layer & ~whole),
            rest.eq(Mux(left == 0, self.copy_address, following)),
            last_layer.eq(kept.layer == self.network.layers - 1),
            setup.eq(select([self.layers[n] for n in range(shape.layers)], kept.layer)),
        ]
        with m.If(row_copied):
            m.d.sync += [left.eq(left - 1), self.copy_address.eq(following)]
        with m.If(move):
            m.d.sync += [
                row_read.eq(tail != count),
                row_kept.eq(row_read),
                row_copied.eq(row_kept),
                kept.eq(read_port.data),
                neurons.eq(setup.neurons),
                left.eq(Mux(second, 1, setup.visits - (last_layer & ~whole))),
                in_last_layer.eq(last_layer),
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
                m.d.sync += whole.eq(self.request.through)
                m.next = "Copy rows"
            with m.State("Copy rows"):
                with m.If((tail == count) & ~Cat(row_read, row_kept, row_copied).any()):
                    m.d.comb += self.read.eq(whole)
                    m.d.sync += tail.eq(0)
                    with m.If(whole):
                        m.d.sync += count.eq(0)
                    m.next = "Await copies"
            with m.State("Await copies"):
                with m.If(~self.copying):
                    m.d.comb += [self.request.front.eq(~second), self.request.ready.eq(whole)]
                    m.next = "Await passage"
                    with m.If(whole):
                        m.d.sync += second.eq(0)
                        m.next = "Idle"
            with m.State("Await passage"):
                with m.If(self.request.through):
                    m.d.sync += [count.eq(left_over), left_over.eq(0)]
                    m.d.sync += [second.eq(1), whole.eq(1)]
                    m.next = "Copy rows"
        return m
