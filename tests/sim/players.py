"""Toys that play sequences of pins to the models of memory chips, a step a cycle."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from metabit.sim.chips import Chips
from metabit.sim.model import SimulatedDevice

WORD = 64
BYTE = 8

SDRAM_PINS = wiring.Signature(
    {
        "cke": Out(1, init=1),
        "cs_n": Out(1, init=1),
        "ras_n": Out(1, init=1),
        "cas_n": Out(1, init=1),
        "we_n": Out(1, init=1),
        "ba": Out(2),
        "a": Out(13),
        "dqm": Out(2),
        "dq_o": Out(16),
        "dq_oe": Out(1),
        "dq_i": In(16),
    }
)

FLASH_PINS = wiring.Signature(
    {
        "cs_n": Out(1, init=1),
        "sck": Out(1),
        "dq_o": Out(4),
        "dq_oe": Out(4),
        "dq_i": In(4),
    }
)


class Player(wiring.Component):
    """Give every supplied word to the pins for a cycle, and say what it sees in that cycle.

    Parameters
    ----------
    name : str
        Of the member for the pins.
    pins : wiring.Signature
        Outputs are registers; bits of a word are theirs in order, inverted where a register
        begins as one, so that zero is idle.
    """

    def __init__(self, name: str, pins: wiring.Signature) -> None:
        self._name = name
        self._pins = pins
        self._layout = data.StructLayout(
            {pin: member.shape for pin, member in pins.members.items() if member.flow is Out}
        )
        super().__init__(
            {
                "rx": In(stream.Signature(BYTE)),
                "tx": Out(stream.Signature(BYTE)),
                "supplied": In(1),
                "samples": In(stream.Signature(WORD)),
                "predictions": Out(stream.Signature(BYTE)),
                name: Out(pins),
            }
        )

    def elaborate(self, platform):
        m = Module()
        pins = getattr(self, self._name)
        step = Signal(self._layout)
        m.d.comb += [
            self.samples.ready.eq(1),
            step.eq(self.samples.payload & self.samples.valid.replicate(WORD)),
            self.predictions.payload.eq(pins.dq_i[:BYTE]),
            self.tx.valid.eq(self.predictions.valid),
            self.tx.payload.eq(pins.dq_i[BYTE:]),
        ]
        m.d.sync += self.predictions.valid.eq(self.samples.valid)
        for pin, _ in self._layout:
            value = getattr(step, pin)
            inverted = self._pins.members[pin].init == 1
            m.d.sync += getattr(pins, pin).eq(~value if inverted else value)
        return m


def play(device: SimulatedDevice, steps: Sequence[int]) -> npt.NDArray[np.int64]:
    """Give steps to the pins; returns what is seen in the cycle of each."""
    # What is seen of the last ones comes later.
    words = np.array([*steps, *[0] * 16], np.uint64)
    low = device.supply(words, len(words))
    assert device.run_until_predicted(len(words), 100)
    high = b""
    while received := device.receive():
        high += received
    device.cut_supply()
    return low.astype(np.int64) | np.frombuffer(high, np.uint8)[-len(words) :].astype(np.int64) << 8


class SdramSteps(list[int]):
    """Steps at the pins of an SDRAM, and what is to be read where.

    Attributes
    ----------
    latency : int
        That the mode register is given.
    expected : dict of int to int
        Words by the step that must see them.
    """

    CKE, CS, RAS, CAS, WE, BA, A, DQM, DQ, OE = 0, 1, 2, 3, 4, 5, 7, 20, 22, 38
    AUTO = 1 << 10

    def __init__(self, latency: int = 2) -> None:
        super().__init__()
        self.latency = latency
        self.expected: dict[int, int] = {}

    def step(self, command=0b111, ba=0, a=0, dqm=0, dq=None, cke=1) -> "SdramSteps":
        """Add a cycle; the command is RAS, CAS and WE as on the inverted pins."""
        word = (not cke) << self.CKE | 1 << self.CS | ba << self.BA | a << self.A | dqm << self.DQM
        for bit, place in ((2, self.RAS), (1, self.CAS), (0, self.WE)):
            word |= (~command >> bit & 1) << place
        if dq is not None:
            word |= dq << self.DQ | 1 << self.OE
        self.append(word)
        return self

    def wait(self, cycles: int, **pins: int) -> "SdramSteps":
        for _ in range(cycles):
            self.step(**pins)
        return self

    def activate(self, ba=0, row=0):
        return self.step(0b011, ba, row)

    def read(self, ba=0, column=0, auto=False, words=(), **pins):
        """Read; what comes after the latency is captured there and seen a cycle later."""
        for n, word in enumerate(words):
            if word is not None:
                self.expected[len(self) + self.latency + 1 + n] = word
        return self.step(0b101, ba, column | auto * self.AUTO, **pins)

    def write(self, ba=0, column=0, words=(0,), auto=False, dqm=0):
        self.step(0b100, ba, column | auto * self.AUTO, dq=words[0], dqm=dqm)
        for word in words[1:]:
            self.step(dq=word, dqm=dqm)
        return self

    def stop(self):
        return self.step(0b110)

    def precharge(self, ba=None):
        return self.step(0b010, ba or 0, self.AUTO if ba is None else 0)

    def refresh(self):
        return self.step(0b001)

    def mode(self, burst=0, single=0):
        return self.step(0b000, 0, single << 9 | self.latency << 4 | burst)

    def start(self, burst=0, wait=10_000, single=0) -> "SdramSteps":
        """Bring the chip up, at ten nanoseconds a cycle."""
        self.wait(wait).precharge().wait(1)
        for _ in range(2):
            self.refresh().wait(5)
        return self.mode(burst, single).wait(1)

    def play(self, device: SimulatedDevice) -> None:
        """Play all steps, and compare what is read."""
        seen = play(device, self)
        assert {step: int(seen[step]) for step in self.expected} == self.expected


class FlashSteps(list[int]):
    """Steps at the pins of a flash memory, and where what is read is seen.

    Parameters
    ----------
    every : int
        Cycles a clock.
    """

    CS, SCK, DQ, OE = 0, 1, 2, 6

    def __init__(self, every: int = 1) -> None:
        super().__init__()
        self.every = every
        self.places: list[int] = []
        self.read_lines: list[int] = []

    def step(self, cs=1, sck=0, dq=0, oe=0) -> "FlashSteps":
        self.append(cs << self.CS | sck << self.SCK | dq << self.DQ | oe << self.OE)
        return self

    def off(self, cycles=5, **pins: int) -> "FlashSteps":
        """Take chip select away."""
        for _ in range(cycles):
            self.step(cs=0, **pins)
        return self

    def clock(self, **pins: int) -> "FlashSteps":
        for _ in range(self.every - 1):
            self.step(**pins)
        return self.step(sck=1, **pins)

    def out(self, value: int, bits: int = 8, lines: int = 1, oe: int | None = None):
        """Clock bits out, the highest first."""
        driven = (1 << lines) - 1 if oe is None else oe
        for shift in range(bits - lines, -1, -lines):
            self.clock(dq=value >> shift & ((1 << lines) - 1), oe=driven)
        return self

    def take(self, count: int, lines: int = 1):
        """Clock bytes in: a line is captured at the end of a cycle, before the clock falls."""
        for _ in range(count * 8 // lines):
            self.clock()
            self.places.append(len(self))
            self.read_lines.append(lines)
        return self

    def idle_clocks(self, count: int):
        for _ in range(count):
            self.clock()
        return self

    def instruct(self, code: int, *payload: int, off: int = 5) -> "FlashSteps":
        """Give an instruction with bytes behind it, all on one line."""
        self.out(code)
        for byte in payload:
            self.out(byte)
        return self.off(off)

    def play(self, device: SimulatedDevice) -> bytes:
        """Play all steps; returns the bytes that were taken."""
        seen = play(device, self)
        bits = ""
        for place, lines in zip(self.places, self.read_lines, strict=True):
            value = int(seen[place]) & 0xF
            bits += f"{value:04b}" if lines == 4 else str(value >> 1 & 1)
        return bytes(int(bits[n : n + 8], 2) for n in range(0, len(bits), 8))


def sdram_player() -> Player:
    return Player("sdram", SDRAM_PINS)


def flash_player() -> Player:
    return Player("flash", FLASH_PINS)


def chips(period: float = 10.0, **settings: dict[str, float]) -> Chips:
    """Return chips at ten nanoseconds a cycle."""
    return Chips(period, **settings)
