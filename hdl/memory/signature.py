"""What a controller of a memory chip offers: words of 64 bits, one after the other."""

from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..shape import LANES

ADDRESS_BITS = 24
"""Bits of an address in words of 64 bits: 128 MiB."""

WORDS_BITS = 12
"""Bits of the number of words of a request."""


class FetchRequest(data.StructLayout):
    """``words`` words, at least 1, from word ``address`` on."""

    def __init__(self) -> None:
        super().__init__({"address": ADDRESS_BITS, "words": WORDS_BITS})


class Fetch(wiring.Signature):
    """Read words: requests, and their words in order, as seen by who asks."""

    def __init__(self) -> None:
        super().__init__(
            {
                "request": Out(stream.Signature(FetchRequest())),
                "words": In(stream.Signature(LANES)),
            }
        )


class StoreRequest(data.StructLayout):
    """A word to be written."""

    def __init__(self) -> None:
        super().__init__({"address": ADDRESS_BITS, "data": LANES})
