"""What the host writes and reads to have stored samples played: words of the space PLAYER."""

from typing import TYPE_CHECKING

from ..memory.signature import ADDRESS_BITS
from ..memory.signature import COUNT_BITS as WORDS_BITS
from ..shape import LANES, Shape
from .checksum import CRC_BITS

if TYPE_CHECKING:
    # Type checkers know the standard library's enumerations, and only those.
    import enum
else:
    from amaranth.lib import enum

PLACE_BITS = 18
"""Most bits of the place of a sample: see :func:`place_bits`."""

RECORD_BITS = 8
"""Bits of the number of words of a record."""

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


def place_bits(shape: Shape) -> int:
    """Return the bits of the place of a sample: of how many samples a stored data set can be."""
    return 16 if shape.stored == "flash" else PLACE_BITS


def address_bits(shape: Shape) -> int:
    """Return the bits of the address of a word: a flash memory has 16 MiB."""
    return 21 if shape.stored == "flash" else ADDRESS_BITS


class Register(enum.Enum, shape=2):  # type: ignore[call-arg]
    """Addresses of what is written."""

    DATA = 0
    ORDER = 1
    SPAN = 2
    INSTRUCTION = 3
    """Flash only: an instruction of 8 clocks, in the low nibbles; the others are sent through the
    window."""


PROGRESS_WORD = {"right": (0, PLACE_BITS), "busy": (31, 1)}
"""Of word 0, as it is read: samples judged right since the last played run began; ``busy``: it has
not ended, or a check has not. Reports have 32 bits; the other half of a word means nothing."""

CHECKED_WORD = {"crc": (0, CRC_BITS)}
"""Of word 1, as it is read: the checksum of the words that the last check has played."""


REPORT_BITS = 32
"""Bits of a word that is read, but for those of memory and of the conductor."""


class Report(enum.Enum, shape=2):  # type: ignore[call-arg]
    """Addresses of what is read."""

    PROGRESS = 0
    CHECKED = 1


WINDOW = 32
"""Words from this address on are memory, from word ``base`` of the data set on.

Flash: parts of an instruction are written there, 16 nibbles each, the last part to the last word of
the window. Each word that is read, whichever, is the next record, of one word, of the data set in
its order."""

PROGRAM = 64
"""Words from this address on are the conductor's."""

HISTORY = 128
"""Words from this address on are what the conductor's epochs have come to ..."""

HISTORY_EPOCHS = 128
"""... the last ones, so many."""

CONFUSION = 256
"""Words from this address on are what has been predicted of each class ..."""

CONFUSION_CLASSES = 16
"""... for so many numbers of classes: first what was predicted of number 0."""

EPOCH_BITS = 12
"""Bits of the number of an epoch: a program has at most 4,094 epochs."""

ANNEALED = ("annealed_0", "annealed_1", "annealed_2")

DAMPED = ("damped_0", "damped_1", "damped_2")

EPOCHS_WORD = {
    name: (place * EPOCH_BITS, EPOCH_BITS)
    for place, name in enumerate(("epoch", "epochs", *ANNEALED))
} | {"busy": (63, 1)}
"""Of program word 2: the next epoch, from 1, the last one, and the last epochs before the annealing
exponent grows; ``busy``, as it is read: the program has not ended."""

DAMPING_WORD = {name: (place * PLACE_BITS, PLACE_BITS) for place, name in enumerate(DAMPED)}
"""Of program word 3: most errors of the epoch before with which damping is 1, 2 and 3 at least."""

STATE_WORD = {"generator": (0, 32), "errors": (32, PLACE_BITS)}
"""Of program word 4: state of the generator of strides, and errors of the epoch before."""

MASKS_WORD = {"train_mask": (0, PLACE_BITS), "test_mask": (PLACE_BITS, PLACE_BITS)}
"""Of program word 5: places less one, of training and test set."""

EPOCH_WORD = {
    "train_errors": (0, PLACE_BITS),
    "test_errors": (PLACE_BITS, PLACE_BITS),
    "epoch": (2 * PLACE_BITS, EPOCH_BITS),
}
"""Of the history: an epoch, from 1, lies at its number modulo :data:`HISTORY_EPOCHS`."""


COUNT_WORD = {"count": (0, PLACE_BITS)}
"""Of the counts by class: samples of class ``label`` that the last played run, of training or test,
has taken for class ``prediction`` lie at ``CONFUSION + label * CONFUSION_CLASSES + prediction``,
classes by the numbers that the device knows them by. Mean nothing while something is played, or
with a number of a class beyond."""


class Program(enum.Enum, shape=3):  # type: ignore[call-arg]
    """Places of the words of a program."""

    TRAIN = 0
    """Where the training set lies: :data:`DATA_WORD`."""
    TEST = 1
    """The same of the test set; without samples, there is none."""
    EPOCHS = 2
    DAMPING = 3
    STATE = 4
    MASKS = 5


ADDRESSES = {"none": 0, "flash": 64, "sdram": CONFUSION + CONFUSION_CLASSES**2}
"""Words of the space PLAYER, by the memory beside the device."""

assert max(start + width for start, width in ORDER_WORD.values()) <= LANES
