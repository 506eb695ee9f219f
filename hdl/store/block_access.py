"""The host's way to counters, signs and generator of the store in block RAM."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..bundles import HostAccess, Space, address_bits
from ..learn.draws import STATE_BITS
from ..learn.step import planes_layout
from ..pipeline import OWN, delayed, delays
from ..select import select
from ..shape import LANES, Shape
from .counters import LANES_NEAR, Place


class BlockAccess(wiring.Component):
    """Answer the host, one word at a time, with a beat of the update pipeline.

    A word of counters is one bit plane of 64 of them. To read it, it is taken out of what comes; to
    write it, it takes the place of what comes on its way: all planes are written back, and nothing
    learns. New signs reach the visible plane by a copy.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    host : In(HostAccess)
    quiet : In(1)
        Nothing else uses the pipeline.
    empty : In(1)
        No beat is on its way.
    beat : Out(1)
        Send the weights at ``place`` through the pipeline.
    place : Out
    write : Out(1)
        And write them back.
    replace : Out(b - 1)
        Bit planes that the host's word takes the place of.
    replace_sign : Out(1)
        The same for the signs.
    low, positive : In
        What comes, with ``answer``.
    answer : In(1)
    copy : Out(1)
        Make the sign word at ``place.address`` visible in ``copy_elements``.
    copy_elements : Out(elements)
    copying : In(1)
    load : Out(1)
        Take the low bits of ``host.write_data`` as the generator's state.
    state : In(32)
    busy : Out(1)
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        planes = planes_layout(shape.counter_bits, LANES)
        super().__init__(
            {
                "host": In(HostAccess(shape)),
                "quiet": In(1),
                "empty": In(1),
                "beat": Out(1),
                "place": Out(Place(shape)),
                "write": Out(1),
                "replace": Out(shape.counter_bits - 1),
                "replace_sign": Out(1),
                "low": In(planes),
                "positive": In(LANES),
                "answer": In(1),
                "copy": Out(1),
                "copy_elements": Out(shape.elements),
                "copying": In(1),
                "load": Out(1),
                "state": In(STATE_BITS),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        host, planes = self.host, self._shape.counter_bits - 1
        counters, generator = Signal(), Signal()
        writes_signs, reads_signs, exists = Signal(), Signal(), Signal()
        # Of the request, near to what comes: it stands still.
        wants_state = Signal(reset_less=True)
        m.d.sync += wants_state.eq(generator & ~host.write)
        parts, wants_signs = [], []  # For some lanes each.
        for first in range(0, LANES, LANES_NEAR):
            near = {"reset_less": True, "attrs": {OWN: 1}}
            part = Signal.like(host.part, name=f"part_{first}", **near)
            wants = Signal(name=f"wants_signs_{first}", **near)
            m.d.sync += [part.eq(host.part), wants.eq(reads_signs)]
            parts.append(part)
            wants_signs.append(wants)
        m.d.comb += [
            generator.eq(host.space == Space.GENERATOR),
            counters.eq((host.space == Space.COUNTERS) & (host.part < planes)),
            writes_signs.eq((host.space == Space.SIGNS) & host.write),
            reads_signs.eq((host.space == Space.CURRENT) & ~host.write),
            exists.eq(
                (counters | writes_signs | reads_signs)
                & (host.element < self._shape.elements)
                & (host.address < self._shape.depth)
            ),
            self.place.address.eq(host.address[: address_bits(self._shape)]),
            self.place.element.eq(host.element),
            self.write.eq(host.write),
            self.replace.eq(
                Cat(self.busy & counters & host.write & (host.part == p) for p in range(planes))
            ),
            self.replace_sign.eq(self.busy & writes_signs),
            self.copy_elements.eq(Const(1) << host.element),
        ]
        # In four cycles, as it comes from all over the device: a register on its way, pairs of
        # planes, one of them, the answer.
        low = [delayed(m, self.low[p], 1, f"low_{p}") for p in range(planes)]
        pairs = []
        for first in range(0, planes, 2):
            pair = Signal(LANES, name=f"planes_{first}", reset_less=True)
            of_pair = low[first : first + 2]
            m.d.sync += pair.eq(
                Cat(
                    select([plane.word_select(n, LANES_NEAR) for plane in of_pair], part[0])
                    for n, part in enumerate(parts)
                )
            )
            pairs.append(pair)
        signs, plane = (Signal(LANES, name=name, reset_less=True) for name in ("signs", "plane"))
        m.d.sync += signs.eq(delayed(m, self.positive, 1, "positive"))
        for n, (part, wants) in enumerate(zip(parts, wants_signs, strict=True)):
            near_signs, *near_pairs = (w.word_select(n, LANES_NEAR) for w in (signs, *pairs))
            m.d.sync += plane.word_select(n, LANES_NEAR).eq(
                Mux(wants, near_signs, select(near_pairs, part[1:]))
            )
        read_data = Signal(LANES, reset_less=True)
        m.d.comb += host.read_data.eq(read_data)
        with m.If(delays(m, self.answer, 3, "answered")[-1]):
            m.d.sync += read_data.eq(plane)

        with m.FSM(name="access") as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("Idle"))
            with m.State("Idle"):
                with m.If(host.valid & self.quiet):
                    m.next = "Look up"
            with m.State("Look up"):
                m.d.sync += read_data.eq(Mux(wants_state, self.state, 0))
                m.next = "Answer"
                with m.If(exists):
                    m.next = "Send beat"
            with m.State("Send beat"):
                m.d.comb += self.beat.eq(1)
                m.next = "Await beat"
            with m.State("Await beat"):
                with m.If(self.empty):
                    m.next = "Answer"
                    with m.If(writes_signs):
                        m.next = "Send copy"
            with m.State("Send copy"):
                m.d.comb += self.copy.eq(1)
                m.next = "Await copy"
            with m.State("Await copy"):
                with m.If(~self.copying):
                    m.next = "Answer"
            with m.State("Answer"):
                m.d.comb += [host.ready.eq(1), self.load.eq(generator & host.write)]
                m.next = "Idle"
        return m
