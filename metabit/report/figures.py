"""Drawings of the report, as text that stands in the HTML file itself."""

import base64
import io
from typing import Any

import matplotlib
import matplotlib.image
import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from ..plots.style import ACCENT, FAINT, GOOD, GRID, INK, SECOND, bare
from .collect import Sample

PHASE_COLOURS = {
    "forward": ACCENT,
    "update": GOOD,
    "commit": SECOND,
    "wait": FAINT,
}


def png(data: bytes) -> str:
    """Return a PNG as an address that holds its content."""
    return "data:image/png;base64," + base64.b64encode(data).decode()


def _svg(figure: Figure) -> str:
    FigureCanvasSVG(figure)
    buffer = io.StringIO()
    # Text stays text; no date, so that equal results make equal reports.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "metabit"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _axes(width: float, height: float) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    bare(axes)
    return figure, axes


def learning_curve(train: list[float], test: list[float]) -> str:
    """Return the accuracies of all epochs as a curve."""
    figure, axes = _axes(10.4, 3.2)
    axes.grid(axis="y", color=GRID)
    for values, colour, name in ((train, SECOND, "training, online"), (test, ACCENT, "test")):
        if not values:
            continue
        epochs = np.arange(1, len(values) + 1)
        axes.plot(
            epochs, 100 * np.array(values), color=colour, marker="o", markersize=4, linewidth=2
        )
        axes.annotate(
            f"{name} {100 * values[-1]:.1f} %",
            (epochs[-1], 100 * values[-1]),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            fontsize=9.5,
            annotation_clip=False,
        )
    last = max(len(train), len(test), 2)
    axes.set_xlim(0.7, last + 0.22 * last)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xticks([tick for tick in axes.get_xticks() if 1 <= tick <= last])
    axes.set_xlabel("epoch", color=INK, fontsize=9.5)
    axes.set_ylabel("accuracy, %", color=INK, fontsize=9.5)
    return _svg(figure)


def phase_bars(cycles: dict[str, float], whole: str) -> str:
    """Return the cycles per sample of every phase as a bar each; they overlap.

    Parameters
    ----------
    cycles : dict of str to float
        Of each phase.
    whole : str
        The phase that all others lie in.
    """
    figure, axes = _axes(10.4, 0.5 + 0.36 * len(cycles))
    axes.spines[:].set_visible(False)
    total = cycles[whole]
    for place, (phase, count) in enumerate(cycles.items()):
        colour = PHASE_COLOURS.get(phase, INK)
        axes.barh(place, count, height=0.62, color=colour)
        axes.text(
            count + 0.008 * total,
            place,
            f"{count:,.0f}" if phase == whole else f"{count:,.0f}, {count / total:.0%}",
            va="center",
            fontsize=9,
            color=colour,
        )
    axes.set_yticks(range(len(cycles)), list(cycles))
    axes.invert_yaxis()
    axes.set_xlim(0, 1.12 * total)
    axes.set_xlabel("cycles per sample", color=INK, fontsize=9.5)
    return _svg(figure)


def confusion(counts: npt.NDArray[np.int64]) -> str:
    """Return the confusion matrix: a row per true class, a column per predicted one."""
    classes = len(counts)
    size = min(7.0, 1.4 + 0.36 * classes)
    figure, axes = _axes(size, size)
    axes.spines[:].set_visible(False)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if classes <= 20:
        for row, column in np.ndindex(counts.shape):
            if counts[row, column]:
                axes.text(
                    column,
                    row,
                    str(counts[row, column]),
                    ha="center",
                    va="center",
                    fontsize=8,
                    color="white" if shares[row, column] > 0.5 else INK,
                )
        axes.set_xticks(range(classes))
        axes.set_yticks(range(classes))
    axes.set_xlabel("predicted class", color=INK, fontsize=9.5)
    axes.set_ylabel("true class", color=INK, fontsize=9.5)
    return _svg(figure)


def sample_image(sample: Sample) -> str:
    """Return a sample's image, dark on light, as an address that holds its content."""
    image = np.asarray(sample.image, dtype=np.float64)
    spread = float(np.ptp(image))
    grey = (image - image.min()) / spread if spread else np.zeros_like(image)
    buffer = io.BytesIO()
    matplotlib.image.imsave(buffer, grey, cmap="gray_r", vmin=0, vmax=1, format="png")
    return png(buffer.getvalue())
