"""Early stopping: a training ends when it gets no better, and its best epoch is kept."""

from ..checkpoints.layers import Saved
from ..modes.registry import mode_of
from .training_run import TrainingRun


class Patience:
    """Look at a run after every epoch, and go back to the best one in the end.

    The best epoch is the one of the highest accuracy on the test samples, the first on ties. Which
    samples these are, the split says: of `paper` and `official` the test set itself, of
    `validation` samples that are set apart for choices like this one.

    Parameters
    ----------
    epochs : int
        How many in a row may be no better than the best.
    run : TrainingRun
        At its beginning, or where it goes on: after an epoch, that one counts, too.

    Attributes
    ----------
    epochs : int
        As above.
    last : int
        The last epoch that was looked at.
    """

    def __init__(self, epochs: int, run: TrainingRun) -> None:
        self.epochs = epochs
        self.last = 0
        self._best = -1.0
        self._kept: Saved | None = None
        if run.test_accuracy and not run.schedule.sample:
            self.exhausted(run)

    def exhausted(self, run: TrainingRun) -> bool:
        """Look at an epoch that is over; return whether it was the last one too many."""
        self.last = run.schedule.epoch - 1
        if run.test_accuracy[-1] > self._best:
            self._best = run.test_accuracy[-1]
            self._kept = run.checkpoint()
        assert self._kept is not None
        return self.last - (self._kept.record.epoch - 1) >= self.epochs

    def best(self, run: TrainingRun) -> TrainingRun:
        """Return the run as it was after its best epoch, from which it can go on."""
        if self._kept is None or self._kept.record.epoch == run.schedule.epoch:
            return run
        return mode_of(run.network.config).resume(self._kept, run.data, engine=run.engine)
