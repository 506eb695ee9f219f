"""A reader for serial flash on four data pins."""

import enum

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..shape import LANES
from .pins import FLASH_PAD_CYCLES, FlashPins
from .signature import COUNT_BITS, Fetch, Part

_PIN_CYCLES = 1 + FLASH_PAD_CYCLES
"""From the decision to give a pulse to the cycle in which ``dq_i`` is what stood on the pins before
that pulse fell: a register here, one of the pad on the way out, one on the way in."""

_NIBBLES = LANES // 4


class Step(enum.IntEnum):
    """What comes next: the start, a command after the other, then READ again and again."""

    WAKE = 0
    """Release from power-down, where an iCE40 leaves the flash behind its configuration. As three
    pins are high, it ends continuous read mode in a flash that expects an address and a mode."""
    VOLATILE = 1
    """What is written next to a status register is forgotten without power."""
    STATUS = 2
    """Write status register 2: quad enable, and nothing else."""
    WRITTEN = 3
    """No command, but the time in which the register is written."""
    READ = 4
    """Fast read, address and data on four pins."""


_COMMANDS = {
    Step.WAKE: 0xAB,
    Step.VOLATILE: 0x50,
    Step.STATUS: 0x31,
    Step.WRITTEN: 0x31,
    Step.READ: 0xEB,
}

_COMMAND_CLOCKS, _ADDRESS_CLOCKS, _DUMMY_CLOCKS = 8, 6, 4

_MODE = (0xF, 0xE)
"""Nibbles behind the address. Bits 5 and 4 of them are 11: the next read begins with a command. On
IO0 they are the end of what STATUS writes, 0x02."""

_PAUSE_BITS = 4
"""Of a count of words: 16 of them take as long as the pause before a command of the start."""


class Nibbles(wiring.Component):
    """A word to or from the pins, a nibble a cycle, with room for nibbles that cannot be stopped.

    Nibbles come in the order of a flash, the high half of a byte first; the first byte goes to the
    low bits of a word. A word that is not taken stays, and up to three nibbles behind it wait. What
    is sent takes the same register: no cells of its own on an iCE40.

    Attributes
    ----------
    load : In(1)
        Send ``header``; only while ``drained``.
    header : In(64)
        Nibbles, the first in the low bits.
    send : In(1)
        ``sent`` is the next nibble from the next cycle on.
    sent : Out(4)
    ask : In(1)
        A nibble is wanted.
    asked : Out(1)
        In the same cycle: it is asked for, and comes three cycles later.
    nibble : In(4)
    drained : Out(1)
        Of words that have been asked for whole, no nibble is to come, and the last one has been or
        is being taken.
    words : Out(stream of 64 bits)
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "load": In(1),
                "header": In(LANES),
                "send": In(1),
                "sent": Out(4),
                "ask": In(1),
                "asked": Out(1),
                "nibble": In(4),
                "drained": Out(1),
                "words": Out(stream.Signature(LANES)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        coming = Signal(_PIN_CYCLES)
        waiting = Signal(range(_PIN_CYCLES + 1))  # those that have come
        # Data have no reset: with an enable it takes a cell.
        skid = [Signal(4, name=f"skid_{age}", reset_less=True) for age in range(_PIN_CYCLES)]
        number = Signal(range(_NIBBLES))
        word = Signal(LANES, reset_less=True)
        blocked, take = Signal(), Signal()
        comes = coming[-1]
        m.d.comb += [
            blocked.eq(self.words.valid & ~self.words.ready),
            take.eq(~blocked & (comes | (waiting != 0))),
            # A nibble is taken whenever three are under way or wait, or it is blocked.
            self.asked.eq(self.ask & ~blocked),
            # Whole words are asked for: behind the last one, 13 nibbles or more have been taken.
            self.drained.eq(~blocked & (number == 0)),
            self.sent.eq(word[:4]),
        ]
        m.d.sync += [
            coming.eq(Cat(self.asked, coming)),
            waiting.eq(waiting + comes - take),
        ]
        with m.If(comes):
            m.d.sync += Cat(skid).eq(Cat(self.nibble, skid))
        with m.If(take):
            m.d.sync += number.eq(number + 1)
        nibble = Array([self.nibble, *skid])[waiting]
        with m.If(take | self.send | self.load):
            m.d.sync += word.eq(Mux(self.load, self.header, Cat(word[4:], nibble)))
        m.d.sync += self.words.valid.eq(blocked | (take & (number == _NIBBLES - 1)))
        # The first nibble of a byte is its high half.
        pairs = [word.word_select(i ^ 1, 4) for i in range(_NIBBLES)]
        m.d.comb += self.words.payload.eq(Cat(pairs))
        return m


class Countdown(wiring.Component):
    """Count words down, a bit a cycle: what takes ``16`` cycles a word needs no adder.

    The number turns once a word, and one is subtracted from it on its way. That takes a look-up
    table a bit; a counter that can be loaded takes two and a half.

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

    A request is a command of its own: 8 clocks of command, 6 of address, 2 of mode, 4 of nothing,
    16 a word, and 4 cycles in which the last word comes and is taken. It is accepted when the last
    word of the one before is taken; a flash can prepare for none meanwhile. While a word is not
    taken, the clock stands still.

    *Start.* The flash is taken out of continuous read mode and out of power-down, and quad enable
    is set in its volatile status register: nobody needs to have programmed it. All other bits of
    that register are zero until power is lost. Before each of these commands lie 256 cycles, the
    3 us that waking takes at clocks of up to 85 MHz.

    *Instructions* of somebody else, to erase and to write, are sent as they come, and nothing is
    read meanwhile. Whoever gives them knows how long the chip is busy with them.

    Attributes
    ----------
    fetch : In(Fetch)
    instruct : In(stream of Part)
        Taken when the one before has been sent.
    pins : Out(FlashPins)
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "fetch": In(Fetch()),
                "instruct": In(stream.Signature(Part())),
                "pins": Out(FlashPins()),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        pins, request, part = self.pins, self.fetch.request, self.instruct
        m.submodules.nibbles = nibbles = Nibbles()
        m.submodules.countdown = countdown = Countdown()
        wiring.connect(m, nibbles.words, wiring.flipped(self.fetch.words))

        step = Signal(Step)
        clock = Signal(range(_NIBBLES))
        ended, driven = Signal(), Signal()
        # A part of an instruction is there; it is being sent; and what it says of its end.
        given, sending, short, ends = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            given.eq(part.valid & nibbles.drained),
            ended.eq(clock == _NIBBLES - 1),
            countdown.phase.eq(clock),
            countdown.words.eq(request.payload.words),
            countdown.load.eq(request.ready),
            nibbles.header.eq(
                Mux(part.ready, part.payload.data, _header(step, request.payload.address))
            ),
            nibbles.nibble.eq(pins.dq_i),
            pins.dq_o.eq(nibbles.sent),
            pins.dq_oe.eq(driven.replicate(4)),
        ]
        m.d.sync += [pins.cs_n.eq(0), pins.sck.eq(0), driven.eq(0)]
        with m.If(nibbles.load):
            m.d.sync += [
                sending.eq(part.ready),
                short.eq(part.ready & part.payload.short),
                ends.eq(part.payload.ends),
            ]
        with m.FSM(name="flash"):
            with m.State("Pause"):
                m.d.sync += pins.cs_n.eq(1)
                with m.If(step == Step.READ):
                    m.d.comb += [
                        part.ready.eq(given),
                        request.ready.eq(request.valid & nibbles.drained & ~part.valid),
                        nibbles.load.eq(request.ready | part.ready),
                    ]
                    with m.If(nibbles.load):
                        m.next = "Send"
                with m.Else():
                    m.d.comb += [countdown.step.eq(1), nibbles.load.eq(1)]
                    m.d.sync += clock.eq(clock + 1)
                    with m.If(ended & countdown.low_zero):
                        with m.If(step == Step.WRITTEN):
                            m.d.sync += step.eq(Step.READ)
                        with m.Else():
                            m.next = "Send"
            with m.State("Send"):
                m.d.sync += [pins.sck.eq(1), driven.eq(1), clock.eq(clock + 1)]
                # What stands on the pins goes on with its pulse, a cycle behind.
                m.d.comb += nibbles.send.eq(pins.sck)
                brief = (step == Step.WAKE) | (step == Step.VOLATILE) | short
                with m.If(ended | (brief & (clock == _COMMAND_CLOCKS - 1))):
                    m.d.sync += clock.eq(0)
                    with m.If(sending):
                        m.next = "Await part"
                        with m.If(ends):
                            m.next = "Pause"
                    with m.Elif(step == Step.READ):
                        m.next = "Turn around"
                    with m.Else():
                        m.d.sync += step.eq(step + 1)
                        m.next = "Pause"
            with m.State("Await part"):
                m.d.sync += driven.eq(1)
                m.d.comb += [part.ready.eq(given), nibbles.load.eq(part.ready)]
                with m.If(part.ready):
                    m.next = "Send"
                with m.Elif(request.valid):
                    m.next = "Pause"
            with m.State("Turn around"):
                m.d.sync += [pins.sck.eq(1), clock.eq(clock + 1)]
                with m.If(clock == _DUMMY_CLOCKS - 1):
                    m.d.sync += clock.eq(0)
                    m.next = "Receive"
            with m.State("Receive"):
                m.d.comb += [nibbles.ask.eq(1), countdown.step.eq(nibbles.asked)]
                m.d.sync += pins.sck.eq(nibbles.asked)
                with m.If(nibbles.asked):
                    m.d.sync += clock.eq(clock + 1)
                    with m.If(ended & countdown.zero):
                        m.next = "Pause"
        return m


def _header(step: Value, word_address: Value) -> Value:
    """Return what is sent for a step, the first nibble in the low bits.

    Commands go bit by bit on IO0. The other pins are high: without quad enable, IO2 and IO3 protect
    and hold.
    """
    commands = Array(Const(_COMMANDS[one], 8) for one in Step)
    bits = [
        Cat(commands[step][_COMMAND_CLOCKS - 1 - i], Const(0b111, 3))
        for i in range(_COMMAND_CLOCKS)
    ]
    quad = Cat(Const(0, 3), word_address)[: 4 * _ADDRESS_CLOCKS]
    reading = step == Step.READ
    address = [
        Mux(reading, quad.word_select(_ADDRESS_CLOCKS - 1 - i, 4), 0b1110)
        for i in range(_ADDRESS_CLOCKS)
    ]
    return Cat(bits, address, [Const(nibble, 4) for nibble in _MODE])
