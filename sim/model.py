"""A simulated device: the compiled model, and the transport that makes it look like a board."""

import ctypes
import time
from pathlib import Path
from typing import Self

_UNTIL_LIMIT, _UNTIL_SENT, _UNTIL_FRAME = range(3)
_RESET_CYCLES = 4
_CHUNK = 4096


class SimulatedDevice:
    """Model of a device with byte streams ``rx`` and ``tx``, clocked in native code.

    Parameters
    ----------
    library : Path
        What :func:`metabit.sim.verilate.build` returned.

    Attributes
    ----------
    seconds : float
        Time spent in the model.
    """

    def __init__(self, library: Path) -> None:
        functions = ctypes.CDLL(str(library))
        handle, number = ctypes.c_void_p, ctypes.c_uint64
        for name, result, arguments in (
            ("open", handle, []),
            ("close", None, [handle]),
            ("cycles", number, [handle]),
            ("unsent", number, [handle]),
            ("reset", None, [handle, number]),
            ("stall", None, [handle, number, ctypes.c_uint, ctypes.c_uint]),
            ("send", None, [handle, ctypes.c_char_p, number]),
            ("run", ctypes.c_int, [handle, ctypes.c_int, number]),
            ("receive", number, [handle, ctypes.c_char_p, number]),
            ("trace", ctypes.c_int, [handle, ctypes.c_char_p]),
        ):
            function = getattr(functions, f"metabit_{name}")
            function.restype, function.argtypes = result, arguments
        self._functions = functions
        self._buffer = ctypes.create_string_buffer(_CHUNK)
        self._handle: int | None = functions.metabit_open()
        self.seconds = 0.0
        self.reset()

    @property
    def cycles(self) -> int:
        """Clock cycles since the model was created."""
        return self._functions.metabit_cycles(self._live)

    @property
    def unsent(self) -> int:
        """Bytes that wait to be taken by the device."""
        return self._functions.metabit_unsent(self._live)

    @property
    def _live(self) -> int:
        if self._handle is None:
            raise ValueError("the simulated device has been closed")
        return self._handle

    def reset(self) -> None:
        """Pull the reset line and forget all bytes on their way."""
        self._functions.metabit_reset(self._live, _RESET_CYCLES)

    def stall(self, seed: int, receive: float = 0.0, transmit: float = 0.0) -> None:
        """Hold the streams up at random.

        Parameters
        ----------
        seed : int
            Of the random choices.
        receive, transmit : float
            Probability, below 1, that no byte is offered, or none taken, in a cycle.
        """
        for name, value in (("receive", receive), ("transmit", transmit)):
            if not 0 <= value < 1:
                raise ValueError(f"stall probability {name} must be 0 to below 1, not {value}")
        odds = (int(256 * receive), int(256 * transmit))
        self._functions.metabit_stall(self._live, seed, *odds)

    def send(self, frame: bytes) -> None:
        """Queue bytes; they are taken while the model runs."""
        self._functions.metabit_send(self._live, frame, len(frame))

    def run(self, cycles: int) -> None:
        """Run for a number of cycles."""
        self._run(_UNTIL_LIMIT, cycles)

    def run_until_sent(self, limit: int) -> bool:
        """Run until the device has taken all bytes; returns whether it did within the limit."""
        return self._run(_UNTIL_SENT, limit)

    def run_until_frame(self, limit: int) -> bool:
        """Run until a zero byte has been received; returns whether one was within the limit."""
        return self._run(_UNTIL_FRAME, limit)

    def _run(self, until: int, limit: int) -> bool:
        start = time.perf_counter()
        reached = self._functions.metabit_run(self._live, until, limit)
        self.seconds += time.perf_counter() - start
        return bool(reached)

    def receive(self) -> bytes:
        """Return the bytes received, up to and including the first zero."""
        received = b""
        while not received.endswith(b"\0"):
            count = self._functions.metabit_receive(self._live, self._buffer, _CHUNK)
            if not count:
                break
            received += self._buffer.raw[:count]
        return received

    def trace(self, path: Path | None) -> None:
        """Record a waveform to a file from now on, or stop.

        Raises
        ------
        ValueError
            If the model was compiled without ``trace``.
        OSError
            If the file cannot be written.
        """
        if path is not None:
            path.open("wb").close()
        if not self._functions.metabit_trace(self._live, bytes(path) if path else None):
            raise ValueError("this model was built without `trace` and cannot record waveforms")

    def close(self) -> None:
        """Free the model; open waveforms are completed."""
        if self._handle is not None:
            self._functions.metabit_trace(self._handle, None)
            self._functions.metabit_close(self._handle)
            self._handle = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
