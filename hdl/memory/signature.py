"""What a memory beside the FPGA looks like from inside: words that are asked for, and stored.

Words are 64 bits. Word a holds the bytes 8 a to 8 a + 7 of the memory, the first in its low bits.
"""

from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..shape import LANES

ADDRESS_BITS = 24
"""Of the address of a word: 128 MiB."""

COUNT_BITS = 12
"""Of a number of words."""


class Request(data.StructLayout):
    """Some words in the order of their addresses, at least one.

    Address bits beyond the size of a memory are ignored, and behind its last word comes its first.
    """

    def __init__(self) -> None:
        super().__init__({"address": ADDRESS_BITS, "words": COUNT_BITS})


class Fetch(wiring.Signature):
    """Who reads asks for words and takes them, in the order in which they were asked for.

    A memory that can prepare for a request accepts it while words of the one before are still to
    come. No other one does, so nobody may wait for a request to be accepted before taking the words
    of the one before. Words wait until they are taken, for ever if need be.

    Interface attributes
    --------------------
    request : Out(stream of Request)
    words : In(stream of 64 bits)
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "request": Out(stream.Signature(Request())),
                "words": In(stream.Signature(LANES)),
            }
        )


class Placed(data.StructLayout):
    """A word, and where it goes."""

    def __init__(self) -> None:
        super().__init__({"address": ADDRESS_BITS, "data": LANES})


class Store(wiring.Signature):
    """Who writes offers words, which are written in order.

    A request that is accepted later than a word sees this word.

    Interface attributes
    --------------------
    words : Out(stream of Placed)
    """

    def __init__(self) -> None:
        super().__init__({"words": Out(stream.Signature(Placed()))})


class Part(data.StructLayout):
    """A part of an instruction to a flash memory: up to 16 nibbles, a clock each, lowest first.

    With ``short`` there are 8 of them. With ``ends``, the instruction is complete; without, the
    chip waits for the next part, unless something is read before, which ends the instruction there.
    """

    def __init__(self) -> None:
        super().__init__({"data": LANES, "short": 1, "ends": 1})
