"""Ways to get frames to a device and back: what all have in common, and the serial port."""

import contextlib
import errno
import time
from collections.abc import Iterator
from typing import Protocol

import serial
from serial.tools.list_ports import comports

from .errors import DeviceTimeoutError, PortError
from .packets import DELIMITER

BAUD = 1_000_000
"""Rate of the serial port unless told otherwise."""

_MOMENT = 0.005
"""Seconds between two questions how far a device is."""


class Transport(Protocol):
    """Takes frames to one device and brings its frames back.

    Sending never waits for a reply: several frames may be under way.
    """

    @property
    def name(self) -> str:
        """What messages call the device, such as ``/dev/ttyUSB1``."""

    @property
    def patience(self) -> str:
        """How long :meth:`receive` waits, in words: ``1.0 s``, ``100000 cycles``."""

    @property
    def advice(self) -> str:
        """What the user can do if no answer comes; a question, or empty."""

    @property
    def notice(self) -> str:
        """What the user should know about this way, such as that it is slow; or empty."""

    def discard(self) -> None:
        """Forget what was received so far."""

    def send(self, raw: bytes) -> None:
        """Send bytes as they are."""

    def receive(self) -> bytes:
        """Return the next frame received: encoded, without its delimiter, never empty.

        Raises
        ------
        DeviceTimeoutError
            If none came in time.
        """

    def wait(self) -> None:
        """Let a moment pass before the device is asked again how far it is."""

    def pause(self, seconds: float) -> None:
        """Let a time pass that something beside the device needs."""

    def close(self) -> None:
        """Give the port back. Closing twice does no harm."""


class SerialTransport:
    """Device behind a serial port.

    Parameters
    ----------
    port : str
        Name of the port, or a pyserial URL.
    baud : int
        Rate that the bitstream was built for.
    timeout : float
        Seconds to wait for a frame.

    Raises
    ------
    PortError
        If the port cannot be opened.
    """

    def __init__(self, port: str, baud: int = BAUD, timeout: float = 1.0) -> None:
        self._port = port
        self._baud = baud
        self._timeout = timeout
        try:
            self._serial = serial.serial_for_url(
                port, baud, timeout=timeout, write_timeout=timeout, exclusive=True
            )
        except (serial.SerialException, OSError, ValueError) as error:
            raise PortError(f"cannot open {port}: {self._reason(error)}") from error
        self.notice = self._shorten_waits()

    def _shorten_waits(self) -> str:
        """Have the adapter pass short replies on at once; return what is to be said if it won't.

        The USB chips of the boards otherwise hold a short reply back for 16 ms.
        """
        try:
            self._serial.set_low_latency_mode(True)
        except (AttributeError, NotImplementedError, ValueError, OSError) as error:
            why = "not on this system" if isinstance(error, AttributeError) else self._reason(error)
            return (
                f"{self._port} has no low-latency mode ({why}): its answers may come up to 16 ms "
                "late, which slows training down; set the latency timer of the adapter to 1 ms"
            )
        return ""

    @property
    def name(self) -> str:
        """Name of the port."""
        return self._port

    @property
    def patience(self) -> str:
        """Seconds."""
        return f"{self._timeout:.1f} s"

    @property
    def advice(self) -> str:
        """What is most often wrong."""
        return (
            "is this the right port, is the bitstream loaded (metabit program BOARD), "
            f"and was it built for {self._baud} baud?"
        )

    def discard(self) -> None:
        """Forget what was received so far."""
        with self._failures():
            self._serial.reset_input_buffer()

    def send(self, raw: bytes) -> None:
        """Send bytes as they are."""
        with self._failures():
            try:
                self._serial.write(raw)
            except serial.SerialTimeoutException as error:
                raise DeviceTimeoutError(
                    f"{self._port} has taken no byte in {self.patience}"
                ) from error

    def receive(self) -> bytes:
        """Return the next frame; see :meth:`Transport.receive`."""
        deadline = time.monotonic() + self._timeout
        with self._failures():
            while time.monotonic() < deadline:
                received = self._serial.read_until(DELIMITER)
                if received.endswith(DELIMITER) and received != DELIMITER:
                    return received[:-1]
        raise DeviceTimeoutError(f"no answer from {self._port} in {self.patience}")

    def wait(self) -> None:
        """Sleep."""
        time.sleep(_MOMENT)

    def pause(self, seconds: float) -> None:
        """Sleep."""
        time.sleep(seconds)

    def close(self) -> None:
        """Close the port."""
        self._serial.close()

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        """Turn the failures of a port, such as a pulled plug, into ours."""
        try:
            yield
        except serial.SerialTimeoutException:
            raise
        except (serial.SerialException, OSError, TypeError) as error:
            raise PortError(f"{self._port} failed: {self._reason(error)}") from error

    def _reason(self, error: Exception) -> str:
        """Say why a port does not work and what helps."""
        number = getattr(error, "errno", None)
        if "baud" in str(error).lower():
            return f"it cannot be set to {self._baud} baud; {_nearest_rates(self._baud)}"
        if number == errno.ENOENT:
            ports = ", ".join(port.device for port in comports()) or "none"
            return f"it does not exist; is the board plugged in? Serial ports here: {ports}"
        if number == errno.EACCES:
            return "permission denied; run: sudo usermod -aG dialout $USER, then log in again"
        if number in (errno.EBUSY, errno.EAGAIN) or "exclusively lock" in str(error):
            return "another program uses it"
        return str(error)


def _nearest_rates(baud: int) -> str:
    """Say which usual rates are near, and which one bitstreams are built for."""
    usual = serial.Serial.BAUDRATES
    below = [str(rate) for rate in usual if rate < baud][-1:]
    above = [str(rate) for rate in usual if rate > baud][:1]
    near = " and ".join(below + above)
    return f"the nearest usual rates are {near}, and bitstreams are built for {BAUD}"
