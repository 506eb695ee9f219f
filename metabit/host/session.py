"""A run of a device: samples in, predictions out."""

from collections.abc import Iterator

from ..hdl.bundles import Run
from ..hdl.link.protocol import MAX_DATA, MAX_PREDICTIONS, POSITIONS, WORD_BYTES, Operation
from .errors import DeviceError
from .packets import Progress, Request
from .requester import TRIES, Requester

_RUN = {name: (field.offset, field.width) for name, field in Run(encodes=True)}

MAX_SAMPLES = (1 << _RUN["samples"][1]) - 1
"""Most samples of a run."""

_COLLECT = Request(Operation.COLLECT, count=MAX_PREDICTIONS)

_PAUSE = Request(Operation.COLLECT, count=MAX_PREDICTIONS // 3)
"""What brings predictions in the middle of a run. Not all that are outstanding can come: samples of
a pass that is not complete give none. But when this is asked for, so many can."""


def run_request(**fields: int) -> Request:
    """Return the request that starts a run; see :class:`metabit.hdl.bundles.Run`."""
    word = sum(value << _RUN[name][0] for name, value in fields.items())
    return Request(Operation.RUN, data=word.to_bytes(WORD_BYTES, "little"))


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
        self._most = samples  # predictions
        self._found = bytearray()
        self._silent = 0  # answers in a row that brought no prediction

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

    def start(
        self,
        *,
        train: int,
        drain: int = 0,
        annealing: int = 0,
        damping: int = 0,
        stored: int = 0,
        program: int = 0,
        check: int = 0,
        raw: int = 0,
    ) -> None:
        """Start the run; see :class:`metabit.hdl.bundles.Run`."""
        self._requester.request(
            run_request(
                samples=self._samples,
                train=train,
                drain=drain,
                annealing=annealing,
                damping=damping,
                stored=stored,
                program=program,
                check=check,
                raw=raw,
            )
        )

    def feed(self, data: bytes) -> None:
        """Give the device the words of all samples.

        A reply must hold the predictions of all samples that are under way, see
        :mod:`metabit.hdl.link.protocol`. A device that holds that many is asked for some of them
        in between, when all FEEDs have been answered: predictions come in the order in which
        requests are executed, which is that in which they were sent for FEEDs only.
        """
        start = 0
        while start < len(data):
            for result in self._requester.stream(self._feeds(data, start)):
                progress = self._take(result)
                if progress.left:
                    self._fail(f"has left {progress.left} words of samples that it was given")
                start += MAX_DATA
            while start < len(data) and not self._room(data, start):
                self._collect(_PAUSE)

    def finish(self) -> bytes:
        """Wait for the end of the run, and return the predictions that came through the link."""
        while not self._collect(_COLLECT).idle:
            pass
        return bytes(self._found)

    def _collect(self, request: Request) -> Progress:
        """Have predictions collected, and return how far the device is."""
        before = len(self._found)
        progress = self._take(self._requester.request(request))
        # Only a repeated request makes it answer before there is anything to say.
        self._silent = self._silent + 1 if len(self._found) == before else 0
        if self._silent == TRIES and not progress.idle:
            self._fail("does not end its run")
        return progress

    def _room(self, data: bytes, start: int) -> bool:
        """Whether all predictions that may be outstanding after a FEED fit in a reply."""
        end = min(start + MAX_DATA, len(data))
        return end // (len(data) // self._samples) - len(self._found) < MAX_PREDICTIONS

    def _feeds(self, data: bytes, first: int) -> Iterator[Request]:
        """Yield requests with the samples' words from a byte on, while there is room."""
        for start in range(first, len(data), MAX_DATA):
            if not self._room(data, start):
                return
            yield Request(
                Operation.FEED,
                count=MAX_PREDICTIONS,
                address=start // WORD_BYTES % POSITIONS,
                data=data[start : start + MAX_DATA],
            )

    def _take(self, result: bytes) -> Progress:
        """Keep the predictions of a result, and return what follows them."""
        self._found += result[:-1]
        if len(self._found) > self._most:
            # At once: a device that never says that it is idle would go on for ever.
            self._fail(f"has answered {self._most} samples with more predictions")
        return Progress.of(result[-1])

    def _fail(self, what: str) -> None:
        raise DeviceError(f"{self._requester.transport.name} {what}")
