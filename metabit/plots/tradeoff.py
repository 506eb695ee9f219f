"""The picture of speed against accuracy."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from .style import ACCENT, FAINT, GRID, INK, name, panels


@dataclass(frozen=True)
class Point:
    """A network on a device.

    Attributes
    ----------
    network : str
        What it is called.
    rate : float
        Training samples a second.
    percent : float
        Its accuracy.
    """

    network: str
    rate: float
    percent: float


def frontier(points: Sequence[Point]) -> list[Point]:
    """Return the points that no other one beats in both, the fastest first."""
    best: list[Point] = []
    for point in sorted(points, key=lambda point: (-point.rate, -point.percent)):
        if not best or point.percent > best[-1].percent:
            best.append(point)
    return best


def draw_tradeoff(points: Sequence[Point], title: str, subtitle: str = "") -> Figure:
    """Draw accuracy over samples a second, and the most that can be had at each speed.

    Parameters
    ----------
    points : sequence of Point
        One at least.
    title, subtitle : str
        What it shows, and of what.
    """
    figure, [[axes]] = panels(1, 1, 8.5, 5.0, title, subtitle)
    best = frontier(points)
    axes.plot(
        *([getattr(point, field) for point in best] for field in ("rate", "percent")),
        color=ACCENT,
        linewidth=1.5,
        drawstyle="steps-post",
        zorder=1,
    )
    for point in points:
        held = point in best
        colour = ACCENT if held else FAINT
        axes.scatter(point.rate, point.percent, s=34, color=colour, zorder=2)
        axes.annotate(
            point.network,
            (point.rate, point.percent),
            xytext=(5, 5 if held else -12),
            textcoords="offset points",
            color=INK if held else FAINT,
            fontsize=8.5,
        )
    axes.set_xscale("log")
    axes.margins(x=0.12, y=0.1)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:,.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(color=GRID)
    name(axes, "", "training samples a second", "accuracy, %")
    return figure
