"""What stands between the device and a board's pins."""

from amaranth.build import Platform
from amaranth.hdl import ClockDomain, Module, Signal, Value
from amaranth.lib import io, wiring

from ..hdl.device import Device
from ..hdl.link.uart import Uart, divisor
from ..hdl.shape import Shape
from ..hdl.stored_device import connect_memory
from .clocking import Clocking, needs_reset
from .memory_pads import SHIFTED, connect_pads
from .registry import Board

_BEAT_BITS = 23
"""The heart-beat lamp changes every 2**22 cycles: 0.35 s at 12 MHz."""

_GLOW_BITS = 18
"""The activity lamp goes out at the next multiple of 2**18 cycles: up to 22 ms at 12 MHz."""


class Top(wiring.Component):
    """The device behind a UART, with two lamps, and with the memory that it plays samples from.

    Lamp 0 blinks as long as the clock runs; lamp 1 is lit while bytes pass in either direction.

    Parameters
    ----------
    board : Board
    shape : Shape
        Device.
    clock_mhz : float
        Frequency of domain ``sync``.

    Raises
    ------
    ValueError
        If the board's bit rate cannot be made from that frequency.
    """

    def __init__(self, board: Board, shape: Shape, clock_mhz: float) -> None:
        self._board = board
        self._shape = shape
        self._clock_mhz = clock_mhz
        self._divisor = divisor(clock_mhz * 1e6, board.baud)
        super().__init__({})

    def elaborate(self, platform: Platform) -> Module:
        """Build the logic."""
        m = Module()
        silent: Value | None = None
        if self._clock_mhz != self._board.oscillator_mhz:
            reset = needs_reset(self._board.family)
            m.domains.sync = ClockDomain(reset_less=not reset)
            shifted = self._shape.stored == "sdram"
            if shifted:
                m.domains += ClockDomain(SHIFTED, reset_less=True)
            m.submodules.clocking = clocking = Clocking(
                self._board, self._clock_mhz, shifted=shifted
            )
            if not reset:
                silent = ~clocking.ready
        m.submodules.device = device = Device(self._shape)
        if self._shape.stored != "none":
            memory = connect_memory(m, device, self._clock_mhz)
            connect_pads(m, platform, self._shape, memory)
        m.submodules.uart = uart = Uart(self._divisor)
        wiring.connect(m, uart.rx, device.rx)
        wiring.connect(m, device.tx, uart.tx)

        pins = platform.request("uart", dir="-")
        m.submodules.rx_buffer = rx_buffer = io.Buffer("i", pins.rx)
        m.submodules.tx_buffer = tx_buffer = io.Buffer("o", pins.tx)
        # A line at rest is high.
        line = rx_buffer.i if silent is None else rx_buffer.i | silent
        m.d.comb += [uart.rx_pin.eq(line), tx_buffer.o.eq(uart.tx_pin)]

        beat = Signal(_BEAT_BITS)
        glow = Signal()
        m.d.sync += beat.eq(beat + 1)
        with m.If(uart.rx.valid | device.tx.valid):
            m.d.sync += glow.eq(1)
        with m.Elif(beat[:_GLOW_BITS] == 0):
            m.d.sync += glow.eq(0)
        for number, lit in enumerate((beat[-1], glow)):
            lamp = platform.request("led", number, dir="-")
            m.submodules[f"lamp_{number}"] = buffer = io.Buffer("o", lamp)
            m.d.comb += buffer.o.eq(lit)
        return m
