"""How figures look: colours, axes and text, the same in pictures and in the report."""

import textwrap
from collections.abc import Sequence
from typing import Any

from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

ACCENT, SECOND, GOOD, BAD = "#2f6fde", "#e8842c", "#2a9d6e", "#c8373f"
INK, GRID, FAINT, AXIS = "#3a4450", "#e3e8ed", "#9aa3ad", "#b8c1cb"

LAYERS = (ACCENT, SECOND, GOOD, BAD, "#8a5cc7", "#b08a1e", "#1f9bb3", "#7a4a3a")
"""Colour of each hidden layer; a configuration has 8 at most."""

SIGNED = LinearSegmentedColormap.from_list("metabit-signed", [BAD, "#ffffff", ACCENT])
"""Negative is red, positive blue; the two can be told apart with any colour vision."""


def bare(axes: Any) -> None:
    """Take from axes what is no information."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(AXIS)
    axes.tick_params(colors=INK, labelsize=9, length=0)
    axes.set_axisbelow(True)


def panels(
    rows: int, columns: int, width: float, height: float, title: str, subtitle: str = ""
) -> tuple[Figure, list[list[Any]]]:
    """Return a figure of bare axes, row by row, under a title.

    Parameters
    ----------
    rows, columns : int
        How many axes.
    width, height : float
        Size of the figure in inches.
    title, subtitle : str
        What it shows, and of what.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        bare(axes)
    head(figure, title, subtitle)
    return figure, grid.tolist()


def head(figure: Figure, title: str, subtitle: str = "") -> None:
    """Put a title over a figure, and a smaller line under it that says of what."""
    width = figure.get_size_inches()[0]
    figure.suptitle(
        textwrap.fill(title, int(11.5 * width)),
        x=0.012,
        ha="left",
        color=INK,
        fontsize=11,
        fontweight="bold",
    )
    if subtitle:
        lines = [textwrap.fill(line, int(15 * width)) for line in subtitle.splitlines()]
        figure.supxlabel("\n".join(lines), x=0.012, ha="left", color=INK, fontsize=8)


def name(axes: Any, title: str, x: str = "", y: str = "") -> None:
    """Label axes."""
    axes.set_title(title, loc="left", color=INK, fontsize=10)
    axes.set_xlabel(x, color=INK, fontsize=9.5)
    axes.set_ylabel(y, color=INK, fontsize=9.5)


def over_epochs(axes: Any, last: int, room: float = 0.0) -> None:
    """Set up a horizontal axis of epochs, 1 to ``last``, with room for labels at its end."""
    axes.grid(axis="y", color=GRID)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, nbins=10))
    axes.set_xlim(0.5, last + 0.5 + room * last)
    axes.set_xticks([tick for tick in axes.get_xticks() if 1 <= tick <= last])


def curve(
    axes: Any, epochs: Sequence[int], values: Sequence[float], colour: str, **more: Any
) -> None:
    """Draw values over epochs."""
    few = len(epochs) <= 40
    style = {"linewidth": 2, "marker": "o" if few else None, "markersize": 4} | more
    axes.plot(epochs, values, color=colour, **style)


def label_ends(axes: Any, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Write texts at the right ends of curves, moved apart so that none covers another.

    Parameters
    ----------
    axes : Axes
        Its vertical limits must be final.
    ends : sequence of (x, y, text, colour)
        Ends of the curves.
    """
    low, high = axes.get_ylim()
    height = (
        axes.figure.get_size_inches()[1] * axes.get_subplotspec().get_position(axes.figure).height
    )
    step = (high - low) * 0.17 / max(height, 0.5)
    ordered = sorted(ends, key=lambda end: end[1])
    places = [end[1] for end in ordered]
    for index in range(1, len(places)):
        places[index] = max(places[index], places[index - 1] + step)
    # What was pushed up too far comes back down by half the way, so that pairs move alike.
    excess = [place - end[1] for place, end in zip(places, ordered, strict=True)]
    shift = max(excess, default=0) / 2
    for place, (x, _, text, colour) in zip(places, ordered, strict=True):
        axes.annotate(
            text,
            (x, place - shift),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            fontsize=9,
            annotation_clip=False,
        )
