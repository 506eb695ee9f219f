"""A transport that keeps what has passed, for whoever looks for a fault later."""

import time
from collections import deque

from ..host.errors import DeviceTimeoutError
from ..host.packets import DELIMITER
from ..host.transport import Transport

_LINES = 500
"""Frames of a check that are kept: the last ones."""

_BYTES = 24
"""Of a frame that are kept."""


class Recorder:
    """Passes everything on, and keeps a line about each frame.

    Parameters
    ----------
    transport : Transport
        Way to the device; is closed with this.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._start = time.monotonic()
        self._checks: list[tuple[str, deque[str]]] = []
        self.begin("start")

    @property
    def name(self) -> str:
        """What messages call the device."""
        return self._transport.name

    @property
    def patience(self) -> str:
        """How long :meth:`receive` waits, in words."""
        return self._transport.patience

    @property
    def advice(self) -> str:
        """What the user can do if no answer comes."""
        return self._transport.advice

    @property
    def notice(self) -> str:
        """What the user should know about this way."""
        return self._transport.notice

    @property
    def log(self) -> str:
        """The checks, with a line for each frame: seconds, direction, bytes, the first of them."""
        return "".join(
            f"{line}\n" for title, lines in self._checks for line in (f"{title}:", *lines)
        )

    def begin(self, title: str) -> None:
        """Begin with a check."""
        self._checks.append((title, deque(maxlen=_LINES)))

    def note(self, text: str) -> None:
        """Put a line of words into the log."""
        self._checks[-1][1].append(f"{time.monotonic() - self._start:12.6f} {text}")

    def wait(self) -> None:
        """Let a moment pass."""
        self._transport.wait()

    def pause(self, seconds: float) -> None:
        """Let a time pass."""
        self._transport.pause(seconds)

    def discard(self) -> None:
        """Forget what was received so far."""
        self._transport.discard()

    def send(self, raw: bytes) -> None:
        """Send bytes as they are."""
        self._keep(">", raw)
        self._transport.send(raw)

    def receive(self) -> bytes:
        """Return the next frame; see :meth:`metabit.host.transport.Transport.receive`."""
        try:
            received = self._transport.receive()
        except DeviceTimeoutError as error:
            self.note(str(error))
            raise
        self._keep("<", received + DELIMITER)
        return received

    def close(self) -> None:
        """Close the transport."""
        self._transport.close()

    def _keep(self, direction: str, raw: bytes) -> None:
        more = " ..." if len(raw) > _BYTES else ""
        self.note(f"{direction} {len(raw):3} {raw[:_BYTES].hex()}{more}")
