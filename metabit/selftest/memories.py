"""Whether every memory that can be read keeps what is written, at every address."""

import numpy as np

from ..golden.encoding.program import WORD_BITS
from ..hdl.bundles import Space
from ..hdl.setup import TABLE
from ..hdl.shape import LANES, Shape
from ..host.driver import Driver
from ..host.packing import Words
from .bench import Bench
from .outcome import FaultError

_NUMBER_BITS = 32
"""Of a word of the generator and of the statistics."""

_GENERATOR_WORDS = 64
"""Random states that the generator is given, besides those of a single bit."""


def counters(bench: Bench) -> str:
    """Write random words into all counters, and the complement of each; read them back."""
    shape = bench.shape
    return _fill(bench, Space.COUNTERS, Space.COUNTERS, shape.depth * shape.parts)


def signs(bench: Bench) -> str:
    """Do the same with the signs that the last update has left, of block RAM devices."""
    if bench.shape.memory == "spram":
        return "none: signs lie in the counters, and the copy that is seen cannot be read"
    return _fill(bench, Space.SIGNS, Space.CURRENT, bench.shape.depth)


def generator(bench: Bench) -> str:
    """Give the generator states of every bit, and read them back."""
    states = [1 << bit for bit in range(_NUMBER_BITS)]
    states += [((1 << _NUMBER_BITS) - 1) ^ state for state in states]
    states += bench.random().integers(1, 1 << _NUMBER_BITS, _GENERATOR_WORDS).tolist()
    bench.reset_line()
    with bench.driver() as driver:
        for state in states:
            driver.write_space(Space.GENERATOR, np.array([state], np.uint64))
            if driver.generator_state != state:
                raise FaultError(
                    f"the generator was given {state:#010x}, and holds "
                    f"{driver.generator_state:#010x}"
                )
    return f"{len(states)} states"


def table(bench: Bench) -> str:
    """Write random words into the encoder's table, and their complement; read them back."""
    sizes = bench.shape.encodes
    if sizes is None:
        return "none: the device has no encoder"
    random = bench.random().integers(0, 1 << WORD_BITS, sizes.words, np.uint64)
    every = np.uint64((1 << WORD_BITS) - 1)
    bench.reset_line()
    with bench.driver() as driver:
        for words in (random, random ^ every):
            driver.write_space(Space.SETUP, words, first=TABLE)
            _compare(driver, Space.SETUP, 0, words, TABLE)
    return f"{sizes.words:,} words of {WORD_BITS} bits, and their complement"


def _fill(bench: Bench, written: Space, read: Space, count: int) -> str:
    """Write all words of all elements before any is read, so that no two are one.

    Parameters
    ----------
    bench : Bench
    written, read : Space
        Where words are written, and where they are read.
    count : int
        Words of an element.
    """
    shape = bench.shape
    random = bench.random().integers(0, 1 << LANES, (shape.elements, count), np.uint64)
    bench.reset_line()
    with bench.driver() as driver:
        for words in (random, ~random):
            for element in range(shape.elements):
                driver.write_space(written, words[element], element)
            for element in range(shape.elements):
                _compare(driver, read, element, words[element])
    return f"{random.size:,} words of 64 bits in {shape.elements} elements, and their complement"


def _compare(driver: Driver, space: Space, element: int, expected: Words, first: int = 0) -> None:
    found = driver.read_space(space, len(expected), element, first)
    wrong = np.flatnonzero(found != expected)
    if len(wrong):
        place, difference = int(wrong[0]), int(found[wrong[0]] ^ expected[wrong[0]])
        bit = (difference & -difference).bit_length() - 1
        raise FaultError(
            f"{space.name} of element {element}, {_place(driver.shape, space, first + place)}: "
            f"bit {bit} "
            f"is {int(found[place]) >> bit & 1}, and {int(expected[place]) >> bit & 1} was written "
            f"({difference.bit_count()} bits of the word and {len(wrong):,} of {len(expected):,} "
            "words of the element differ)"
        )


def _place(shape: Shape, space: Space, place: int) -> str:
    if space is not Space.COUNTERS:
        return f"address {place}"
    address, part = divmod(place, shape.parts)
    return f"address {address}, part {part}"
