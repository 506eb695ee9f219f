"""A reader for serial flash on four data pins."""

import enum

from amaranth.hdl import Array, Cat, Const, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..shape import LANES
from .pins import FlashPins
from .signature import COUNT_BITS, Fetch

_PIN_CYCLES = 3
"""From the decision to give a pulse to the cycle in which ``dq_i`` is what stood on the pins when that
pulse rose: a register here, one of the pad on the way out, one on the way in."""

_NIBBLES = LANES // 4

_BYTE_ADDRESS_BITS = 24


class Step(enum.IntEnum):
    """What is sent bit by bit on IO0: the start, a byte after the other, then READ again and again."""

    EXIT = 0
    """All ones: an address and a mode that ends continuous read mode, and else no command."""
    WAKE = 1
    """Release from power-down, where an iCE40 leaves the flash behind its configuration."""
    VOLATILE = 2
    """What is written next to a status register is forgotten without power."""
    STATUS = 3
    """Write status register 2 ..."""
    QUAD = 4
    """... and in it nothing but quad enable."""
    WRITTEN = 5
    """No command: it takes the time in which the register is written."""
    READ = 6
    """Fast read, address and data on four pins."""


_BYTES = {
    Step.EXIT: 0xFF,
    Step.WAKE: 0xAB,
    Step.VOLATILE: 0x50,
    Step.STATUS: 0x31,
    Step.QUAD: 0x02,
    Step.WRITTEN: 0xFF,
    Step.READ: 0xEB,
}

_ADDRESS_CLOCKS, _MODE_CLOCKS, _DUMMY_CLOCKS = 6, 2, 4
_HEADER_CLOCKS = _ADDRESS_CLOCKS + _MODE_CLOCKS + _DUMMY_CLOCKS

_PAUSE_BITS = 4
"""Of the words in whose time a pause before a command of the start would be over: 16 x 16 cycles."""

_MODE_ONCE, _MODE_CONTINUOUS = 0xF, 0xA
"""Bits 5 and 4 of the mode are 11 and 10: the latter says that an address comes next, no command."""


class Nibbles(wiring.Component):
    """Nibbles as they come from the pins to words, with room for those that cannot be stopped.

    Nibbles come in the order of a flash, the high half of a byte first; the first byte goes to the low
    bits of a word. A word that is not taken stays, and up to three nibbles behind it wait.

    Attributes
    ----------
    ask : In(1)
        A nibble is wanted.
    asked : Out(1)
        In the same cycle: it may be asked for, and comes three cycles later.
    nibble : In(4)
    words : Out(stream of 64 bits)
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "ask": In(1),
                "asked": Out(1),
                "nibble": In(4),
                "words": Out(stream.Signature(LANES)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        coming = Signal(_PIN_CYCLES)
        waiting = Signal(range(_PIN_CYCLES + 1))  # those that have come
        skid = [Signal(4, name=f"skid_{age}") for age in range(_PIN_CYCLES)]
        number = Signal(range(_NIBBLES))
        word = Signal(LANES)
        blocked, take = Signal(), Signal()
        comes = coming[-1]
        m.d.comb += [
            blocked.eq(self.words.valid & ~self.words.ready),
            take.eq(~blocked & (comes | (waiting != 0))),
            # A nibble is taken whenever three are under way or wait, or it is blocked.
            self.asked.eq(self.ask & ~blocked),
        ]
        m.d.sync += [
            coming.eq(Cat(self.asked, coming)),
            waiting.eq(waiting + comes - take),
        ]
        with m.If(comes):
            m.d.sync += Cat(skid).eq(Cat(self.nibble, skid))
        with m.If(take):
            nibble = Array([self.nibble, *skid])[waiting]
            m.d.sync += [word.eq(Cat(word[4:], nibble)), number.eq(number + 1)]
        m.d.sync += self.words.valid.eq(blocked | (take & (number == _NIBBLES - 1)))
        # The first nibble of a byte is its high half.
        pairs = [word.word_select(i ^ 1, 4) for i in range(_NIBBLES)]
        m.d.comb += self.words.payload.eq(Cat(pairs))
        return m


class Countdown(wiring.Component):
    """Count words down, a bit a cycle: what takes ``16`` cycles a word needs no adder.

    The number turns once a word, and one is subtracted from it on its way. That takes a look-up table
    a bit; a counter that can be loaded takes two and a half.

    Attributes
    ----------
    load : In(1)
        Begin with ``words``. With ``step`` low.
    words : In(12)
    step : In(1)
        Go on by one of the 16 steps of a word; ``phase`` says by which.
    phase : In(range(16))
    low_zero : Out(1)
        In phase 15: the four low bits are zero now, of the number after this word.
    zero : Out(1)
        In phase 15: all are.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "load": In(1),
                "words": In(COUNT_BITS),
                "step": In(1),
                "phase": In(range(_NIBBLES)),
                "low_zero": Out(1),
                "zero": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        left = Signal(COUNT_BITS)
        borrow, some = Signal(init=1), Signal()
        turned = left[0] ^ borrow
        m.d.comb += [self.zero.eq(~some), self.low_zero.eq(left[:_PAUSE_BITS] == 0)]
        with m.If(self.load):
            m.d.sync += left.eq(self.words)
        with m.Elif(self.step & (self.phase < COUNT_BITS)):
            m.d.sync += left.eq(Cat(left[1:], turned))
        with m.If(self.step):
            m.d.sync += [borrow.eq(borrow & ~left[0]), some.eq(some | turned)]
            with m.If(self.phase == _NIBBLES - 1):
                m.d.sync += [borrow.eq(1), some.eq(0)]
        return m


class Flash(wiring.Component):
    """Read requests from a W25Q128JV or its like, two clocks a byte, a clock a cycle.

    A request is a command of its own: 8 clocks of command, 6 of address, 2 of mode, 4 of nothing, 16 a
    word, and a cycle of deselection. It is accepted when its address has been sent; a flash can
    prepare for no other one meanwhile. While a word is not taken, the clock stands still.

    *Start.* The flash is taken out of continuous read mode and out of power-down, and quad enable is
    set in its volatile status register: nobody needs to have programmed it. All other bits of that
    register are zero until power is lost. Before each of these commands lie 256 cycles, the 3 us that
    waking takes at clocks of up to 85 MHz.

    Parameters
    ----------
    continuous : bool
        Send no command but the first: 8 cycles less a request. The flash then stays in continuous read
        mode, in which whoever configures or programs the board next finds it.

    Attributes
    ----------
    fetch : In(Fetch)
    pins : Out(FlashPins)
    """

    def __init__(self, *, continuous: bool = False) -> None:
        self._continuous = continuous
        super().__init__({"fetch": In(Fetch()), "pins": Out(FlashPins())})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        pins, request = self.pins, self.fetch.request
        m.submodules.nibbles = nibbles = Nibbles()
        m.submodules.countdown = countdown = Countdown()
        wiring.connect(m, nibbles.words, wiring.flipped(self.fetch.words))

        step = Signal(Step)
        clock = Signal(range(_NIBBLES))
        ended, driven = Signal(), Signal()
        m.d.comb += [
            ended.eq(clock == _NIBBLES - 1),
            countdown.phase.eq(clock),
            countdown.words.eq(request.payload.words),
            countdown.load.eq(request.ready),
            nibbles.nibble.eq(pins.dq_i),
            pins.dq_oe.eq(driven.replicate(4)),
        ]
        bits = Array(byte >> (7 - i) & 1 for byte in _BYTES.values() for i in range(8))
        address = Cat(Const(0, 3), request.payload.address)[:_BYTE_ADDRESS_BITS]
        mode = _MODE_CONTINUOUS if self._continuous else _MODE_ONCE
        header = [address.word_select(_ADDRESS_CLOCKS - 1 - i, 4) for i in range(_ADDRESS_CLOCKS)]
        header += [Const(mode, 4)] * _MODE_CLOCKS
        commanded = Signal()  # a first read has put the flash into continuous mode

        m.d.sync += [pins.cs_n.eq(0), pins.sck.eq(0), driven.eq(1), pins.dq_o.eq(0xF)]
        with m.FSM(name="flash"):
            with m.State("Pause"):
                # The flash lets go of the pins a while after its deselection.
                m.d.sync += [pins.cs_n.eq(1), driven.eq(0)]
                with m.If(step == Step.READ):
                    with m.If(request.valid & commanded):
                        m.next = "Header"
                    with m.Elif(request.valid):
                        m.next = "Byte"
                with m.Else():
                    m.d.comb += countdown.step.eq(1)
                    m.d.sync += clock.eq(clock + 1)
                    with m.If(ended & countdown.low_zero):
                        m.next = "Byte"
            with m.State("Byte"):
                # IO2 and IO3 stay high: without quad enable they protect and hold.
                m.d.sync += [
                    pins.sck.eq(1),
                    pins.dq_o[0].eq(bits[Cat(clock[:3], step)]),
                    clock.eq(clock + 1),
                ]
                with m.If(clock == 7):
                    m.d.sync += clock.eq(0)
                    with m.If(step == Step.READ):
                        m.d.sync += commanded.eq(int(self._continuous))
                        m.next = "Header"
                    with m.Else():
                        m.d.sync += step.eq(step + 1)
                        with m.If(step != Step.STATUS):
                            m.next = "Pause"
            with m.State("Header"):
                m.d.sync += [
                    pins.sck.eq(1),
                    pins.dq_o.eq(Array(header)[clock[:3]]),
                    driven.eq(clock < len(header)),
                    clock.eq(clock + 1),
                ]
                with m.If(clock == _HEADER_CLOCKS - 1):
                    m.d.comb += request.ready.eq(1)
                    m.d.sync += clock.eq(0)
                    m.next = "Data"
            with m.State("Data"):
                m.d.comb += [nibbles.ask.eq(1), countdown.step.eq(nibbles.asked)]
                m.d.sync += [pins.sck.eq(nibbles.asked), driven.eq(0)]
                with m.If(nibbles.asked):
                    m.d.sync += clock.eq(clock + 1)
                    with m.If(ended & countdown.zero):
                        m.next = "Pause"
        return m
