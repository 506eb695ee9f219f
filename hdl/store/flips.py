"""The queue of signs that updates have changed and that no forward pass sees yet."""

from typing import TYPE_CHECKING

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2, exact_log2

from ..bundles import address_bits
from ..shape import Shape

if TYPE_CHECKING:
    import enum
else:
    from amaranth.lib import enum

BEAT = 8
"""Counters of a word of the single-port RAMs, and signs that a commit changes a cycle."""

PARTS = 8
"""Beats of a sign word."""

DEPTH = 256
"""Entries of a queue; one block RAM if an entry takes 16 bits."""

_RESERVE = 8
"""Room that is left when ``room`` falls: what is on its way then must still find a place."""


class Entry(enum.Enum, shape=2):  # type: ignore[call-arg]
    """What stands in the queue."""

    BEAT = 0
    """New signs of eight weights of the sign word that the last header has named."""
    HEADER = 1
    """Address of the sign word that the next beats belong to."""
    MARKER = 2
    """All flips of a tile stand before this."""


class Beat(data.StructLayout):
    """Eight signs of an element's word: ``part`` p holds bits 8 p to 8 p + 7."""

    def __init__(self, shape: Shape) -> None:
        super().__init__({"signs": BEAT, "part": 3, "element": ceil_log2(shape.elements)})


class SignWrite(wiring.Signature):
    """Eight signs go into the visible sign plane."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(
            {"valid": Out(1), "address": Out(address_bits(shape)), "beat": Out(Beat(shape))}
        )


class FlipQueue(wiring.Component):
    """Keep flipped signs, tile by tile, until a commit writes them into the visible plane.

    An update pushes at most one entry a cycle: a header before the first beat of every sign word,
    the beats, a marker at the end of the tile. With ``pop``, entries leave the queue one a cycle
    up to and including the next marker, which ``done`` announces; while the queue is empty, it
    waits for what is still pushed. An entry can leave three cycles after it was pushed.

    One block RAM, never read where it is written: an entry is read only after its cycle of writing.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    push : In(1)
    kind : In(Entry)
    address : In
        Of a header.
    beat : In(Beat)
        Of a beat.
    room : Out(1)
        At least eight more entries fit; lags behind by two cycles.
    pop : In(1)
    done : Out(1)
        The entry that leaves now is a marker.
    write : Out(SignWrite)
        What leaves; a header leaves without.
    """

    def __init__(self, shape: Shape) -> None:
        self._beat = Beat(shape)
        self._address_bits = address_bits(shape)
        super().__init__(
            {
                "push": In(1),
                "kind": In(Entry),
                "address": In(self._address_bits),
                "beat": In(self._beat),
                "room": Out(1),
                "pop": In(1),
                "done": Out(1),
                "write": Out(SignWrite(shape)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = max(self._beat.size, self._address_bits)
        layout = data.StructLayout({"content": unsigned(bits), "kind": Entry})
        m.submodules.entries = entries = Memory(shape=layout, depth=DEPTH, init=[])
        write_port, read_port = entries.write_port(), entries.read_port()
        tail = Signal(range(DEPTH))
        m.d.comb += [
            write_port.addr.eq(tail),
            write_port.en.eq(self.push),
            write_port.data.kind.eq(self.kind),
            write_port.data.content.eq(
                Mux(self.kind == Entry.HEADER, self.address, self.beat.as_value())
            ),
        ]
        m.d.sync += tail.eq(tail + self.push)

        # The entry at the head stands on the read port's output if it is `here`.
        head, next_head, here, take = Signal(range(DEPTH)), Signal(range(DEPTH)), Signal(), Signal()
        waiting, pushed, more = Signal(range(DEPTH)), Signal(), Signal()
        m.d.comb += [
            take.eq(self.pop & here),
            next_head.eq(head + take),
            more.eq(waiting[1:].any() | (waiting[0] & ~take)),
            read_port.addr.eq(next_head),
            read_port.en.eq(more),
        ]
        m.d.sync += [
            head.eq(next_head),
            here.eq(more),
            pushed.eq(self.push),
            waiting.eq(waiting + pushed - take),
            self.room.eq(~waiting[exact_log2(_RESERVE) :].all()),
        ]

        entry, address = read_port.data, Signal(self._address_bits, reset_less=True)
        with m.If(entry.kind == Entry.HEADER):
            m.d.sync += address.eq(entry.content)
        m.d.comb += [
            self.write.valid.eq(take & (entry.kind == Entry.BEAT)),
            self.write.address.eq(address),
            self.write.beat.eq(entry.content),
            self.done.eq(take & (entry.kind == Entry.MARKER)),
        ]
        return m
