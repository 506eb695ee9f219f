"""Words of 16 weights: their addresses and what travels to and from the weight store."""

from amaranth.hdl import Cat, Value, ValueLike
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2, exact_log2

from ...golden.config import WORD
from .layout import Layout


class Location(data.StructLayout):
    """Where a neuron's weights, or a class's code, begin.

    ``address`` is an address of the sign plane, ``row`` the row of the array.
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__(
            {
                "address": ceil_log2(layout.sign_depth),
                "row": exact_log2(layout.config.array.rows),
            }
        )


class Index(data.StructLayout):
    """Linear index of a word, as ``Layout.weight_index`` computes it."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(
            {
                "chunk": exact_log2(layout.chunks),
                "row": exact_log2(layout.config.array.rows),
                "address": ceil_log2(layout.sign_depth),
            }
        )


def counters_layout(layout: Layout) -> data.ArrayLayout:
    """Sixteen counters, two's complement."""
    return data.ArrayLayout(layout.config.counter_bits, WORD)


class Tag(data.StructLayout):
    """What an update needs to know about a word when its counters arrive."""

    def __init__(self) -> None:
        super().__init__({"inputs": WORD, "enable": WORD, "desired": 1, "reinforce": 1})


class WordRead(data.StructLayout):
    """A word to read: its counters, or only its signs; the tag comes back with it."""

    def __init__(self, layout: Layout) -> None:
        super().__init__({"index": Index(layout), "signs_only": 1, "tag": Tag()})


class Word(data.StructLayout):
    """A word that has been read."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(
            {
                "index": Index(layout),
                "counters": counters_layout(layout),
                "signs": WORD,
                "tag": Tag(),
            }
        )


class WordWrite(data.StructLayout):
    """A word to write.

    The sign plane takes the counters' signs. ``signs_only`` leaves the counter memory alone (the
    classifiers have no counters); ``flips`` tells whether a sign may differ from what is stored.
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__(
            {
                "index": Index(layout),
                "counters": counters_layout(layout),
                "signs_only": 1,
                "flips": 1,
            }
        )


class StoreSignature(wiring.Signature):
    """Interface of a weight store.

    ``fetch`` and ``address`` read a word of signs for every row of the array, one cycle later on
    ``signs`` (row r another r cycles later if the array is systolic). ``read`` requests are
    answered in order on ``word``, which is never held up; a ``write`` takes precedence over a
    ``read``. Fetches must not coincide with reads or writes.
    """

    def __init__(self, layout: Layout) -> None:
        shape = layout.config.array
        super().__init__(
            {
                "fetch": In(1),
                "address": In(ceil_log2(layout.sign_depth)),
                "signs": Out(data.ArrayLayout(shape.lanes, shape.rows)),
                "read": In(stream.Signature(WordRead(layout))),
                "word": Out(stream.Signature(Word(layout), always_ready=True)),
                "write": In(stream.Signature(WordWrite(layout))),
            }
        )


def positive(counters: ValueLike) -> Value:
    """Return the 16 weights of 16 counters: 1 where the counter is not negative."""
    return Cat(~counters[lane][-1] for lane in range(WORD))
