"""A controller for single data rate SDRAM of 16 bits."""

import enum

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .gather import BEAT, Gather
from .parts import BURST, MOST_COLUMN_BITS, SdramCycles, SdramPart
from .pieces import Piece, Pieces, Place
from .pins import SDRAM_PAD_CYCLES, SdramPins
from .signature import Fetch, Store

_START_REFRESHES = 8
"""REFRESH commands before the first use."""

_ALL_BANKS = 1 << MOST_COLUMN_BITS
"""Address bit of PRECHARGE for all banks, and of READ and WRITE for precharge behind them."""


class Command(enum.IntEnum):
    """``ras_n``, ``cas_n`` and ``we_n``, from the high bit down."""

    SET_MODE = 0b000
    REFRESH = 0b001
    PRECHARGE = 0b010
    ACTIVATE = 0b011
    WRITE = 0b100
    READ = 0b101


class Sdram(wiring.Component):
    """Read requests at a beat a cycle, write words, refresh in time.

    ::

        fetch.request -> Pieces -> next -> current -> ACTIVATE, READ ... -> pins
                                                                            |
        fetch.words  <- Gather <-------------- beats, CAS latency later <---+

    A request is cut into pieces of one row. The piece that is *current* is read, a burst of four
    beats after the other; the *next* one is activated in between if it lies in another bank. The
    last READ of a piece precharges its bank. So nothing is to be kept of open rows, which random
    records hardly ever meet.

    *Rate.* A piece whose bank is not that of the piece before costs nothing but its beats; one of
    the same bank waits tRP + tRCD longer (4 cycles at 80 MHz).

    *Refresh.* A REFRESH that falls due is issued as soon as the burst under way allows it, in the
    middle of a piece, too, whose row is activated again. Whether words are taken does not matter: a
    READ is issued when its word has room, and no row stays open beyond the next REFRESH.

    *Writes.* A word is written when no request is being served. While there always is one, no word
    is.

    Parameters
    ----------
    part : SdramPart
    clock_mhz : float
        Of domain ``sync``.

    Attributes
    ----------
    fetch : In(Fetch)
    store : In(Store)
    pins : Out(SdramPins)

    Raises
    ------
    ValueError
        If the part is too slow for the clock, or has too many columns.
    """

    def __init__(self, part: SdramPart, clock_mhz: float) -> None:
        self._part = part
        self._cycles = SdramCycles(part, clock_mhz)
        super().__init__({"fetch": In(Fetch()), "store": In(Store()), "pins": Out(SdramPins())})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        part, cycles, pins, store = self._part, self._cycles, self.pins, self.store.words
        m.submodules.pieces = pieces = Pieces(part)
        m.submodules.gather = gather = Gather()
        m.d.comb += [
            pieces.requests.valid.eq(self.fetch.request.valid),
            pieces.requests.payload.eq(self.fetch.request.payload),
            self.fetch.request.ready.eq(pieces.requests.ready),
            gather.beat.eq(pins.dq_i),
        ]
        wiring.connect(m, gather.words, wiring.flipped(self.fetch.words))

        # Cycles until something may be done; all count down to 0 and stay there.
        wait = Signal(range(cycles.power_up), init=cycles.power_up - 1)  # any command
        burst = Signal(range(BURST))  # READ
        opening = Signal(range(cycles.activate_to_read))  # READ of the row activated last, ACTIVATE
        closing = Signal(range(BURST + cycles.precharge))  # ACTIVATE behind precharge
        for counter in (wait, burst, opening, closing):
            with m.If(counter != 0):
                m.d.sync += counter.eq(counter - 1)

        started, due = Signal(), Signal()
        until_due = Signal(range(cycles.refresh_interval))
        m.d.sync += until_due.eq(until_due - 1)
        with m.If(until_due == 0):
            m.d.sync += [until_due.eq(cycles.refresh_interval - 1), due.eq(started)]

        current, following = Signal(Piece(part)), Signal(Piece(part))
        has_current, has_next = Signal(), Signal()
        current_open, next_open = Signal(), Signal()
        of_current = Signal()  # the row activated last
        reading, last, moving = Signal(), Signal(), Signal()
        m.d.comb += [
            last.eq(current.words == 1),
            moving.eq(has_next & (~has_current | (reading & last))),
            pieces.pieces.ready.eq(~has_next | moving),
            gather.claim.eq(reading),
        ]

        # Beats come as long after their READ.
        expected = Signal(1 + part.cas_latency + SDRAM_PAD_CYCLES)
        m.d.sync += expected.eq(Cat(reading | (burst != 0), expected))
        m.d.comb += gather.valid.eq(expected[-1])

        m.d.sync += [pins.cke.eq(1), pins.cs_n.eq(1), pins.dq_oe.eq(0)]

        def issue(command: Command, bank: Value | int = 0, address: Value | int = 0) -> None:
            m.d.sync += [
                pins.cs_n.eq(0),
                Cat(pins.we_n, pins.cas_n, pins.ras_n).eq(command),
                pins.ba.eq(bank),
                pins.a.eq(address),
            ]

        def activate(place: Value) -> None:
            issue(Command.ACTIVATE, place.bank, place.row)
            m.d.sync += opening.eq(cycles.activate_to_read - 1)

        may_read = Signal()
        m.d.comb += may_read.eq(
            has_current & current_open & (burst == 0) & gather.room & ~(of_current & (opening != 0))
        )
        with m.If(reading):
            m.d.sync += [
                current.words.eq(current.words - 1),
                current.place.word.eq(current.place.word + 1),
                burst.eq(BURST - 1),
            ]
            with m.If(last):
                m.d.sync += [has_current.eq(0), closing.eq(BURST + cycles.precharge - 1)]
        with m.If(moving):
            m.d.sync += [
                current.eq(following),
                has_current.eq(1),
                current_open.eq(next_open),
                of_current.eq(1),
            ]
        with m.If(pieces.pieces.ready):
            m.d.sync += [
                following.eq(pieces.pieces.payload),
                has_next.eq(pieces.pieces.valid),
                next_open.eq(0),
            ]

        to_write = Signal(Place(part))
        beat_number = Signal(range(BURST))
        idle = ~(has_current | has_next | pieces.pieces.valid | expected.any() | (burst != 0))
        m.d.comb += to_write.eq(store.payload.address)
        m.d.sync += pins.dq_o.eq(store.payload.data.word_select(beat_number, BEAT))
        refreshes = Signal(range(_START_REFRESHES), init=_START_REFRESHES - 1)
        with m.FSM(name="sdram"):
            with m.State("Power up"):
                with m.If(wait == 0):
                    issue(Command.PRECHARGE, address=_ALL_BANKS)
                    m.d.sync += wait.eq(cycles.precharge - 1)
                    m.next = "Refresh"
            with m.State("Refresh"):
                with m.If(wait == 0):
                    issue(Command.REFRESH)
                    m.d.sync += [wait.eq(cycles.refresh - 1), due.eq(0)]
                    m.next = "Recover"
            with m.State("Recover"):
                with m.If(wait == 0):
                    with m.If(started):
                        m.next = "Serve"
                    with m.Elif(refreshes == 0):
                        m.next = "Set mode"
                    with m.Else():
                        m.d.sync += refreshes.eq(refreshes - 1)
                        m.next = "Refresh"
            with m.State("Set mode"):
                issue(Command.SET_MODE, address=self._mode())
                m.d.sync += [wait.eq(cycles.set_mode - 1), started.eq(1), pins.dqm.eq(0)]
                m.next = "Recover"
            with m.State("Serve"):
                with m.If(due):
                    m.d.sync += wait.eq(cycles.close - 1)
                    m.next = "Close"
                with m.Elif(may_read):
                    m.d.comb += reading.eq(1)
                    column = Cat(Const(0, BURST.bit_length() - 1), current.place.word)
                    issue(Command.READ, current.place.bank, column | Mux(last, _ALL_BANKS, 0))
                with m.Elif((opening == 0) & (closing == 0)):
                    other_bank = following.place.bank != current.place.bank
                    with m.If(has_current & ~current_open):
                        activate(current.place)
                        m.d.sync += [current_open.eq(1), of_current.eq(1)]
                    with m.Elif(has_current & has_next & ~next_open & other_bank):
                        activate(following.place)
                        m.d.sync += [next_open.eq(1), of_current.eq(0)]
                    with m.Elif(idle & store.valid):
                        activate(to_write)
                        m.d.sync += wait.eq(cycles.activate_to_read - 1)
                        m.next = "Begin write"
            with m.State("Begin write"):
                with m.If(wait == 0):
                    column = Cat(Const(0, BURST.bit_length() - 1), to_write.word)
                    issue(Command.WRITE, to_write.bank, column | _ALL_BANKS)
                    m.d.sync += [pins.dq_oe.eq(1), beat_number.eq(1)]
                    m.next = "Write"
            with m.State("Write"):
                m.d.sync += [pins.dq_oe.eq(1), beat_number.eq(beat_number + 1)]
                with m.If(beat_number == BURST - 1):
                    m.d.comb += store.ready.eq(1)
                    m.d.sync += wait.eq(cycles.write_recovery + cycles.precharge - 1)
                    m.next = "Recover"
            with m.State("Close"):
                with m.If(wait == 0):
                    issue(Command.PRECHARGE, address=_ALL_BANKS)
                    m.d.sync += [
                        wait.eq(cycles.precharge - 1),
                        current_open.eq(0),
                        next_open.eq(0),
                    ]
                    m.next = "Refresh"
        return m

    def _mode(self) -> int:
        """Mode register: bursts of four, sequential, for reads and writes alike."""
        return self._part.cas_latency << 4 | (BURST.bit_length() - 1)
