"""Picture of a placed design, coloured by block."""

from collections import Counter
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from .placement import Cell

COLOURS = (
    "#2f6fde",
    "#e8842c",
    "#2a9d6e",
    "#c8373f",
    "#8457c7",
    "#14a6b8",
    "#c2549d",
    "#8f8a1e",
    "#7a4b2a",
)
"""Of the largest blocks; all others are grey."""

_OTHER = "#9aa3ad"
_BACKGROUND = "#f4f6f8"
_TILE = "#e6eaee"
_DPI = 160
_HEIGHT, _LEGEND = 6.2, 2.2
"""Height of the picture and width of its legend, in inches."""


def draw(cells: list[Cell], tiles: tuple[int, int], file: Path, title: str) -> None:
    """Draw all cells where they are placed.

    Parameters
    ----------
    cells : list of Cell
    tiles : tuple of int
        Columns and rows of the FPGA's grid.
    file : pathlib.Path
        Its suffix chooses the format.
    title : str
    """
    sizes = Counter(cell.block for cell in cells)
    colours = dict(zip((block for block, _ in sizes.most_common()), COLOURS, strict=False))
    width, height = tiles
    figure = Figure(
        figsize=(_HEIGHT * width / height + _LEGEND, _HEIGHT),
        layout="constrained",
        facecolor="white",
    )
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_facecolor(_BACKGROUND)
    grid = [Rectangle((x + 0.05, y + 0.05), 0.9, 0.9) for x in range(width) for y in range(height)]
    axes.add_collection(PatchCollection(grid, facecolor=_TILE, linewidth=0, rasterized=True))
    # A hair of space between cells keeps them apart in a dense tile.
    boxes = [
        Rectangle((cell.x + 0.05, cell.y + 0.02), 0.9 * cell.width, 0.9 * cell.height)
        for cell in cells
    ]
    faces = [colours.get(cell.block, _OTHER) for cell in cells]
    axes.add_collection(PatchCollection(boxes, facecolors=faces, linewidth=0, rasterized=True))
    axes.set(xlim=(0, width), ylim=(0, height), aspect="equal", xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_color("#c5ccd3")
    axes.set_title(title, loc="left", fontsize=11)

    total = len(cells)
    handles = [
        Patch(color=colour, label=f"{block}  {100 * sizes[block] / total:.0f} %")
        for block, colour in colours.items()
    ]
    others = total - sum(sizes[block] for block in colours)
    if others:
        handles.append(Patch(color=_OTHER, label=f"other  {100 * others / total:.0f} %"))
    axes.legend(
        handles=handles,
        loc="center left",
        bbox_to_anchor=(1.01, 0.5),
        frameon=False,
        fontsize=9,
        title="block, share of cells",
        title_fontsize=9,
        alignment="left",
    )
    figure.savefig(file, dpi=_DPI)
