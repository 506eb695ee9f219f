"""A simulated device: the compiled model, clocked in native code."""

import ctypes
import math
import time
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from . import chips as memory
from .chips import Chips

_UNTIL_SENT, _UNTIL_FRAME, _UNTIL_PREDICTED = range(3)
_RESET_CYCLES = 4
_CHUNK = 4096
_ODDS = 256

Words = npt.NDArray[np.uint64]


class SimulatedDevice:
    """Model of a device with byte streams ``rx`` and ``tx``, and perhaps a second way in.

    Parameters
    ----------
    library : Path
        What :func:`metabit.sim.verilate.build` returned.
    chips : Chips, optional
        What is attached to pins of memory chips, if the device has such pins.

    Attributes
    ----------
    chips : dict of {"sdram", "flash"} to Chip
        Those that are attached.
    period : float
        Of the clock, in seconds; infinite if nothing depends on it.
    seconds, processor_seconds : float
        Time spent in the model, by the clock and of the processor.

    Raises
    ------
    ValueError
        If the device has pins of memory chips and ``chips`` is missing, or the other way round.
    """

    def __init__(self, library: Path, chips: Chips | None = None) -> None:
        functions = ctypes.CDLL(str(library))
        handle, number, odds = ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint
        pointer = ctypes.c_void_p
        for name, result, arguments in (
            ("open", handle, []),
            ("close", None, [handle]),
            ("cycles", number, [handle]),
            ("unsent", number, [handle]),
            ("mutate", ctypes.c_int, [handle, odds]),
            ("reset", None, [handle, number]),
            ("stall", None, [handle, number, odds, odds, odds, odds]),
            ("send", None, [handle, ctypes.c_char_p, number]),
            ("has_supply", ctypes.c_int, []),
            ("supply", None, [handle, pointer, number, pointer, number]),
            ("supply_left", number, [handle]),
            ("predicted", number, [handle]),
            ("run", None, [handle, number]),
            ("run_until", ctypes.c_int, [handle, ctypes.c_int, number, number]),
            ("receive", number, [handle, ctypes.c_char_p, number]),
            ("trace", ctypes.c_int, [handle, ctypes.c_char_p]),
        ):
            function = getattr(functions, f"metabit_{name}")
            function.restype, function.argtypes = result, arguments
        memory.declare(functions)
        self._functions = functions
        self._buffer = ctypes.create_string_buffer(_CHUNK)
        self._handle: int | None = functions.metabit_open()
        self.period = math.inf if chips is None else chips.period * 1e-9
        self._supplied: tuple[Words, npt.NDArray[np.uint8]] | None = None
        self.seconds = self.processor_seconds = 0.0
        try:
            self.chips = memory.attach(functions, self._live, chips)
        except ValueError:
            self.close()
            raise
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
    def has_supply(self) -> bool:
        """Whether the device has a second way in."""
        return bool(self._functions.metabit_has_supply())

    @property
    def unsupplied(self) -> int:
        """Words of the supply that have not been taken."""
        return self._functions.metabit_supply_left(self._live)

    @property
    def predicted(self) -> int:
        """Predictions that have come out beside the link since :meth:`supply`."""
        return self._functions.metabit_predicted(self._live)

    @property
    def _live(self) -> int:
        if self._handle is None:
            raise ValueError("the simulated device has been closed")
        return self._handle

    def reset(self) -> None:
        """Pull the reset line and forget all that is on its way.

        Memory chips are as after power-up: an SDRAM is empty, a flash memory keeps its contents.
        """
        self._functions.metabit_reset(self._live, _RESET_CYCLES)
        self._supplied = None

    def mutate(self, number: int) -> None:
        """Let a mutant live, 0 for none, and reset; see :mod:`metabit.mutants`.

        Raises
        ------
        ValueError
            If the model has no mutants.
        """
        if not self._functions.metabit_mutate(self._live, number):
            raise ValueError("this model was built without mutants")
        self.reset()

    def stall(
        self,
        seed: int,
        receive: float = 0.0,
        transmit: float = 0.0,
        samples: float = 0.0,
        predictions: float = 0.0,
    ) -> None:
        """Hold the streams up at random.

        Parameters
        ----------
        seed : int
            Of the random choices.
        receive, transmit : float
            Probability, below 1, that no byte is offered, or none taken, in a cycle.
        samples, predictions : float
            The same for words and predictions of the supply.
        """
        odds = {
            "receive": receive,
            "transmit": transmit,
            "samples": samples,
            "predictions": predictions,
        }
        for name, value in odds.items():
            if not 0 <= value < 1:
                raise ValueError(f"stall probability {name} must be 0 to below 1, not {value}")
        parts = (int(_ODDS * value) for value in odds.values())
        self._functions.metabit_stall(self._live, seed, *parts)

    def send(self, frame: bytes) -> None:
        """Queue bytes; they are taken while the model runs."""
        self._functions.metabit_send(self._live, frame, len(frame))

    def supply(self, words: Words, predictions: int) -> npt.NDArray[np.uint8]:
        """Let samples come from memory beside the link, and predictions go there.

        Both are moved by native code while the model runs, until :meth:`cut_supply`.

        Parameters
        ----------
        words : ndarray of uint64
            Samples as the device takes them, one behind the other. Not copied.
        predictions : int
            Predictions that will be taken.

        Returns
        -------
        ndarray of uint8, shape (predictions,)
            Where they go; the first :attr:`predicted` are there.

        Raises
        ------
        ValueError
            If the device has no second way in, or the words do not lie one behind the other.
        """
        if not self.has_supply:
            raise ValueError("this model was built without a second way in for samples")
        if words.dtype != np.uint64 or not words.flags.c_contiguous:
            raise ValueError("words must be uint64, one behind the other")
        taken = np.zeros(predictions, np.uint8)
        self._functions.metabit_supply(
            self._live, words.ctypes.data, words.size, taken.ctypes.data, taken.size
        )
        self._supplied = words, taken  # lives as long as native code knows where it is
        return taken

    def cut_supply(self) -> None:
        """Let samples and predictions go through the link again."""
        self._functions.metabit_supply(self._live, None, 0, None, 0)
        self._supplied = None

    def run(self, cycles: int) -> None:
        """Run for a number of cycles.

        Raises
        ------
        ViolationError
            If a memory chip's rule has not been kept; so it is with all that runs the model.
        """
        self._timed(self._functions.metabit_run, cycles)

    def run_until_sent(self, patience: int) -> bool:
        """Run until the device has taken all bytes.

        Parameters
        ----------
        patience : int
            Cycles in which nothing passes any stream, after which it never will.

        Returns
        -------
        bool
            Whether it has.
        """
        return self._timed(self._functions.metabit_run_until, _UNTIL_SENT, 0, patience)

    def run_until_frame(self, patience: int) -> bool:
        """Run until a zero byte has been received; see :meth:`run_until_sent`."""
        return self._timed(self._functions.metabit_run_until, _UNTIL_FRAME, 1, patience)

    def run_until_predicted(self, count: int, patience: int) -> bool:
        """Run until so many predictions are there; see :meth:`run_until_sent`."""
        return self._timed(self._functions.metabit_run_until, _UNTIL_PREDICTED, count, patience)

    def _timed(self, function: "ctypes._NamedFuncPointer", *arguments: int) -> bool:
        start, processor_start = time.perf_counter(), time.thread_time()
        reached = function(self._live, *arguments)
        self.seconds += time.perf_counter() - start
        self.processor_seconds += time.thread_time() - processor_start
        for chip in self.chips.values():
            chip.check()
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
            self._supplied = None
            self.chips = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
