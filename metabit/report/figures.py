"""Drawings of the report, as text that stands in the HTML file itself."""

import base64
import io
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from PIL import Image

from ..plots.curves import accuracies
from ..plots.distributions import draw_confusion
from ..plots.style import ACCENT, AXIS, FAINT, GOOD, GRID, INK, SECOND, bare
from .collect import Sample

PHASE_COLOURS = {
    "forward": ACCENT,
    "update": GOOD,
    "commit": SECOND,
    "wait": FAINT,
}


_WIDTHS = {"wide": 10.4, "narrow": 4.4}
"""Inches of figures on a page and on a phone."""

_BESIDE = 2.3
"""Inches beside a curve for what is written there."""

_LARGEST_MATRIX = 7.0
"""Inches."""

_CELL_INK = "#1d2733"
"""Of numbers on pale cells, which stay pale in the dark."""

_VARIABLES = {
    INK.lower(): "--soft",
    GRID.lower(): "--line",
    AXIS.lower(): "--axis",
    FAINT.lower(): "--faint",
    ACCENT.lower(): "--accent",
    SECOND.lower(): "--second",
    GOOD.lower(): "--good",
}
"""Colours of figures that the page has a variable for."""


def png(data: bytes) -> str:
    """Return a PNG as an address that holds its content."""
    return "data:image/png;base64," + base64.b64encode(data).decode()


def _svg(figure: Figure, salt: str = "wide") -> str:
    """Return a figure whose colours are those of the page, light or dark.

    Parameters
    ----------
    figure : Figure
    salt : str
        Tells the names of what is referred to inside from those of the same figure in another
        width.
    """
    FigureCanvasSVG(figure)
    buffer = io.StringIO()
    # Text stays text; no date, so that equal results make equal reports.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": f"metabit-{salt}"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    for colour, variable in _VARIABLES.items():
        text = text.replace(f": {colour}", f": var({variable})")
    return text


def both_widths(draw: Callable[[float, str], str]) -> str:
    """Return a figure twice: as wide as a page, and as wide as a phone; the page shows one.

    Parameters
    ----------
    draw : callable
        Returns the figure, given its width in inches and its salt.
    """
    return "".join(
        f'<div class="{name}">{draw(width, name)}</div>' for name, width in _WIDTHS.items()
    )


def _axes(width: float, height: float) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    bare(axes)
    return figure, axes


def learning_curve(
    train: list[float], test: list[float], width: float = 10.4, salt: str = "wide"
) -> str:
    """Return the accuracies of all epochs as a curve."""
    figure, axes = _axes(width, 3.2)
    accuracies(axes, train, test, room=_BESIDE / width)
    return _svg(figure, salt)


def phase_bars(
    cycles: dict[str, float], whole: str, width: float = 10.4, salt: str = "wide"
) -> str:
    """Return the cycles per sample of every phase as a bar each; they overlap.

    Parameters
    ----------
    cycles : dict of str to float
        Of each phase.
    whole : str
        The phase that all others lie in.
    width, salt
        See :func:`both_widths`.
    """
    figure, axes = _axes(width, 0.5 + 0.36 * len(cycles))
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
    axes.set_xlim(0, (1 + 1.25 / width) * total)
    axes.set_xlabel("cycles per sample", color=INK, fontsize=9.5)
    return _svg(figure, salt)


def confusion(
    counts: npt.NDArray[np.int64], names: Sequence[str], width: float = 10.4, salt: str = "wide"
) -> str:
    """Return the confusion matrix: a row per true class, a column per predicted one."""
    classes = len(counts)
    size = min(width, _LARGEST_MATRIX, 1.4 + 0.36 * classes)
    figure, axes = _axes(size, size)
    draw_confusion(axes, counts, counts.sum(axis=1), names, _CELL_INK)
    return _svg(figure, salt)


def sample_image(sample: Sample) -> str:
    """Return a sample's image, dark on light, as an address that holds its content."""
    buffer = io.BytesIO()
    Image.fromarray(grey_of(sample.image)).save(buffer, "PNG")
    return png(buffer.getvalue())


def grey_of(image: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Return an image, dark on light, over the whole range from black to white.

    Parameters
    ----------
    image : ndarray, two dimensions
        Values of any range.
    """
    values = np.asarray(image, dtype=np.float64)
    spread = float(np.ptp(values))
    shares = (values - values.min()) / spread if spread else np.zeros_like(values)
    return np.round(255 * (1 - shares)).astype(np.uint8)
