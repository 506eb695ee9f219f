"""A device behind the serial pins of a board, with the adapter at their other end."""

from collections import deque

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..hdl.device import Device
from ..hdl.link.uart import Uart
from ..hdl.shape import Shape
from ..host.errors import DeviceTimeoutError
from ..host.packets import DELIMITER
from .model import SimulatedDevice

BITS_A_BYTE = 10
"""Bit times that a byte takes on the line: start bit, eight of data, stop bit."""


class Wire(wiring.Component):
    """A device, its UART, and the UART of the host's adapter, pin to pin.

    The streams are those of a device, at the speed of the line.

    Parameters
    ----------
    shape : Shape
        Device.
    divisor : int
        Cycles per bit; see :func:`metabit.hdl.link.uart.divisor`.

    Attributes
    ----------
    rx, tx : streams of 8 bits, in and out
        Bytes that the adapter sends and receives.
    """

    def __init__(self, shape: Shape, divisor: int) -> None:
        self._shape = shape
        self._divisor = divisor
        super().__init__({"rx": In(stream.Signature(8)), "tx": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.device = device = Device(self._shape)
        m.submodules.uart = uart = Uart(self._divisor)
        m.submodules.adapter = adapter = Uart(self._divisor)
        wiring.connect(m, uart.rx, device.rx)
        wiring.connect(m, device.tx, uart.tx)
        m.d.comb += [uart.rx_pin.eq(adapter.tx_pin), adapter.rx_pin.eq(uart.tx_pin)]
        wiring.connect(m, wiring.flipped(self.rx), adapter.tx)
        wiring.connect(m, adapter.rx, wiring.flipped(self.tx))
        return m


class WireTransport:
    """Frames to and from a simulated device behind serial pins.

    Parameters
    ----------
    device : SimulatedDevice
        Of a :class:`Wire`; is closed with the transport.
    divisor : int
        Cycles per bit.
    latency : int
        Cycles from the end of an answer on the line to the first byte of what the host sends then:
        adapter, USB and host together.
    cycles : int
        To wait for an answer.
    """

    def __init__(self, device: SimulatedDevice, divisor: int, latency: int, cycles: int) -> None:
        self.device = device
        self.cycles = cycles
        self._byte = BITS_A_BYTE * divisor
        self._latency = latency
        self._partial = b""
        self._arrived: deque[tuple[int, bytes]] = deque()  # and when the host has them

    @property
    def name(self) -> str:
        """What messages call it."""
        return "the simulated device"

    @property
    def patience(self) -> str:
        """Cycles."""
        return f"{self.cycles} cycles"

    @property
    def advice(self) -> str:
        """Nothing that a user could do."""
        return ""

    @property
    def notice(self) -> str:
        """Nothing."""
        return ""

    def discard(self) -> None:
        """Forget what the host has received so far."""
        while self._due:
            self._arrived.popleft()

    @property
    def _due(self) -> bool:
        return bool(self._arrived) and self._arrived[0][0] <= self.device.cycles

    def send(self, raw: bytes) -> None:
        """Queue bytes as they are."""
        self.device.send(raw)

    def receive(self) -> bytes:
        """Return the next frame received; see :meth:`metabit.host.transport.Transport.receive`."""
        deadline = self.device.cycles + self.cycles
        while not self._due:
            if self.device.cycles > deadline:
                raise DeviceTimeoutError(f"no answer from {self.name} in {self.patience}")
            self.device.run(self._byte)
            self._take()
        return self._arrived.popleft()[1]

    def _take(self) -> None:
        """Take what has come over the line."""
        while part := self.device.receive():
            self._partial += part
            if self._partial.endswith(DELIMITER):
                if self._partial != DELIMITER:
                    frame = self._partial.removesuffix(DELIMITER)
                    self._arrived.append((self.device.cycles + self._latency, frame))
                self._partial = b""

    def wait(self) -> None:
        """Run as long as a byte takes."""
        self.device.run(self._byte)

    def pause(self, seconds: float) -> None:
        """Not of use: no memory chip is attached to a device on a wire."""
        raise NotImplementedError

    def close(self) -> None:
        """Free the device."""
        self.device.close()
