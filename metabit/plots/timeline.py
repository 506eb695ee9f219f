"""The picture of who is busy when."""

from matplotlib.figure import Figure

from ..sim.timeline import Timeline
from .style import GRID, INK, LAYERS, name, panels

_BAR = 0.6
"""Height of a bar; rows are 1 apart."""


def draw_timeline(timeline: Timeline, title: str, subtitle: str = "") -> Figure:
    """Draw what was done when, a row an activity, with the share of the cycles.

    Parameters
    ----------
    timeline : Timeline
    title, subtitle : str
        What it shows, and of what.
    """
    rows = list(timeline.spans)
    figure, [[axes]] = panels(1, 1, 10, 1.2 + 0.42 * len(rows), title, subtitle)
    for row, activity in enumerate(rows):
        bottom = row - _BAR / 2
        axes.broken_barh(timeline.spans[activity], (bottom, _BAR), color=LAYERS[row % len(LAYERS)])
        axes.annotate(
            f"{timeline.share(activity):.0%}",
            (timeline.cycles, row),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            color=INK,
            fontsize=9,
            annotation_clip=False,
        )
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(0, timeline.cycles)
    axes.grid(axis="x", color=GRID)
    name(axes, "", "cycles")
    return figure
