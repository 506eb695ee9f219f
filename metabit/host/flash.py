"""A flash memory behind a device, at the host's command: erase, program, read."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ..golden.strides import Strides
from ..hdl.bundles import Space
from ..hdl.link.protocol import MAX_READ, MAX_WORDS, WORD_BYTES, Operation
from ..hdl.play.registers import DATA_WORD, ORDER_WORD, WINDOW, Register
from ..hdl.setup import pack
from .driver import Driver
from .errors import DeviceError
from .packets import Request
from .packing import Words
from .playing import StoredData, write_registers

BLOCK = 1 << 16
"""Bytes that are erased together."""

PAGE = 256
"""Bytes that are programmed together."""

BLOCK_ERASE = 2.0
"""Seconds that erasing a block takes at the longest, as the data sheet of the W25Q128JV says. The
device does not ask the chip whether it is done."""

PAGE_PROGRAM = 3e-3
"""The same of programming a page."""

_ERASE_BLOCK, _PROGRAM_PAGE, _ENABLE, _DISABLE = 0xD8, 0x32, 0x06, 0x04

_CODE_BITS, _ADDRESS_BITS = 8, 24

_NIBBLES = 2 * WORD_BYTES
"""Of a part of an instruction."""

_MOST_READ = 1 << 15
"""Words that are read in one order, in any case."""

Nibbles = npt.NDArray[np.uint8]


class FlashMemory:
    """Erases, programs and reads the flash memory that a device plays samples from.

    Nothing may run on the device. Its network stays, but for :meth:`settle`.

    Parameters
    ----------
    driver : Driver

    Raises
    ------
    DeviceError
        If the device has no such memory.
    """

    def __init__(self, driver: Driver) -> None:
        if not driver.shape.keeps:
            raise DeviceError(
                f"device {driver.shape.name} has no flash memory that the host can write"
            )
        self._driver = driver

    def settle(self) -> None:
        """Wait until the chip is done with what anybody before has begun, and end what he has not.

        The device must be loaded anew. A page of which a part has come is programmed so far.
        """
        self._driver.ask(Request(Operation.RESET))
        self._wait(BLOCK_ERASE)
        self._instruct_briefly(_DISABLE)
        self._wait(PAGE_PROGRAM)

    def erase(self, address: int) -> None:
        """Set all bits of the block at a byte address, a multiple of :data:`BLOCK`."""
        self._instruct_briefly(_ENABLE)
        self._instruct(_serial(_ERASE_BLOCK, _CODE_BITS), _serial(address, _ADDRESS_BITS))
        self._wait(BLOCK_ERASE)

    def program(self, address: int, page: bytes) -> None:
        """Write bytes to an erased page, from its beginning at a byte address on.

        Parameters
        ----------
        address : int
            A multiple of :data:`PAGE`.
        page : bytes
            A multiple of a word of 8 bytes, and at most :data:`PAGE`.
        """
        data = np.frombuffer(page, np.uint8)
        # A byte goes with its high half first.
        halves = np.stack([data >> 4, data & 0xF], axis=1).reshape(-1)
        self._instruct_briefly(_ENABLE)
        head = _serial(_PROGRAM_PAGE, _CODE_BITS), _serial(address, _ADDRESS_BITS)
        self._instruct(*head, halves)
        self._wait(PAGE_PROGRAM)

    def read(self, address: int, count: int) -> bytes:
        """Return bytes from an address on, both multiples of a word of 8 bytes."""
        words = b""
        for start in range(0, count, _MOST_READ * WORD_BYTES):
            part = min(count - start, _MOST_READ * WORD_BYTES)
            words += self._read((address + start) // WORD_BYTES, part // WORD_BYTES)
        return words

    def _read(self, address: int, count: int) -> bytes:
        # Words are the records of a data set, each of which a READ of the window takes in order.
        order = Strides.in_order(count)
        where = {"base": address, "words": 1, "samples": count}
        how = {"mask": order.mask, "stride": order.stride, "place": order.first}
        self._driver.ask(
            write_registers(Register.DATA, pack(DATA_WORD, where), pack(ORDER_WORD, how))
        )

        def requests() -> Iterator[Request]:
            for start in range(0, count, MAX_READ):
                most = min(MAX_READ, count - start)
                yield Request(Operation.READ, most, Space.PLAYER, address=WINDOW)

        return b"".join(self._driver.requester.stream(requests()))

    def _instruct_briefly(self, code: int) -> None:
        """Give an instruction of nothing but its code."""
        word = int(_words(_serial(code, _CODE_BITS))[0])
        self._driver.ask(write_registers(Register.INSTRUCTION, word))

    def _instruct(self, *nibbles: Nibbles) -> None:
        """Give an instruction, whose end is the end of the window."""
        words = _words(np.concatenate(nibbles))
        parts = np.array_split(words, -(-len(words) // MAX_WORDS))
        for number, part in enumerate(parts):
            last = number == len(parts) - 1
            address = WINDOW + (WINDOW - len(part) if last else 0)
            data = part.astype("<u8").tobytes()
            self._driver.ask(
                Request(Operation.WRITE, len(part), Space.PLAYER, address=address, data=data)
            )

    def _wait(self, seconds: float) -> None:
        self._driver.transport.pause(seconds)


def where_it_lies(address: int, count: int) -> StoredData:
    """Return bytes of the memory as a data set, for the device to take their checksum."""
    return StoredData(address // WORD_BYTES, 1, count // WORD_BYTES)


def _serial(value: int, bits: int) -> Nibbles:
    """Return what is sent on one line, the highest bit first; the other lines stay high."""
    return np.array([0b1110 | value >> bit & 1 for bit in reversed(range(bits))], np.uint8)


def _words(nibbles: Nibbles) -> Words:
    """Return nibbles in words, the first in the low bits; the last word may be filled up."""
    whole = np.zeros(-(-len(nibbles) // _NIBBLES) * _NIBBLES, np.uint8)
    whole[: len(nibbles)] = nibbles
    return (whole[0::2] | whole[1::2] << 4).view("<u8")
