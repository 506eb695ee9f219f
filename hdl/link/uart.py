"""UART with 8 data bits, no parity and one stop bit: bytes on a board's serial pins."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

_DATA_BITS = 8
_MAX_RATE_ERROR = 0.02
"""Share of a bit time; the ten bits of a byte tolerate 5 % from both ends together."""

_MIN_DIVISOR = 4
"""Cycles per bit below which the middle of a bit is not met well enough."""


def divisor(clock_hz: float, baud: int) -> int:
    """Cycles of the clock per bit.

    Parameters
    ----------
    clock_hz : float
        Frequency of the ``sync`` domain.
    baud : int
        Bits per second.

    Raises
    ------
    ValueError
        If the clock is too slow for the rate, or no whole number of cycles comes close to it.
    """
    if baud <= 0:
        raise ValueError(f"baud must be positive, not {baud}")
    cycles = round(clock_hz / baud)
    if cycles < _MIN_DIVISOR:
        fastest = int(clock_hz / _MIN_DIVISOR)
        raise ValueError(f"baud must be at most {fastest} at {clock_hz:g} Hz, not {baud}")
    error = abs(clock_hz / cycles - baud) / baud
    if error > _MAX_RATE_ERROR:
        raise ValueError(
            f"baud {baud} is missed by {error:.1%} at {clock_hz:g} Hz; "
            f"nearest possible: {round(clock_hz / cycles)}"
        )
    return cycles


class UartReceiver(wiring.Component):
    """Receiver of bytes from a serial line.

    A bit is sampled in its middle. A byte whose stop bit is missing is dropped. One that ends while
    the one before has not been taken replaces it, so that the zero bytes with which a host makes
    room for a RESET get through; the CRC of the frame around a lost byte will tell.

    Parameters
    ----------
    divisor : int
        Cycles per bit, see :func:`divisor`.

    Attributes
    ----------
    pin : in
        Serial line, asynchronous; idle high.
    data : stream of 8 bits, out
        Received bytes.
    """

    def __init__(self, divisor: int) -> None:
        self._divisor = divisor
        super().__init__({"pin": In(1, init=1), "data": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        line = Signal(init=1)
        m.submodules.synchroniser = FFSynchronizer(self.pin, line, init=1, stages=2)

        timer = Signal(range(self._divisor))
        bits = Signal(_DATA_BITS)
        # The bit that marks the first data bit falls out at the end when all have arrived.
        shift = Signal(_DATA_BITS)
        full = Signal()
        m.d.comb += [self.data.payload.eq(bits), self.data.valid.eq(full)]
        with m.If(full & self.data.ready):
            m.d.sync += full.eq(0)

        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += timer.eq(self._divisor // 2 - 1)
                with m.If(~line):
                    m.next = "START"
            with m.State("START"):
                m.d.sync += timer.eq(timer - 1)
                with m.If(timer == 0):
                    m.d.sync += [timer.eq(self._divisor - 1), shift.eq(1 << (_DATA_BITS - 1))]
                    m.next = "DATA"
                    with m.If(line):  # a spike, no start bit
                        m.next = "IDLE"
            with m.State("DATA"):
                m.d.sync += timer.eq(timer - 1)
                with m.If(timer == 0):
                    m.d.sync += [timer.eq(self._divisor - 1), shift.eq(Cat(shift[1:], line))]
                    with m.If(shift[0]):
                        m.next = "STOP"
            with m.State("STOP"):
                m.d.sync += timer.eq(timer - 1)
                with m.If(timer == 0):
                    m.next = "IDLE"
                    with m.If(~line):
                        m.next = "BREAK"
                    with m.Else():
                        m.d.sync += [bits.eq(shift), full.eq(1)]
            with m.State("BREAK"):
                with m.If(line):
                    m.next = "IDLE"
        return m


class UartTransmitter(wiring.Component):
    """Transmitter of bytes to a serial line, one byte per ten bit times.

    Parameters
    ----------
    divisor : int
        Cycles per bit, see :func:`divisor`.

    Attributes
    ----------
    data : stream of 8 bits, in
        Bytes to send.
    pin : out
        Serial line, idle high.
    """

    def __init__(self, divisor: int) -> None:
        self._divisor = divisor
        super().__init__({"data": In(stream.Signature(8)), "pin": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        timer = Signal(range(self._divisor))
        # Start bit, data, stop bit; the ones that follow it keep the line idle.
        shift = Signal(_DATA_BITS + 1, init=-1)
        left = Signal(range(_DATA_BITS + 3))
        m.d.comb += [self.pin.eq(shift[0]), self.data.ready.eq(left == 0)]
        with m.If(left == 0):
            m.d.sync += timer.eq(self._divisor - 1)
            with m.If(self.data.valid):
                m.d.sync += [shift.eq(Cat(0, self.data.payload)), left.eq(_DATA_BITS + 2)]
        with m.Elif(timer == 0):
            m.d.sync += [timer.eq(self._divisor - 1), shift.eq(Cat(shift[1:], 1))]
            m.d.sync += left.eq(left - 1)
        with m.Else():
            m.d.sync += timer.eq(timer - 1)
        return m


class Uart(wiring.Component):
    """Receiver and transmitter.

    Parameters
    ----------
    divisor : int
        Cycles per bit, see :func:`divisor`.

    Attributes
    ----------
    rx_pin, tx_pin : in, out
        Serial lines, named from the device's side.
    rx : stream of 8 bits, out
        Received bytes.
    tx : stream of 8 bits, in
        Bytes to send.
    """

    def __init__(self, divisor: int) -> None:
        self._divisor = divisor
        super().__init__(
            {
                "rx_pin": In(1, init=1),
                "tx_pin": Out(1, init=1),
                "rx": Out(stream.Signature(8)),
                "tx": In(stream.Signature(8)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.receiver = receiver = UartReceiver(self._divisor)
        m.submodules.transmitter = transmitter = UartTransmitter(self._divisor)
        m.d.comb += [receiver.pin.eq(self.rx_pin), self.tx_pin.eq(transmitter.pin)]
        wiring.connect(m, receiver.data, wiring.flipped(self.rx))
        wiring.connect(m, wiring.flipped(self.tx), transmitter.data)
        return m
