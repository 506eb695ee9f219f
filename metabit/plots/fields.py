"""Pictures of weights: receptive fields of neurons, and what each class looks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .looks import LINE, Field, fields_of, scale_of, shown_neurons, wanted_by
from .maps import FeatureMap, feature_maps
from .style import FAINT, INK, SIGNED, head
from .subject import Subject

_COLUMNS = 8
"""Fields side by side; twice as many when they are smaller because each has several maps."""

_STACKED = 6
"""Maps up to which a field is a column of them."""

_WRAPPED = 32
"""Maps in a line of a field that has too many for one."""

_STEP, _TEXT, _NARROWEST = 1.06, 0.42, 6.5
"""From map to map, and height of a text, in units of a map; width of a picture in inches."""


def field_of(subject: Subject, layer: int) -> Field:
    """Return what the neurons of a layer look for; see :func:`.fields_of`.

    Parameters
    ----------
    subject : Subject
        Network.
    layer : int
        Hidden layer, from 0.

    Returns
    -------
    ndarray of float64, shape (K_l, inputs)
    """
    return fields_of(subject.hidden, layer)


def receptive_fields(subject: Subject, layer: int, neurons: Sequence[int] | None = None) -> Figure:
    """Draw the fields of neurons as images, one for each feature map.

    Parameters
    ----------
    subject : Subject
        Network.
    layer : int
        Hidden layer, from 0.
    neurons : sequence of int, optional
        Which, those of them that the layer has; None: the first, as many as are legible.
    """
    maps = feature_maps(subject.encoder, subject.shape)
    width = subject.config.hidden[layer]
    if neurons is None:
        neurons = range(shown_neurons(width, len(maps)))
    neurons = [neuron for neuron in neurons if neuron < width]
    field = field_of(subject, layer)
    codes = subject.classifier[layer]
    titles = [f"neuron {neuron}\n{wanted_by(codes, neuron)}".strip() for neuron in neurons]
    what = "weights" if layer == 0 else "weights traced back to the input (linear approximation)"
    shown = f"{len(titles)} of {width} neurons" if len(titles) < width else f"{width} neurons"
    return _gallery(
        *(field[list(neurons)], maps, titles),
        *(f"Receptive fields of layer {layer}: {what}, {shown}", subject.title),
    )


def class_fields(subject: Subject) -> Figure:
    """Draw what the neurons of the first layer that stand for a class look for on average.

    The class score sums activations with the signs of the fixed classifier; this sums fields.

    Parameters
    ----------
    subject : Subject
        Network.
    """
    codes = subject.classifier[0].astype(float)
    fields = codes @ field_of(subject, 0) / codes.shape[1]
    return _gallery(
        *(fields, feature_maps(subject.encoder, subject.shape), subject.class_names),
        "What each class looks for: mean field of layer 0, with the signs of its classifier",
        subject.title,
    )


def _gallery(
    fields: Field, maps: list[FeatureMap], titles: Sequence[str], title: str, subtitle: str
) -> Figure:
    """Draw fields as images.

    Every field has a scale of its own, or deeper ones would be pale: it ends at the 99.5th
    percentile of its absolute values.
    """
    layout = _Layout.of(len(fields), len(maps))
    width, height = layout.extent
    size = max(_NARROWEST, layout.inch * width + 0.3), layout.inch * height + 0.8
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    axes.set_axis_off()
    for number, (field, text) in enumerate(zip(fields, titles, strict=True)):
        for index, feature_map in enumerate(maps):
            _draw(axes, *layout.place(number, index), feature_map.image(field), field)
        x, y = layout.place(number, 0)
        if layout.rows:
            middle = (y + layout.place(number, len(maps) - 1)[1] + 1) / 2 if number else y + 0.5
            _write(axes, x - 0.1, middle, text, ha="right", va="center")
        else:
            _write(axes, x + 0.5, y - 0.05, text, ha="center", va="bottom")
    if layout.rows:
        _name_columns(axes, layout, maps)
    elif len(maps) > 1:
        for number in range(0, len(fields), layout.across):
            for index, feature_map in enumerate(maps):
                x, y = layout.place(number, index)
                name = f"{feature_map.part}\n{feature_map.name}"
                _write(axes, x - 0.1, y + 0.5, name, ha="right", va="center")
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_aspect("equal", anchor="NW")
    legend = "Blue: the bit should be 1, red: 0; the stronger, the surer."
    head(figure, title, f"{legend} {subtitle}")
    return figure


@dataclass(frozen=True)
class _Layout:
    """Where maps go, in units of a map.

    With one map, fields fill a grid; with a few, each is a column of maps; with many, a row, or
    several lines of a row.

    Attributes
    ----------
    count, depth : int
        Fields, and maps of each.
    rows : bool
        Whether a field is a row.
    across : int
        Fields, or maps, side by side.
    inch : float
        Size of a map.
    left, names, gap : float
        Room left of the maps, above each line of the first row, and below each row.
    """

    count: int
    depth: int
    rows: bool
    across: int
    inch: float
    left: float
    names: float
    gap: float

    @classmethod
    def of(cls, count: int, depth: int) -> Self:
        """Return the layout for so many fields of so many maps."""
        if depth > LINE:
            return cls(count, depth, True, _WRAPPED, 0.45, 2.6, 3.0, 0.4)
        if depth > _STACKED:
            return cls(count, depth, True, depth, 0.8, 1.6, 2 * _TEXT, 0.0)
        rows = -(-count // (_COLUMNS if depth == 1 else 2 * _COLUMNS))
        across = -(-count // rows)
        if depth == 1:
            return cls(count, depth, False, across, 1.15, 0.0, _TEXT, 0.0)
        return cls(count, depth, False, across, 0.8, 1.1, _TEXT, 0.0)

    @property
    def lines(self) -> int:
        """Lines of a row."""
        return -(-self.depth // self.across)

    def place(self, number: int, index: int) -> tuple[float, float]:
        """Return the upper left corner of a map of a field."""
        if not self.rows:
            block = self.depth * _STEP + self.names
            row, column = divmod(number, self.across)
            return self.left + column * _STEP, row * block + self.names + index * _STEP
        line, place = divmod(index, self.across)
        above = (line + 1 if number == 0 else self.lines) * self.names
        top = number * (self.lines * _STEP + self.gap)
        return self.left + place * _STEP, above + top + line * _STEP

    @property
    def extent(self) -> tuple[float, float]:
        """Width and height of all."""
        bottom = self.place(self.count - 1, self.depth - 1)[1] + _STEP
        return self.left + self.across * _STEP, bottom


def _draw(axes: Any, x: float, y: float, image: Field, field: Field) -> None:
    """Draw a map of a field into a square of one by one, keeping the shape of its pixels."""
    largest = scale_of(field)
    rows, columns = image.shape
    high, wide = rows / max(rows, columns), columns / max(rows, columns)
    axes.imshow(image, cmap=SIGNED, vmin=-largest, vmax=largest, extent=(x, x + wide, y + high, y))
    # A thin border, so that white weights at the rim can be seen.
    axes.add_patch(Rectangle((x, y), wide, high, facecolor="none", edgecolor=FAINT, linewidth=0.4))


def _write(axes: Any, x: float, y: float, text: str, **style: Any) -> None:
    """Write a small text."""
    axes.text(x, y, text, **{"fontsize": 7.5, "color": INK, **style})


def _name_columns(axes: Any, layout: _Layout, maps: list[FeatureMap]) -> None:
    """Write over the maps of the first row what they are, and over the first of a part which."""
    before = None
    for index, feature_map in enumerate(maps):
        x, y = layout.place(0, index)
        if layout.lines > 1:
            text = f"{feature_map.part}, {feature_map.name}".replace("\n", ", ")
            short = text.replace("distance ", "d ").replace("darker ", "")
            _write(axes, x + 0.5, y - 0.1, short, rotation=90, ha="center", va="bottom", fontsize=5)
            continue
        part = feature_map.part if feature_map.part != before else ""
        text = f"{part}\n{feature_map.name}" if feature_map.name else part
        _write(axes, x, y - 0.05, text, ha="left", va="bottom")
        before = feature_map.part
