"""Parts of an encoder: each turns images into bits of its own."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..codes import Bits
from ..errors import ConfigurationError, DataError
from .cells import Areas
from .comparisons import Comparisons
from .distributive import Distributive
from .edges import DIRECTIONS, Edges

Shape = tuple[int, ...]

NAMED = {
    "edges-1568": "edges:d=1,t=8,c=0/4+edges:d=3,t=15,c=0/4+thermometer:0",
    "edges-1960": "edges:d=1,t=8,c=0/3/6+edges:d=2,t=15,c=0/3/6+thermometer:0",
    "edges-2548": (
        "edges:d=1,t=8,c=0/3/6+edges:d=2,t=15,c=0/3/6+edges:d=3,t=15,c=0/3/6+thermometer:0"
    ),
    "edges-6992": "+".join(
        (
            *("edges:d=1,t=8,c=0/3/6", "edges:d=2,t=15,c=0/3/6", "edges:d=3,t=15,c=0/3/6"),
            *("edges:d=6,t=25,c=0/4", "edges:d=1,t=40,c=0/3", "edges:d=2,t=60,c=0/3"),
            "edges:d=1,t=8,c=0/3/6,dir=diagonals",
            "edges:d=3,t=15,c=0/3/6,dir=diagonals",
            "edges:d=1,t=12,c=0/4,dir=knights",
            "edges:d=1,t=8,c=1/5/9/15/22,cell=8",
            *("areas:t=64/128/192,c=1", "thermometer:0"),
        )
    ),
}
"""Sums of parts that have a name."""

KNOWN = (
    *("none", "median", "thermometer:T[,T...]", "quantiles:N"),
    f"edges:d=D,t=T,c=C[/C...][,dir={'|'.join(DIRECTIONS)}][,cell=N]",
    *("areas:t=T[/T...],c=C[/C...][,cell=N]", "distributive:B"),
    "comparisons:N[,seed=S][,t=T[/T...]]",
    *NAMED,
)
"""What a part may look like."""


class Part(Protocol):
    """One part of an encoder."""

    def bits(self, shape: Shape) -> int:
        """Bits of an image of this shape."""

    def encode(self, images: npt.NDArray) -> Bits:
        """Bits of images, shape (n, bits)."""


@dataclass(frozen=True)
class Unchanged:
    """Data that are bits already."""

    def bits(self, shape: Shape) -> int:
        """Bits of an image of this shape."""
        return math.prod(shape)

    def encode(self, images: npt.NDArray) -> Bits:
        """Bits of images, shape (n, bits)."""
        bits = images.astype(bool)
        if images.dtype != bool and not np.array_equal(bits, images):
            raise DataError(
                "encoder 'none' needs bits, 0 or 1, and the data hold other values "
                f"({images.min()} to {images.max()}); choose an encoder, e.g. 'median'"
            )
        return bits.reshape(len(images), -1)


@dataclass(frozen=True)
class Thermometer:
    """One bit per pixel and threshold, ``pixel > t``, threshold by threshold."""

    thresholds: tuple[float, ...]

    def bits(self, shape: Shape) -> int:
        """Bits of an image of this shape."""
        return len(self.thresholds) * math.prod(shape)

    def encode(self, images: npt.NDArray) -> Bits:
        """Bits of images, shape (n, bits)."""
        pixels = images.reshape(len(images), -1)
        return np.concatenate([pixels > threshold for threshold in self.thresholds], axis=1)


def parse_parts(spec: str) -> list[tuple[str, Part]]:
    """Return the parts of a sum, and what each was called.

    Parameters
    ----------
    spec : str
        Parts and names joined by ``+``.

    Raises
    ------
    ConfigurationError
        If something of it is not understood.
    """
    texts = NAMED.get(spec, spec).split("+")
    texts = [text for part in texts for text in NAMED.get(part, part).split("+")]
    return [(text, _parse(text, spec)) for text in texts]


def _parse(text: str, spec: str) -> Part:
    """Return the part that a text describes."""
    name, _, arguments = text.partition(":")
    if text == "none":
        return Unchanged()
    if text == "median":
        # fit() puts the threshold in; until then its place is all that counts.
        return Thermometer((math.nan,))
    if name == "quantiles":
        if not arguments.isascii() or not arguments.isdecimal() or not 1 <= int(arguments) <= 256:
            raise ConfigurationError(
                f"quantiles needs 1 to 256 thresholds, e.g. 'quantiles:4', not {text!r}"
            )
        return Thermometer(int(arguments) * (math.nan,))
    if name == "thermometer":
        try:
            thresholds = tuple(float(value) for value in arguments.split(","))
        except ValueError:
            thresholds = ()
        if not thresholds or not all(map(math.isfinite, thresholds)):
            raise ConfigurationError(
                f"thermometer needs numbers, e.g. 'thermometer:0,128', not {text!r}"
            )
        return Thermometer(thresholds)
    if name == "distributive":
        return Distributive.parse(arguments)
    if name == "comparisons":
        return Comparisons.parse(arguments)
    if name == "edges":
        fields = _fields(arguments, {"d", "t", "c"}, {"dir", "cell"})
        if fields is None or "/" in fields["d"] + fields["t"]:
            raise ConfigurationError(
                f"edges needs distance, threshold and counts, e.g. 'edges:d=1,t=8,c=0/4', "
                f"not {text!r}"
            )
        options = {"cell": int(fields["cell"])} if "cell" in fields else {}
        counts = _numbers(fields["c"])
        directions = fields.get("dir", "axes")
        return Edges(int(fields["d"]), int(fields["t"]), counts, directions, **options)
    if name == "areas":
        fields = _fields(arguments, {"t", "c"}, {"cell"})
        if fields is None:
            raise ConfigurationError(
                f"areas needs thresholds and counts, e.g. 'areas:t=64/128,c=1', not {text!r}"
            )
        options = {"cell": int(fields["cell"])} if "cell" in fields else {}
        return Areas(_numbers(fields["t"]), _numbers(fields["c"]), **options)
    raise ConfigurationError(
        f"unknown encoder {text!r}"
        + (f" in {spec!r}" if text != spec else "")
        + f"; known: {', '.join(KNOWN)}, and sums of these joined by '+'"
    )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split("/"))


def _fields(text: str, required: set[str], optional: set[str]) -> Mapping[str, str] | None:
    """Return the fields of ``d=1,c=0/4``, or None if they are not what they should be."""
    pairs = [part.partition("=") for part in text.split(",")]
    fields = {name: value for name, _, value in pairs}
    if len(fields) != len(pairs) or not required <= set(fields) <= required | optional:
        return None
    for name, value in fields.items():
        pattern = r"[a-z]+" if name == "dir" else r"\d+" if name == "cell" else r"\d+(/\d+)*"
        if not re.fullmatch(pattern, value):
            return None
    return fields
