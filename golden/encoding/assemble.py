"""From a fitted encoder to its program."""

from collections.abc import Iterable, Iterator, Sequence

from ..errors import ConfigurationError, DataError
from .counted import ONE, ZERO, Counted, Piece, counted_bits
from .encoders import Encoder
from .program import MOST_COUNTED, MOST_MARKS, Frame, Kind, Program, pack_word

GROUP = 64
"""A program delivers a multiple of so many bits: whole words of samples."""


def assemble(
    encoder: Encoder,
    shape: Sequence[int],
    *,
    border: int = 0,
    width: int | None = None,
    align: int = 1,
) -> Program:
    """Return the program of an encoder for samples of 8-bit numbers.

    Parameters
    ----------
    encoder : Encoder
        Fitted.
    shape : sequence of int
        Of a sample.
    border : int
        Of images in memory: 1 if they are to be seen in all views.
    width : int, optional
        Bits to be delivered, zeros behind those of the encoder, a multiple of :data:`GROUP`; None:
        as few as there can be.
    align : int
        Of the frame: bytes come in groups of so many.

    Raises
    ------
    DataError
        If the encoder is not fitted, or does not suit such samples.
    ConfigurationError
        If a program cannot do what a part does.
    """
    if not encoder.ready:
        raise DataError(f"encoder {encoder.spec!r} must be fitted to training data first")
    frame = Frame(tuple(shape), border, align)
    bits = encoder.bits(frame.shape)
    width = -(-bits // GROUP) * GROUP if width is None else width
    if width < bits or width % GROUP:
        raise ConfigurationError(
            f"width must be a multiple of {GROUP} and at least the {bits} bits of encoder "
            f"{encoder.spec!r}, not {width}"
        )
    parts, columns = encoder.needed(frame.shape)
    made = [bit for part in parts for bit in counted_bits(part, frame)]
    different = [made[column] for column in columns]
    every = [*encoder.copies * different, *encoder.ones * [ONE], *(width - bits) * [ZERO]]
    words = (
        pack_word(Kind.FRAME, pitch=frame.pitch, last=frame.bytes - 1),
        *_words_of(every),
        pack_word(Kind.END),
    )
    return Program(words, frame, bits, width)


def _words_of(bits: Iterable[Counted]) -> Iterator[int]:
    """Yield maps and pieces; what is marked is only said where it changes."""
    offset = threshold = None
    for bit in bits:
        if bit.marks >= bit.area:
            # Never more, whatever is marked: a byte that is there, and a count that is not.
            yield _piece_word(Piece(0, 1, 1, alone=True), MOST_MARKS, more=False)
            continue
        if bit.marks > MOST_MARKS or bit.area > MOST_COUNTED:
            raise ConfigurationError(
                f"a program tells whether more than 0 to {MOST_MARKS} of up to {MOST_COUNTED} "
                f"pixels are marked; a bit of the encoder, more than {bit.marks} of {bit.area}"
            )
        if bit.threshold != threshold or not (bit.alone or bit.offset == offset):
            offset, threshold = bit.offset, bit.threshold
            yield pack_word(Kind.MAP, offset=offset, threshold=threshold)
        for number, piece in enumerate(bit.pieces, 1):
            yield _piece_word(piece, bit.marks, more=number < len(bit.pieces))


def _piece_word(piece: Piece, marks: int, *, more: bool) -> int:
    return pack_word(
        Kind.PIECE,
        more=int(more),
        alone=int(piece.alone),
        address=piece.address,
        rows=piece.rows - 1,
        columns=piece.columns - 1,
        marks=marks,
    )
