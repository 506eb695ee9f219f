"""Training on a task, from the first epoch to the test."""

from dataclasses import dataclass

import numpy as np

from ..streams import permutation
from .config import SequenceConfig
from .network import SequenceNetwork
from .tasks import Task


@dataclass(frozen=True)
class SequenceResult:
    """What a training has come to.

    Attributes
    ----------
    train_accuracy : list of float
        Fraction of each epoch, counted before the network learnt from the sequence.
    test_accuracy : float
        Fraction, after the last epoch.
    state_sha256 : str
        Final state.
    """

    train_accuracy: list[float]
    test_accuracy: float
    state_sha256: str


def train(task: Task, config: SequenceConfig, epochs: int) -> SequenceResult:
    """Train a new network on a task, in an order of its own every epoch.

    Parameters
    ----------
    task : Task
        Of the configuration's bits and classes.
    config : SequenceConfig
        Network and rule.
    epochs : int
        Length of the training.
    """
    network, history = SequenceNetwork(config), [0.0]
    for epoch in range(1, epochs + 1):
        order = permutation(config.seed, f"order/{epoch}", len(task.train))
        right = 0
        for start in range(0, len(order), config.batch):
            chosen = order[start : start + config.batch]
            labels = task.train_labels[chosen]
            predictions = network.train_batch(task.train[chosen], labels, history[-1])
            right += int(np.count_nonzero(predictions == labels))
        history.append(right / len(order))
    tested = float(np.mean(network.predict(task.test) == task.test_labels))
    return SequenceResult(history[1:], tested, network.state_sha256)
