"""Pictures over epochs: accuracy, and what moved."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.figure import Figure

from ..golden.runs.observation import SAMPLES, LayerObservation
from .style import ACCENT, FAINT, INK, LAYERS, SECOND, curve, label_ends, name, over_epochs, panels
from .subject import Subject


def learning_curve(subject: Subject) -> Figure:
    """Draw the accuracy on training and test samples after every epoch.

    Parameters
    ----------
    subject : Subject
        Training of at least one epoch.
    """
    layers = subject.config.layers
    both = layers > 1 and bool(subject.observations)
    figure, [places] = panels(
        *(1, 2 if both else 1, 12.5 if both else 9.0, 4.4), "Learning curve", subject.title
    )
    room = 0.25 if both else 0.16
    title = "Training while learning, test after each epoch"
    accuracies(places[0], subject.train_accuracy, subject.test_accuracy, room=room, title=title)
    _mark_annealing(places[0], subject)
    if both:
        over_layers(places[1], subject, lambda seen, layer: 100 * seen.accuracy)
        title = f"Each layer's own classifier, first {SAMPLES} test samples at most"
        name(places[1], title, "epoch", "accuracy, %")
    return figure


def accuracies(
    axes: Any, train: Sequence[float], test: Sequence[float], *, room: float, title: str = ""
) -> None:
    """Draw accuracies after every epoch, with the last ones in figures.

    Parameters
    ----------
    axes : Axes
        Where to.
    train, test : sequence of float
        Fractions on training and test samples; may be empty.
    room : float
        For the figures, as a part of the epochs.
    title : str
        Over the axes.
    """
    last, ends = max(len(train), len(test)), []
    for values, text, colour in ((train, "training", SECOND), (test, "test", ACCENT)):
        if values:
            percent = [100 * value for value in values]
            curve(axes, range(1, len(values) + 1), percent, colour)
            ends.append((len(values), percent[-1], f"{text} {percent[-1]:.1f} %", colour))
    over_epochs(axes, last, room=room)
    label_ends(axes, ends)
    name(axes, title, "epoch", "accuracy, %")


def _mark_annealing(axes: Any, subject: Subject) -> None:
    """Draw a line before every epoch in which the annealing exponent is another."""
    last, config = len(subject.train_accuracy), subject.config
    before = 0
    for epoch in range(1, last + 1):
        exponent = config.annealing_exponent(epoch, subject.epochs)
        if exponent != before:
            axes.axvline(epoch - 0.5, color=FAINT, linewidth=0.8, linestyle=":")
            axes.text(
                *(epoch - 0.5, 0.02, f"1/{2**exponent} of words learn"),
                transform=axes.get_xaxis_transform(),
                rotation=90,
                va="bottom",
                ha="right",
                fontsize=7.5,
                color=INK,
            )
        before = exponent


def activity(subject: Subject) -> Figure:
    """Draw what moved in every epoch: triggers, updates, sign flips, saturated or zero weights.

    Parameters
    ----------
    subject : Subject
        Training with observations.
    """
    figure, axes = panels(2, 2, 10.5, 6.6, "What moved in each epoch", subject.title)
    config = subject.config
    samples = subject.samples
    weights = [width * fan_in for width, fan_in in zip(config.hidden, config.fan_in, strict=True)]

    def share(count: int | None, whole: float) -> float:
        return math.nan if count is None else 100 * count / whole

    def panel(
        place: Any, title: str, unit: str, value: Callable[[LayerObservation, int], float]
    ) -> None:
        over_layers(place, subject, value, from_zero=True)
        name(place, title, "epoch", unit)

    panel(
        axes[0][0],
        "Samples that triggered an update",
        "% of samples",
        lambda seen, layer: share(seen.triggers, samples),
    )
    panel(
        axes[0][1],
        "Winner neurons updated",
        "per sample",
        lambda seen, layer: share(seen.updates, 100 * samples),
    )
    panel(
        axes[1][0],
        "Sign flips: weights whose sign the epoch changed",
        "% of weights",
        lambda seen, layer: share(seen.flips, weights[layer]),
    )
    what = f"{subject.mode.stored}s"
    if subject.unlimited:
        title = "Zero: weights that are neither +1 nor -1"
    else:
        title = f"Saturated: {what} at {subject.mode.limit}"
    panel(
        axes[1][1],
        title,
        f"% of {what}",
        lambda seen, layer: share(
            seen.zeros if subject.unlimited else seen.saturated, weights[layer]
        ),
    )
    return figure


def over_layers(
    axes: Any,
    subject: Subject,
    value: Callable[[LayerObservation, int], float],
    *,
    from_zero: bool = False,
) -> None:
    """Draw a value of each layer over epochs."""
    epochs = [seen.epoch for seen in subject.observations]
    layers, ends = subject.config.layers, []
    for layer in range(layers):
        values = [value(seen.layers[layer], layer) for seen in subject.observations]
        curve(axes, epochs, values, LAYERS[layer])
        text = f"{values[-1]:.3g}" if layers == 1 else f"layer {layer}: {values[-1]:.3g}"
        if not math.isnan(values[-1]):
            ends.append((epochs[-1], values[-1], text, LAYERS[layer]))
    if from_zero:
        axes.set_ylim(0, None if any(end[1] > 0 for end in ends) else max(axes.get_ylim()[1], 1))
    over_epochs(axes, epochs[-1], room=0.12 if layers == 1 else 0.26)
    label_ends(axes, ends)
