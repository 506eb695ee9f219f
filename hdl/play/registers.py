"""What the host writes and reads to have stored samples played: words of the space PLAYER."""

from typing import TYPE_CHECKING

from ..memory.signature import ADDRESS_BITS, WORDS_BITS
from ..shape import LANES

if TYPE_CHECKING:
    # Type checkers know the standard library's enumerations, and only those.
    import enum
else:
    from amaranth.lib import enum

PLACE_BITS = 18
"""Bits of the place of a sample: a stored data set has at most 262,144."""

SPAN_BITS = 15
"""Bits of the number of samples of a span."""

DATA_WORD = {
    "base": (0, ADDRESS_BITS),
    "words": (ADDRESS_BITS, WORDS_BITS),
    "samples": (ADDRESS_BITS + WORDS_BITS, PLACE_BITS),
}
"""First bit and width of each field of word 0: where a data set lies, in words of 64 bits, words of
a record, and their number N."""

ORDER_WORD = {
    "mask": (0, PLACE_BITS),
    "stride": (PLACE_BITS, PLACE_BITS),
    "place": (2 * PLACE_BITS, PLACE_BITS),
}
"""Of word 1: the order, as :mod:`metabit.golden.strides` defines it. ``mask``: places less one;
``place``: the next one. Goes on as samples are played."""

SPAN_WORD = {"span": (0, SPAN_BITS)}
"""Of word 2: samples from one drain to the next."""

COUNT_BITS = 24
"""Bits of a number of samples of a run."""

PROGRESS_WORD = {"samples": (0, COUNT_BITS), "right": (COUNT_BITS, COUNT_BITS), "busy": (63, 1)}
"""Of word 3, which is read: samples judged since the last played run began, and how many of them
were right; ``busy``: it has not ended."""


class Register(enum.Enum, shape=2):  # type: ignore[call-arg]
    """Addresses of the registers."""

    DATA = 0
    ORDER = 1
    SPAN = 2
    PROGRESS = 3


WINDOW = 32
"""Words from this address on are memory, from word ``base`` of the data set on."""

ADDRESSES = 64

assert max(start + width for start, width in ORDER_WORD.values()) <= LANES
