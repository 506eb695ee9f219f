"""Encoder programs: a fitted encoder as a flat table of words, for hardware that has no encoders.

Every bit of every encoder of this package is the same thing, ``marked pixels > marks``: pixels that
exceed a neighbour, or nothing, by more than a threshold, counted in rectangles. A program says so
bit by bit, in words of :data:`WORD_BITS` bits, for samples of 8-bit numbers that lie in a memory of
bytes. There are four kinds of words:

``FRAME``
    The first one: bytes from a row of an image to the next (``pitch``), and the address of the last
    byte of an image (``last``).
``MAP``
    What marks pixels from here on: the byte at address a is marked if it exceeds the one at
    ``a + offset`` by more than ``threshold``.
``PIECE``
    Count the marked bytes of a rectangle of ``rows + 1`` times ``columns + 1`` that begins at
    ``address``. With ``alone`` bytes are compared with the threshold alone. If ``more`` pieces of
    the same bit follow, the count goes on in the next; otherwise the bit is whether it exceeds the
    ``marks`` of the bit's first piece.
``END``
    The last one. A word of zeros is one.

Addresses are those of pixels in an image without a border. In memory, an image may have one, so
that it can be seen in other views: :class:`Frame`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import ConfigurationError, DataError
from .axes import colours_first, is_image
from .cells import eight_bits
from .comparisons import planes_shape
from .shifts import SHIFTS

WORD_BITS = 32

ADDRESS_BITS = 12
"""Of a byte of an image."""

MOST_BYTES = 1 << ADDRESS_BITS
"""Of an image in memory."""

MOST_SIDE = 16
"""Rows and columns of a piece at most."""

MOST_MARKS = (1 << 9) - 1
"""Marked pixels that can be asked for."""

MOST_COUNTED = 1 << 10
"""Pixels of all pieces of a bit at most: counts from ``-MOST_MARKS - 1`` on fit eleven bits."""

NEVER, ALWAYS = 255, -256
"""Thresholds that no difference of two bytes exceeds, and that every one does."""


class Kind(IntEnum):
    """Kinds of words; all but a PIECE say theirs in three bits, a PIECE in the lowest alone."""

    END = 0
    PIECE = 1
    FRAME = 2
    MAP = 4


class Field(NamedTuple):
    """Where something stands in a word.

    Attributes
    ----------
    name : str
    bits : int
    signed : bool
        Two's complement.
    """

    name: str
    bits: int
    signed: bool = False


KIND_BITS = 3
PIECE_BITS = 1
"""Bits that say the kind of a word, and of a PIECE."""

FIELDS: Mapping[Kind, tuple[Field, ...]] = {
    Kind.END: (),
    Kind.PIECE: (
        *(Field("more", 1), Field("alone", 1)),
        Field("address", ADDRESS_BITS),
        Field("rows", (MOST_SIDE - 1).bit_length()),
        Field("columns", (MOST_SIDE - 1).bit_length()),
        Field("marks", MOST_MARKS.bit_length()),
    ),
    Kind.FRAME: (Field("pitch", ADDRESS_BITS), Field("last", ADDRESS_BITS)),
    Kind.MAP: (Field("offset", ADDRESS_BITS + 1, signed=True), Field("threshold", 9, signed=True)),
}
"""What follows the kind of a word, the lowest bits first."""


def pack_word(kind: Kind, **values: int) -> int:
    """Return a word.

    Raises
    ------
    ValueError
        If a field is missing, unknown or too large.
    """
    fields = FIELDS[kind]
    if values.keys() != {field.name for field in fields}:
        raise ValueError(f"{kind.name} has {', '.join(f.name for f in fields)}, not {set(values)}")
    word, place = int(kind), PIECE_BITS if kind == Kind.PIECE else KIND_BITS
    for name, bits, signed in fields:
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
        if not low <= values[name] <= high:
            raise ValueError(f"{name} of {kind.name} must be {low} to {high}, not {values[name]}")
        word |= (values[name] & (1 << bits) - 1) << place
        place += bits
    return word


def unpack_word(word: int) -> tuple[Kind, dict[str, int]]:
    """Return kind and fields of a word."""
    piece = word & ((1 << PIECE_BITS) - 1)
    kind = Kind.PIECE if piece else Kind(word & ((1 << KIND_BITS) - 1))
    place = PIECE_BITS if piece else KIND_BITS
    values = {}
    for name, bits, signed in FIELDS[kind]:
        value = word >> place & ((1 << bits) - 1)
        values[name] = value - (value >> (bits - 1) << bits) if signed else value
        place += bits
    return kind, values


@dataclass(frozen=True)
class Frame:
    """How a sample of 8-bit numbers lies in memory: colour by colour, row by row.

    Samples that are no images are one row.

    Attributes
    ----------
    shape : tuple of int
        Of a sample.
    border : int
        Rows and columns around each colour, in which its outermost ones are repeated; 1 for other
        views than the image as it is.
    align : int
        Bytes are a multiple of it; those behind the sample are zeros.

    Raises
    ------
    DataError
        If a sample has more bytes than :data:`MOST_BYTES`.
    """

    shape: tuple[int, ...]
    border: int = 0
    align: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.bytes <= MOST_BYTES:
            raise DataError(
                f"samples of {' x '.join(map(str, self.shape))} take {self.bytes} bytes with a "
                f"border of {self.border}, and an encoder program has 1 to {MOST_BYTES}"
            )

    @property
    def planes(self) -> tuple[int, int, int]:
        """Colours, height and width, without border."""
        if is_image(self.shape):
            return planes_shape(self.shape)
        return 1, 1, int(np.prod(self.shape))

    @property
    def pitch(self) -> int:
        """Bytes from a row to the next."""
        return self.planes[2] + 2 * self.border

    @property
    def plane(self) -> int:
        """Bytes from a colour to the next."""
        return (self.planes[1] + 2 * self.border) * self.pitch

    @property
    def bytes(self) -> int:
        """Of a sample in memory."""
        return -(-self.planes[0] * self.plane // self.align) * self.align

    def address(self, colour: int, row: int, column: int) -> int:
        """Return the address of a pixel, as words of a program have it."""
        return colour * self.plane + row * self.pitch + column

    def addresses(self) -> npt.NDArray[np.int64]:
        """Return the address of each number of a sample, in the order of its axes."""
        colours, height, width = self.planes
        colour, row, column = np.ogrid[:colours, :height, :width]
        places = colour * self.plane + row * self.pitch + column
        if len(self.shape) == 3 and is_image(self.shape) and not colours_first(self.shape):
            places = places.transpose(1, 2, 0)
        return places.reshape(-1)

    def origin(self, view: int) -> int:
        """Return what is added to all addresses to see an image in a view.

        Parameters
        ----------
        view : int
            Which of :data:`~metabit.golden.encoding.shifts.SHIFTS`.

        Raises
        ------
        ConfigurationError
            If the border is too narrow for it.
        """
        down, right = SHIFTS[view]
        if max(abs(down), abs(right)) > self.border:
            raise ConfigurationError(
                f"view {view} moves an image by {down} rows and {right} columns: it needs a border "
                f"of {max(abs(down), abs(right))}, not {self.border}"
            )
        return (self.border - down) * self.pitch + self.border - right

    def pack(self, samples: npt.NDArray) -> npt.NDArray[np.uint8]:
        """Return samples as they lie in memory, shape (n, bytes).

        Parameters
        ----------
        samples : ndarray of int, shape (n, ...)
            Numbers of 0 to 255.

        Raises
        ------
        DataError
            If they are of another shape or type.
        """
        if samples.shape[1:] != self.shape:
            raise DataError(f"samples must be of {self.shape}, not of {samples.shape[1:]}")
        numbers = eight_bits("encoder programs", samples).reshape(len(samples), -1)
        planes = np.empty((len(samples), self.plane * self.planes[0]), np.uint8)
        planes[:, self.addresses()] = numbers
        if not self.border:
            return self._whole(planes)
        colours, height, width = self.planes
        inner = np.empty((len(samples), colours, height, width), np.uint8)
        rows = planes.reshape(len(samples), colours, -1, self.pitch)
        inner[...] = rows[:, :, :height, :width]
        around = (self.border, self.border)
        padded = np.pad(inner, ((0, 0), (0, 0), around, around), "edge")
        return self._whole(padded.reshape(len(samples), -1))

    def _whole(self, planes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Return samples with zeros behind them, up to :attr:`bytes`."""
        return np.pad(planes, ((0, 0), (0, self.bytes - planes.shape[1])))


@dataclass(frozen=True)
class Program:
    """An encoder as a table.

    Attributes
    ----------
    words : tuple of int
        From FRAME to END.
    frame : Frame
        Of the samples.
    bits : int
        That the encoder delivers.
    width : int
        Bits that the program delivers: these, then zeros.
    """

    words: tuple[int, ...]
    frame: Frame
    bits: int
    width: int

    @property
    def pieces(self) -> tuple[dict[str, int], ...]:
        """Fields of all pieces, in order."""
        unpacked = map(unpack_word, self.words)
        return tuple(fields for kind, fields in unpacked if kind == Kind.PIECE)
