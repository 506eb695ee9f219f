"""A run of a device: samples in, predictions out."""

from collections.abc import Iterator

from ..hdl.bundles import Run
from ..hdl.link.protocol import MAX_DATA, MAX_PREDICTIONS, POSITIONS, WORD_BYTES, Operation
from .errors import DeviceError
from .packets import Progress, Request
from .requester import TRIES, Requester

_RUN = {name: (field.offset, field.width) for name, field in Run()}

MAX_SAMPLES = (1 << _RUN["samples"][1]) - 1
"""Most samples of a run."""

_COLLECT = Request(Operation.COLLECT, count=MAX_PREDICTIONS)
_PAUSE = Request(Operation.COLLECT, count=MAX_PREDICTIONS // 2)


class Session:
    """A run, from its start to its end.

    Parameters
    ----------
    requester : Requester
        Way to the device.
    samples : int
        Samples of the run, 1 to :data:`MAX_SAMPLES`.
    """

    def __init__(self, requester: Requester, samples: int) -> None:
        self._requester = requester
        self._samples = samples
        self._found = bytearray()

    def run(self, data: bytes, **flags: int) -> bytes:
        """Run, and return the predictions, a byte a sample.

        Parameters
        ----------
        data : bytes
            Words of all samples.
        **flags
            See :meth:`start`.

        Raises
        ------
        DeviceError
            If the device does not take the samples, or gives something else.
        """
        self.start(**flags)
        self.feed(data)
        self.finish()
        if len(self._found) != self._samples:
            self._fail(f"has answered {self._samples} samples with {len(self._found)} predictions")
        return bytes(self._found)

    def start(self, *, train: int, drain: int = 0, annealing: int = 0, damping: int = 0) -> None:
        """Start the run; see :class:`metabit.hdl.bundles.Run`."""
        values = {
            "samples": self._samples,
            "train": train,
            "drain": drain,
            "annealing": annealing,
            "damping": damping,
        }
        word = sum(value << _RUN[name][0] for name, value in values.items())
        self._requester.request(Request(Operation.RUN, data=word.to_bytes(WORD_BYTES, "little")))

    def feed(self, data: bytes) -> None:
        """Give the device the words of all samples."""
        for result in self._requester.stream(self._feeds(data)):
            progress = self._take(result)
            if progress.left:
                self._fail(f"has left {progress.left} words of samples that it was given")

    def finish(self) -> bytes:
        """Wait for the end of the run, and return the predictions that came through the link."""
        idle, silent = False, 0
        while not idle:
            before = len(self._found)
            idle = self._take(self._requester.request(_COLLECT)).idle
            # Only a repeated request makes it answer before there is anything to say.
            silent = silent + 1 if len(self._found) == before else 0
            if silent == TRIES and not idle:
                self._fail("does not end its run")
        return bytes(self._found)

    def _feeds(self, data: bytes) -> Iterator[Request]:
        """Yield requests with the samples' words.

        A reply must hold the predictions of all samples that are under way, see
        :mod:`metabit.hdl.link.protocol`. A device that holds that many is asked for some of them
        in between.
        """
        sample_bytes = len(data) // self._samples
        for start in range(0, len(data), MAX_DATA):
            end = min(start + MAX_DATA, len(data))
            while end // sample_bytes - len(self._found) >= MAX_PREDICTIONS:
                # Not for all: samples of a pass that is not complete give no prediction.
                yield _PAUSE
            yield Request(
                Operation.FEED,
                count=MAX_PREDICTIONS,
                address=start // WORD_BYTES % POSITIONS,
                data=data[start:end],
            )

    def _take(self, result: bytes) -> Progress:
        """Keep the predictions of a result, and return what follows them."""
        self._found += result[:-1]
        return Progress.of(result[-1])

    def _fail(self, what: str) -> None:
        raise DeviceError(f"{self._requester.transport.name} {what}")
