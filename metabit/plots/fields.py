"""Pictures of weights: receptive fields of neurons, and what each class looks for."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .maps import FeatureMap, feature_maps
from .style import FAINT, INK, SIGNED, head
from .subject import Subject

MANY, FEW = 64, 16
"""Neurons shown unless others are asked for: with one map each, and with several."""

_COLUMNS = 8
"""Fields side by side; twice as many when they are smaller because each has several maps."""

_STACKED = 6
"""Maps up to which a field is a column of them."""

_STEP, _TEXT, _NARROWEST = 1.06, 0.42, 6.5
"""From map to map, and height of a text, in units of a map; width of a picture in inches."""

Field = npt.NDArray[np.float64]


def field_of(subject: Subject, layer: int) -> Field:
    """Return what the neurons of a layer look for, as weights of the encoder's bits.

    Of the first layer, these are the hidden weights ``H`` themselves. A deeper neuron has no
    weights on these bits: its field is the mean of the fields before it, each with the sign of
    its weight, which is what the neuron would compute if activations were not binary.

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
    field = subject.hidden[0].astype(np.float64)
    for hidden in subject.hidden[1 : layer + 1]:
        field = np.sign(hidden) @ field / hidden.shape[1]
    return field


def receptive_fields(subject: Subject, layer: int, neurons: Sequence[int] | None = None) -> Figure:
    """Draw the fields of neurons as images, one for each feature map.

    Parameters
    ----------
    subject : Subject
        Network.
    layer : int
        Hidden layer, from 0.
    neurons : sequence of int, optional
        Which, those of them that the layer has; None: the first :data:`MANY` or :data:`FEW`.
    """
    maps = feature_maps(subject.encoder, subject.shape)
    width = subject.config.hidden[layer]
    if neurons is None:
        neurons = range(min(width, MANY if len(maps) == 1 else FEW))
    neurons = [neuron for neuron in neurons if neuron < width]
    field = field_of(subject, layer)
    titles = [f"neuron {neuron}{_code(subject, layer, neuron)}" for neuron in neurons]
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


def _code(subject: Subject, layer: int, neuron: int) -> str:
    """Return for which classes a neuron is to be active, if they can be written."""
    if subject.config.classes > 10:
        return ""
    classes = np.flatnonzero(subject.classifier[layer][:, neuron] > 0)
    return "\nfor " + ("".join(map(str, classes)) or "none")


def _gallery(
    fields: Field, maps: list[FeatureMap], titles: Sequence[str], title: str, subtitle: str
) -> Figure:
    """Draw fields as images.

    With one map they fill a grid; with a few, each is a column of maps; with many, a row.
    Every field has a scale of its own, or deeper ones would be pale: it ends at the 99.5th
    percentile of its absolute values.
    """
    count, depth = len(fields), len(maps)
    many = depth > _STACKED
    rows = count if many else -(-count // (_COLUMNS if depth == 1 else 2 * _COLUMNS))
    across = -(-count // rows)
    # In units of one map: a block is a field with its texts.
    width, height = (depth * _STEP, _STEP) if many else (_STEP, depth * _STEP + _TEXT)
    left = 1.6 if many else (1.1 if depth > 1 else 0.0)
    top = 2 * _TEXT if many else 0.0
    extent = left + across * width, top + rows * height
    inch = 1.15 if depth == 1 else 0.8
    size = max(_NARROWEST, inch * extent[0] + 0.3), inch * extent[1] + 0.8
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    axes.set_axis_off()
    for number, (field, text) in enumerate(zip(fields, titles, strict=True)):
        x = left + number % across * width
        y = top + number // across * height
        if many:
            _write(axes, x - 0.1, y + 0.5, text, ha="right", va="center")
        else:
            _write(axes, x + 0.5, y + _TEXT - 0.05, text, ha="center", va="bottom")
            y += _TEXT
        for index, feature_map in enumerate(maps):
            place = (x + index * _STEP, y) if many else (x, y + index * _STEP)
            _draw(axes, *place, feature_map.image(field), field)
            if not many and depth > 1 and number % across == 0:
                name = f"{feature_map.part}\n{feature_map.name}"
                _write(axes, x - 0.1, place[1] + 0.5, name, ha="right", va="center")
    if many:
        _name_columns(axes, left, top, maps)
    axes.set_xlim(0, extent[0])
    axes.set_ylim(extent[1], 0)
    axes.set_aspect("equal", anchor="NW")
    legend = "Blue: the bit should be 1, red: 0; the stronger, the surer."
    head(figure, title, f"{legend} {subtitle}")
    return figure


def _draw(axes: Any, x: float, y: float, image: Field, field: Field) -> None:
    """Draw a map of a field into a square of one by one, keeping the shape of its pixels."""
    largest = float(np.percentile(np.abs(field), 99.5)) or 1.0
    rows, columns = image.shape
    high, wide = rows / max(rows, columns), columns / max(rows, columns)
    axes.imshow(image, cmap=SIGNED, vmin=-largest, vmax=largest, extent=(x, x + wide, y + high, y))
    # A thin border, so that white weights at the rim can be seen.
    axes.add_patch(Rectangle((x, y), wide, high, facecolor="none", edgecolor=FAINT, linewidth=0.4))


def _write(axes: Any, x: float, y: float, text: str, **place: str) -> None:
    """Write a small text."""
    axes.text(x, y, text, fontsize=7.5, color=INK, **place)


def _name_columns(axes: Any, left: float, top: float, maps: list[FeatureMap]) -> None:
    """Write over the columns what the maps are, and over the first of a part which part."""
    before = None
    for index, feature_map in enumerate(maps):
        part = feature_map.part if feature_map.part != before else ""
        text = f"{part}\n{feature_map.name}" if feature_map.name else part
        _write(axes, left + index * _STEP, top - 0.05, text, ha="left", va="bottom")
        before = feature_map.part
