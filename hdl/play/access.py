"""The host's way to the registers of the player, and to the memory behind it."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..bundles import HostAccess, Outcome, Space
from ..memory.signature import Fetch, Part, Store
from ..shape import LANES, Shape
from .checksum import CRC_BITS
from .registers import (
    CHECKED_WORD,
    CONFUSION,
    DATA_WORD,
    ORDER_WORD,
    PLACE_BITS,
    PROGRESS_WORD,
    RECORD_BITS,
    REPORT_BITS,
    SPAN_BITS,
    SPAN_WORD,
    WINDOW,
    Register,
    Report,
    address_bits,
    place_bits,
)
from .words import packed


class Access(wiring.Component):
    """Serve the host in the space PLAYER, and hand everything else on to the core.

    Registers are served at any time, so that the host can watch a played run. The window to the
    memory is open while nothing is played; where memory cannot be written there is none, and it
    reads as zero, as it does while a run is played.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    host, core : In(HostAccess), Out(HostAccess)
    base, words, samples, mask, stride, place, span : Out
        Registers; see :mod:`metabit.hdl.play.registers`.
    advance : In(1)
        ``place`` becomes ``next_place``.
    next_place : In
    begin : In(1)
        A played run begins: counts start from zero.
    busy : In(1)
        A run is played, or memory is checked.
    outcome : In(Outcome)
    owing : In(1)
        The memory owes words to somebody else.
    crc : In(32)
    fetch : Out(Fetch), store : Out(Store)
        The window; only where memory can be written.
    instruct : Out(stream of Part), ask : Out(1), came : In(1), word : In(64)
        The same of a flash: parts of instructions, and the next word, in the cycle after ``came``.
    count : In(PLACE_BITS)
        What has been counted by class at ``host.address``, two cycles later; only where it is.
    """

    def __init__(self, shape: Shape) -> None:
        self._confusion = shape.confusion
        self._writable = shape.writable
        self._place_bits, self._address_bits = place_bits(shape), address_bits(shape)
        self._keeps = shape.keeps
        members = {
            "host": In(HostAccess(shape)),
            "core": Out(HostAccess(shape)),
            "base": Out(self._address_bits),
            "words": Out(RECORD_BITS),
            "samples": Out(self._place_bits),
            "mask": Out(self._place_bits),
            "stride": Out(self._place_bits),
            "place": Out(self._place_bits),
            "span": Out(SPAN_BITS),
            "advance": In(1),
            "next_place": In(self._place_bits),
            "begin": In(1),
            "busy": In(1),
            "outcome": In(Outcome(shape)),
            "crc": In(CRC_BITS),
            "owing": In(1),
        }
        if shape.writable:
            members |= {"fetch": Out(Fetch()), "store": Out(Store())}
        if shape.keeps:
            members |= {
                "instruct": Out(stream.Signature(Part())),
                "ask": Out(1),
                "came": In(1),
                "word": In(LANES),
            }
        if shape.confusion:
            members["count"] = In(PLACE_BITS)
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        host, core = self.host, self.core
        ours, serve, done = Signal(), Signal(), Signal()
        for name in ("write", "space", "element", "address", "part", "write_data"):
            m.d.comb += getattr(core, name).eq(getattr(host, name))
        m.d.comb += [
            ours.eq(host.space == Space.PLAYER),
            core.valid.eq(host.valid & ~ours),
            host.ready.eq(Mux(ours, done, core.ready)),
            host.read_data.eq(core.read_data),
            serve.eq(host.valid & ours & ~done),
        ]
        in_counts, in_window = Signal(), Signal()
        if self._confusion:
            m.d.comb += in_counts.eq(host.address[ceil_log2(CONFUSION)])
        m.d.comb += in_window.eq(host.address[ceil_log2(WINDOW)] & ~in_counts)
        self._write(m, serve & host.write & ~in_window & ~in_counts)
        progress = self._count(m)
        report = packed(CHECKED_WORD, {"crc": self.crc})
        with m.If(ours):
            # The other half means nothing: a narrow way is a short one.
            chosen = host.address[0] == Report.CHECKED.value
            m.d.comb += host.read_data[:REPORT_BITS].eq(Mux(chosen, report, progress))
            if self._confusion:
                with m.If(in_counts):
                    m.d.comb += host.read_data.eq(self.count)
        opened: Value = serve
        if self._writable:
            opened = self._open_window(m, serve & in_window, ours & in_window)
        if self._keeps:
            opened = self._pass_through(m, serve, in_window)
            with m.If(ours & in_window):
                m.d.comb += host.read_data.eq(self.word)
        waits: Value = in_window
        if self._keeps:
            waits |= host.write & (host.address[:2] == Register.INSTRUCTION.value)
        if self._confusion:
            # Counts come a cycle later than registers.
            counted = Signal()
            m.d.sync += counted.eq(serve & in_counts & ~counted)
            opened, waits = Mux(in_counts, counted, opened), waits | in_counts
        m.d.sync += done.eq(Mux(waits, opened, serve))
        return m

    def _write(self, m: Module, write: Value) -> None:
        """Take a register a cycle later, while the word still stands; the place goes on, too."""
        with m.If(self.advance):
            m.d.sync += self.place.eq(self.next_place)
        words = {Register.DATA: DATA_WORD, Register.ORDER: ORDER_WORD, Register.SPAN: SPAN_WORD}
        for register, fields in words.items():
            taken = Signal(name=f"taken_{register.name.lower()}")
            m.d.sync += taken.eq(write & (self.host.address[:2] == register.value))
            with m.If(taken):
                for name, (start, _) in fields.items():
                    m.d.sync += getattr(self, name).eq(self.host.write_data >> start)

    def _count(self, m: Module) -> Value:
        """Count right predictions, and return the word that says so."""
        right = Signal(self._place_bits)
        with m.If(self.begin):
            m.d.sync += right.eq(0)
        with m.Elif(self.outcome.valid):
            m.d.sync += right.eq(right + self.outcome.right)
        return packed(PROGRESS_WORD, {"right": right, "busy": self.busy})

    def _pass_through(self, m: Module, serve: Value, in_window: Value) -> Value:
        """Give a part of an instruction, or ask for a word, and return when that is done."""
        host, part = self.host, self.instruct
        short = ~in_window & (host.address[:2] == Register.INSTRUCTION.value)
        last = host.address[: ceil_log2(WINDOW)] == WINDOW - 1
        asked = Signal()
        m.d.comb += [
            part.payload.data.eq(host.write_data),
            part.payload.short.eq(~in_window),
            part.payload.ends.eq(~in_window | last),
            # No word can come while a run is played: what is read means nothing.
            self.ask.eq(serve & ~host.write & in_window & ~asked & ~self.busy & ~self.owing),
        ]
        # In a register: the way from the link to the controller is long. The word stands still.
        given = serve & host.write & (in_window | short)
        m.d.sync += part.valid.eq(given & ~(part.valid & part.ready))
        with m.If(self.ask):
            m.d.sync += asked.eq(1)
        with m.Elif(self.came):
            m.d.sync += asked.eq(0)
        return serve & Mux(host.write, part.valid & part.ready, self.busy | (asked & self.came))

    def _open_window(self, m: Module, serve: Value, here: Value) -> Value:
        """Write or read a word of memory, and return when that is done."""
        answer = Signal(LANES, reset_less=True)
        with m.If(here):
            m.d.comb += self.host.read_data.eq(answer)
        host, fetch, store = self.host, self.fetch, self.store.words
        address = Signal(self._address_bits, reset_less=True)
        done = Signal()
        m.d.sync += address.eq(self.base + host.address[: ceil_log2(WINDOW)])
        m.d.comb += [
            store.payload.address.eq(address),
            store.payload.data.eq(host.write_data),
            fetch.request.payload.address.eq(address),
            fetch.request.payload.words.eq(1),
        ]
        with m.FSM(name="window"):
            with m.State("Rest"):
                with m.If(serve & self.busy):
                    m.d.comb += done.eq(1)
                    m.d.sync += answer.eq(0)
                with m.Elif(serve & ~self.owing):
                    m.next = "Ask"
                    with m.If(host.write):
                        m.next = "Write"
            with m.State("Write"):
                m.d.comb += [store.valid.eq(1), done.eq(store.ready)]
                with m.If(store.ready):
                    m.next = "Rest"
            with m.State("Ask"):
                m.d.comb += fetch.request.valid.eq(1)
                with m.If(fetch.request.ready):
                    m.next = "Read"
            with m.State("Read"):
                m.d.comb += [fetch.words.ready.eq(1), done.eq(fetch.words.valid)]
                m.d.sync += answer.eq(fetch.words.payload)
                with m.If(fetch.words.valid):
                    m.next = "Rest"
        return done
