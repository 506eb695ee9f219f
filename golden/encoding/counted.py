"""Every bit of every part of an encoder as one thing: marked bytes are more than a count."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import ConfigurationError
from .cells import STRIDE, Areas, cells_of
from .comparisons import Comparison, Comparisons
from .distributive import Distributive
from .edges import Edges
from .parts import Part, Thermometer, Unchanged
from .program import ALWAYS, MOST_SIDE, NEVER, Frame


@dataclass(frozen=True)
class Piece:
    """A rectangle of bytes.

    Attributes
    ----------
    address : int
        Of the first one.
    rows, columns : int
        1 to :data:`~metabit.golden.encoding.program.MOST_SIDE` each.
    alone : bool
        Bytes are compared with the threshold, not with a neighbour.
    """

    address: int
    rows: int
    columns: int
    alone: bool


@dataclass(frozen=True)
class Counted:
    """A bit: marked bytes of all pieces are more than ``marks``.

    Attributes
    ----------
    offset : int
        From the address of a byte to that of its neighbour.
    threshold : int
        Marked are bytes that exceed their neighbour by more.
    marks : int
    pieces : tuple of Piece
        Of bytes that can be marked; none if there are none.
    """

    offset: int
    threshold: int
    marks: int
    pieces: tuple[Piece, ...]

    @property
    def area(self) -> int:
        """Bytes of all pieces."""
        return sum(piece.rows * piece.columns for piece in self.pieces)

    @property
    def alone(self) -> bool:
        """Whether no byte is compared with a neighbour."""
        return all(piece.alone for piece in self.pieces)


ONE = Counted(0, ALWAYS, 0, (Piece(0, 1, 1, alone=True),))
"""A bit that is always 1,"""

ZERO = Counted(0, NEVER, 0, ())
"""and one that never is."""


@dataclass(frozen=True)
class _Rectangle:
    """Rows and columns of an image, those behind the last included."""

    top: int
    left: int
    bottom: int
    right: int

    def moved(self, down: int, right: int) -> "_Rectangle":
        """Return it so many rows and columns further."""
        return _Rectangle(
            self.top + down, self.left + right, self.bottom + down, self.right + right
        )

    def within(self, other: "_Rectangle") -> "_Rectangle":
        """Return what lies in another one, too; it may be empty."""
        return _Rectangle(
            max(self.top, other.top),
            max(self.left, other.left),
            min(self.bottom, other.bottom),
            min(self.right, other.right),
        )

    def without(self, inner: "_Rectangle") -> Iterator["_Rectangle"]:
        """Yield the rest around a rectangle that lies in it; some may be empty."""
        yield _Rectangle(self.top, self.left, inner.top, self.right)
        yield _Rectangle(inner.bottom, self.left, self.bottom, self.right)
        yield _Rectangle(inner.top, self.left, inner.bottom, inner.left)
        yield _Rectangle(inner.top, inner.right, inner.bottom, self.right)

    def pieces(self, frame: Frame, colour: int, *, alone: bool) -> Iterator[Piece]:
        """Yield pieces of a size that words have room for."""
        for top in range(self.top, self.bottom, MOST_SIDE):
            for left in range(self.left, self.right, MOST_SIDE):
                yield Piece(
                    frame.address(colour, top, left),
                    min(MOST_SIDE, self.bottom - top),
                    min(MOST_SIDE, self.right - left),
                    alone,
                )


def counted_bits(part: Part, frame: Frame) -> Iterator[Counted]:
    """Yield the bits of a part, in its order.

    Parameters
    ----------
    part : Part
        Fitted.
    frame : Frame
        Of the samples, which suit the part.

    Raises
    ------
    ConfigurationError
        If the part is of a kind that programs have no words for.
    """
    if isinstance(part, Unchanged):
        yield from _thresholds(frame, [0])
    elif isinstance(part, Thermometer):
        yield from _thresholds(frame, [_whole(value) for value in part.thresholds])
    elif isinstance(part, Distributive):
        yield from _columns(part, frame)
    elif isinstance(part, Areas):
        yield from _areas(part, frame)
    elif isinstance(part, Edges):
        yield from _edges(part, frame)
    elif isinstance(part, Comparisons):
        yield from _comparisons(part, frame)
    else:
        raise ConfigurationError(
            f"encoder part '{type(part).__name__.lower()}' cannot be made by a program"
        )


def _whole(threshold: float) -> int:
    """Return what whole differences of two bytes exceed if they exceed a threshold."""
    return math.floor(min(max(threshold, ALWAYS), NEVER))


def _single(threshold: int, address: int) -> Counted:
    """Return a bit of one byte."""
    return Counted(0, threshold, 0, (Piece(address, 1, 1, alone=True),))


def _thresholds(frame: Frame, thresholds: list[int]) -> Iterator[Counted]:
    for threshold in thresholds:
        for address in frame.addresses().tolist():
            yield _single(threshold, address)


def _columns(part: Distributive, frame: Frame) -> Iterator[Counted]:
    assert part.thresholds is not None
    addresses = frame.addresses().tolist()
    for address, thresholds in zip(addresses, part.thresholds, strict=False):
        for threshold in thresholds:
            yield _single(_whole(threshold), address)
    # The columns after those of numbers are bits.
    for address in addresses[len(part.thresholds) :]:
        yield _single(0, address)


def _cells(frame: Frame, cell: int, stride: int) -> Iterator[_Rectangle]:
    """Yield the cells of an image, row by row."""
    rows, columns = cells_of(frame.shape, cell, stride)
    for row in range(rows):
        for column in range(columns):
            yield _Rectangle(0, 0, cell, cell).moved(row * stride, column * stride)


def _areas(part: Areas, frame: Frame) -> Iterator[Counted]:
    for threshold in part.thresholds:
        for marks in part.counts:
            for cell in _cells(frame, part.cell, part.cell):
                yield Counted(0, threshold, marks, tuple(cell.pieces(frame, 0, alone=True)))


def _edges(part: Edges, frame: Frame) -> Iterator[Counted]:
    image = _Rectangle(0, 0, *frame.planes[1:])
    for down, right in part.vectors:
        offset = frame.address(0, down, right)
        for swapped in (False, True):
            for marks in part.counts:
                for cell in _cells(frame, part.cell, STRIDE):
                    # Neighbours outside the image are 0: exceeded like a threshold alone, and
                    # exceeding nothing themselves.
                    inside = cell.within(image.moved(-down, -right))
                    if swapped:
                        there = inside.moved(down, right)
                        pieces = tuple(there.pieces(frame, 0, alone=False))
                        yield Counted(-offset, part.threshold, marks, pieces)
                        continue
                    pieces = tuple(inside.pieces(frame, 0, alone=False))
                    for rest in cell.without(inside) if pieces else [cell]:
                        pieces += tuple(rest.pieces(frame, 0, alone=True))
                    yield Counted(offset, part.threshold, marks, pieces)


def _comparisons(part: Comparisons, frame: Frame) -> Iterator[Counted]:
    assert part.table is not None
    if part.thresholds:
        raise ConfigurationError(
            "a program compares samples as they come, and comparisons with t=... compare how many "
            "thresholds they exceed: train on samples of few levels, and leave t=... out"
        )
    part.check(frame.planes)
    for bit in part.table:
        yield _comparison(bit, frame)


def _comparison(bit: Comparison, frame: Frame) -> Counted:
    image = _Rectangle(0, 0, *frame.planes[1:])
    # A pixel whose neighbour lies outside the image is not marked.
    marked = _Rectangle(*bit[5:9]).within(image.moved(-bit.dy, -bit.dx))
    alone = bit.alone
    offset = frame.address(bit.other - bit.colour, bit.dy, bit.dx)
    pieces = tuple(marked.pieces(frame, bit.colour, alone=alone))
    return Counted(0 if alone else offset, _whole(bit.threshold), bit.marks, pieces)
