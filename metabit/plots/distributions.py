"""Pictures of distributions: counters and margins of every layer, and the confusion matrix."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..golden.distribution import merge_bins
from ..golden.runs.observation import PERCENTILES, margins_of
from ..golden.scores import confusion_matrix
from .style import (
    ACCENT,
    BAD,
    FAINT,
    GOOD,
    INK,
    LAYERS,
    bare,
    curve,
    head,
    name,
    over_epochs,
    panels,
)
from .subject import Subject, Tested

_FINE = 256
"""Bars of a histogram at most."""

_OUTSIDE = 0.5
"""Per cent of hidden weights that a picture of them over epochs may leave out, if they have no
limit."""

_WRITTEN_CLASSES = 20
"""Classes up to which a confusion matrix has its counts written in."""


def counters(subject: Subject) -> Figure:
    """Draw how the counters of each layer are distributed, now and at the end of each epoch.

    Parameters
    ----------
    subject : Subject
        Its observations may be missing.
    """
    layers, seen = subject.config.layers, subject.observations
    figure, axes = panels(
        *(layers, 2 if seen else 1, 10.5 if seen else 7, 1.2 + 2.5 * layers),
        *(f"{subject.mode.stored.capitalize()}s: the weight is their sign", subject.title),
    )
    for layer in range(layers):
        _counter_histogram(axes[layer][0], subject, layer)
        if seen:
            _counter_history(figure, axes[layer][1], subject, layer)
    return figure


def _counter_histogram(axes: Any, subject: Subject, layer: int) -> None:
    """Draw how many counters have which value; in paper mode, the hidden weights themselves."""
    mode, hidden = subject.mode, subject.hidden[layer]
    found = mode.histogram(subject.config, hidden, _FINE)
    low, high, width, counts = found.low, found.high, found.width, found.counts
    left = low + width * np.arange(len(counts))
    share = 100 * counts / hidden.size
    inner = share[1:-1] if len(share) > 2 else share
    # The ends hold all that would have gone further; they must not squeeze the rest.
    top = 1.15 * max(float(inner.max()), 1e-9)
    at_limit = LAYERS[layer] if subject.unlimited else BAD
    colours = [at_limit] + [LAYERS[layer]] * (len(counts) - 2) + [at_limit]
    axes.bar(left, share, width, align="edge", color=colours)
    if share.max() > top:
        axes.set_ylim(0, top)
    at_ends = [100 * np.mean(mode.shown(hidden) == end) for end in (low, high)]
    ends = f"{at_ends[0]:.2g} % at {low}, {at_ends[1]:.2g} % at {high}"
    axes.text(
        *(0.98, 0.97, f"{low} to {high}" if subject.unlimited else ends),
        transform=axes.transAxes,
        ha="right",
        va="top",
        fontsize=8.5,
        color=INK if subject.unlimited else BAD,
    )
    axes.axvline(0, color=FAINT, linewidth=0.8)
    what = mode.stored
    unit = f"% of {what}s" if width == 1 else f"% of {what}s, bins of {width}"
    name(axes, f"Layer {layer}: {hidden.size:,} {what}s".replace(",", " "), what, unit)


def _counter_history(figure: Figure, axes: Any, subject: Subject, layer: int) -> None:
    """Draw the histogram of each epoch as a column of shades."""
    rows, width = _histograms(subject, layer)
    rows *= 100 / rows.sum(axis=1, keepdims=True)
    epochs = [seen.epoch for seen in subject.observations]
    edges = width * (np.arange(rows.shape[1] + 1) - rows.shape[1] // 2)
    borders = [epochs[0] - 0.5, *(epoch + 0.5 for epoch in epochs)]
    if epochs != list(range(epochs[0], epochs[-1] + 1)):
        borders = [epochs[0] - 0.5 + index for index in range(len(epochs) + 1)]
    mesh = axes.pcolormesh(borders, edges, rows.T, cmap="Blues", vmin=0)
    bar = figure.colorbar(mesh, ax=axes, pad=0.01)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=INK, labelsize=8, length=0)
    what = subject.mode.stored
    bar.set_label(f"% of {what}s in {width} values", color=INK)
    axes.axhline(0, color=FAINT, linewidth=0.8)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    title = "After each epoch"
    if subject.unlimited:
        # A few weights go far beyond all others, which would be squeezed into a line.
        half = rows.shape[1] // 2
        outside = [100 - rows[:, half - n : half + n].sum(axis=1).min() for n in range(half + 1)]
        bound = width * next(n for n, share in enumerate(outside) if share <= _OUTSIDE)
        axes.set_ylim(-bound, bound)
        title += f"; at most {_OUTSIDE} % lie outside"
    name(axes, title, "epoch", what)


def _histograms(subject: Subject, layer: int) -> tuple[npt.NDArray, int]:
    """Return the histograms of a layer after each epoch, and the width that all bins then have."""
    seen = [observation.layers[layer] for observation in subject.observations]
    rows = [np.array(one.histogram, float) for one in seen]
    widths = [one.bin_width for one in seen if one.bin_width is not None]
    if not widths and subject.config.limits is not None:
        low, high = subject.config.limits
        return np.array(rows), (high - low + 1) // len(rows[0])
    merged = zip(rows, widths, strict=True)
    return np.array([merge_bins(row, width, max(widths)) for row, width in merged]), max(widths)


def margins(subject: Subject) -> Figure:
    """Draw the margins of each layer: how clearly it tells the true class from its rival.

    Parameters
    ----------
    subject : Subject
        Either its observations or its test set may be missing, not both.
    """
    layers, tested, seen = subject.config.layers, subject.tested, subject.observations
    columns = (tested is not None) + bool(seen)
    figure, axes = panels(
        *(layers, columns, 5.25 * columns, 1.3 + 2.6 * layers),
        *("Margins: score of the true class less the best other score", subject.title),
    )
    for layer in range(layers):
        if tested is not None:
            _margin_histogram(axes[layer][0], subject, tested, layer)
        if seen:
            _margin_history(axes[layer][-1], subject, layer)
    return figure


def _mark_threshold(line: Any, subject: Subject, layer: int) -> int:
    """Draw the margin below which samples trigger an update."""
    threshold = subject.config.margin_threshold[layer]
    line(threshold, color=INK, linewidth=1, linestyle="--", label=f"updates below {threshold}")
    line(0, color=FAINT, linewidth=0.8)
    return threshold


def _margin_histogram(axes: Any, subject: Subject, tested: Tested, layer: int) -> None:
    """Draw how many test samples have which margin."""
    scores = tested.scores[layer]
    values = margins_of(scores, tested.labels)
    right = scores.argmax(axis=1) == tested.labels
    # Margins between two classes go in steps of 4: such bins catch the same number of steps.
    spread = max(int(values.max() - values.min()), 1)
    width = 4 * max(1, round(spread / 160))
    bins = np.arange(values.min() - 1, values.max() + width + 1, width)
    weight = np.full(len(values), 100 / len(values))
    axes.hist(
        [values[right], values[~right]],
        bins,
        weights=[weight[right], weight[~right]],
        stacked=True,
        color=[ACCENT, BAD],
    )
    threshold = _mark_threshold(axes.axvline, subject, layer)
    below = np.mean((values < threshold) | ~right)
    for place, text, colour in (
        (0.97, f"right {100 * right.mean():.1f} %", ACCENT),
        (0.88, f"wrong {100 * (1 - right.mean()):.1f} %", BAD),
        (0.79, f"would trigger {100 * below:.1f} %", INK),
    ):
        axes.text(
            *(0.02, place, text),
            transform=axes.transAxes,
            va="top",
            fontsize=8.5,
            color=colour,
            bbox={"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 1},
        )
    axes.set_ylim(top=1.3 * axes.get_ylim()[1])
    axes.legend(loc="upper right", frameon=False, fontsize=8.5, labelcolor=INK)
    name(axes, f"Layer {layer}: all test samples, now", "margin", f"% of samples per {width}")


def _margin_history(axes: Any, subject: Subject, layer: int) -> None:
    """Draw percentiles of the margins after each epoch as bands around their median."""
    epochs = [seen.epoch for seen in subject.observations]
    values: npt.NDArray = np.array([seen.layers[layer].margins for seen in subject.observations])
    colour = LAYERS[layer]
    lowest, lower, middle, upper, highest = values.T
    for low, high, alpha in ((lowest, highest, 0.15), (lower, upper, 0.3)):
        if len(epochs) > 1:
            axes.fill_between(epochs, low, high, color=colour, alpha=alpha, linewidth=0)
        else:
            axes.vlines(epochs, low, high, color=colour, alpha=alpha, linewidth=14)
    curve(axes, epochs, middle, colour)
    over_epochs(axes, epochs[-1], room=0.2)
    for value, percentile in zip(values[-1], PERCENTILES, strict=True):
        axes.annotate(
            f"{'median' if percentile == 50 else f'{percentile} %'}",
            (epochs[-1], value),
            xytext=(10, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=colour,
        )
    _mark_threshold(axes.axhline, subject, layer)
    axes.grid(visible=False)
    name(axes, f"Layer {layer}: percentiles after each epoch", "epoch", "margin")


def confusion(subject: Subject, tested: Tested) -> Figure:
    """Draw the confusion matrix: a row per true class, a column per predicted one.

    Parameters
    ----------
    subject : Subject
        For its classes and title.
    tested : Tested
        Labels and predictions.
    """
    classes, labels = subject.config.classes, tested.labels
    counts = confusion_matrix(labels, tested.predictions, classes)
    size = min(9.0, 2.6 + 0.52 * classes)
    figure = Figure(figsize=(size + 0.9, size), layout="constrained")
    axes = figure.subplots()
    bare(axes)
    totals = np.bincount(labels, minlength=classes)
    draw_confusion(axes, counts, totals, subject.class_names)
    if classes <= _WRITTEN_CLASSES:
        side = axes.secondary_yaxis("right")
        right = counts.diagonal()
        shown = [f"{100 * r / n:.1f} %" if n else "-" for r, n in zip(right, totals, strict=True)]
        side.set_yticks(range(classes), shown)
        side.tick_params(colors=GOOD, labelsize=8.5, length=0)
        side.spines[:].set_visible(False)
    accuracy = np.trace(counts) / max(len(labels), 1)
    undecided = len(labels) - int(counts.sum())
    neither = f", {undecided} as neither class" if undecided else ""
    head(
        figure,
        f"Confusion matrix: {100 * accuracy:.2f} % of {len(labels)} test samples right{neither}",
        subject.title if size > 6 else f"{subject.config.name}, seed {subject.config.seed}",
    )
    return figure


def draw_confusion(
    axes: Any,
    counts: npt.NDArray[np.int64],
    totals: npt.NDArray[np.int64],
    names: Sequence[str],
    ink: str = INK,
) -> None:
    """Draw a confusion matrix: a row per true class, a column per predicted one.

    Parameters
    ----------
    axes : Axes
        Where to.
    counts : ndarray of int, shape (classes, classes)
        From :func:`~metabit.golden.scores.confusion_matrix`.
    totals : ndarray of int, shape (classes,)
        Samples of each class.
    names : sequence of str
        Of the classes.
    ink : str
        Of figures on pale cells.
    """
    classes = len(counts)
    shares = counts / np.maximum(totals, 1)[:, None]
    # Mistakes are few: they get a scale of their own, or they would all look white.
    wrong = np.where(np.eye(classes, dtype=bool), np.nan, shares)
    right = np.where(np.eye(classes, dtype=bool), shares, np.nan)
    worst = max(float(np.nanmax(wrong)), 0.05)
    axes.spines[:].set_visible(False)
    axes.imshow(right, cmap="Blues", vmin=0, vmax=1.25)
    axes.imshow(wrong, cmap="Reds", vmin=0, vmax=1.25 * worst)
    axes.grid(visible=False)
    name(axes, "", "predicted class", "true class")
    if classes > _WRITTEN_CLASSES:
        return
    for row, column in np.ndindex(counts.shape):
        if counts[row, column]:
            dark = shares[row, column] > (0.7 if row == column else 0.7 * worst)
            axes.text(
                *(column, row, str(counts[row, column])),
                ha="center",
                va="center",
                fontsize=8.5,
                color="white" if dark else ink,
            )
    axes.set_xticks(range(classes), names, rotation=45 if max(map(len, names)) > 3 else 0)
    axes.set_yticks(range(classes), names)
