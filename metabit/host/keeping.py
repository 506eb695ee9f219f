"""What is kept in a board's flash: two slots, of which one is whole whenever power may fail."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from ..hdl.link.protocol import WORD_BYTES
from ..hdl.play.registers import address_bits
from ..hdl.shape import Shape
from .driver import Driver
from .errors import DeviceError
from .flash import BLOCK, PAGE, FlashMemory, where_it_lies
from .playing import Player

SLOTS = 2

SLOT_BYTES = 8 * BLOCK

CAPACITY = SLOT_BYTES - PAGE
"""Most bytes that can be kept: the first page of a slot is its head."""

_MAGIC = b"METABIT\x01"

_HEAD = struct.Struct("<8sIII")
"""Magic, number, bytes, CRC-32 of these; behind it comes the CRC-32 of this."""

_CRC = struct.Struct("<I")

_HEAD_BYTES = _HEAD.size + _CRC.size


def first_slot(shape: Shape) -> int:
    """Return the byte address of the slots: they are the end of the memory."""
    return (WORD_BYTES << address_bits(shape)) - SLOTS * SLOT_BYTES


@dataclass(frozen=True)
class Slot:
    """What a slot holds.

    Attributes
    ----------
    place : int
        Which slot, from 0.
    number : int or None
        Number of what is kept, the newest has the highest; None: nothing that may be used.
    contents : bytes
        What is kept.
    fault : str
        Why there is nothing, in words; empty if there is.
    """

    place: int
    number: int | None
    contents: bytes = b""
    fault: str = ""

    def __str__(self) -> str:
        if self.number is None:
            return f"slot {self.place}: {self.fault}"
        return f"slot {self.place}: number {self.number}, {len(self.contents):,} bytes"


class Keeper:
    """Keeps bytes in a device's flash, and finds them after whatever has happened.

    A slot is a head, a page, and contents behind it. Who keeps something erases the slot that is
    not the newest, writes the contents, has the device take their checksum, and writes the head
    last. So the newest slot stays as it is until the other one is whole, and a slot whose head or
    contents do not have their checksum is none.

    Parameters
    ----------
    driver : Driver
        Nothing runs there; must be loaded anew.
    report : callable
        Called with what takes time, in words.

    Raises
    ------
    DeviceError
        If the device has no flash memory.
    """

    def __init__(self, driver: Driver, report: Callable[[str], None] = lambda step: None) -> None:
        self._flash = FlashMemory(driver)
        self._driver = driver
        self._report = report
        self._first = first_slot(driver.shape)
        self._flash.settle()
        self._slots = [self._look(place) for place in range(SLOTS)]

    @property
    def slots(self) -> list[Slot]:
        """All slots."""
        return list(self._slots)

    @property
    def newest(self) -> Slot | None:
        """What was kept last and is whole."""
        whole = [slot for slot in self._slots if slot.number is not None]
        return max(whole, key=_number, default=None)

    def keep(self, contents: bytes) -> None:
        """Keep bytes instead of those of the older slot.

        Raises
        ------
        DeviceError
            If they are too many, or the memory does not hold what is written to it.
        """
        if not 0 < len(contents) <= CAPACITY:
            raise DeviceError(
                f"{len(contents):,} bytes cannot be kept in the flash; a slot has {CAPACITY:,}"
            )
        newest = self.newest
        place = 0 if newest is None else (newest.place + 1) % SLOTS
        number = 1 if newest is None else _number(newest) + 1
        start = self._first + place * SLOT_BYTES
        padded = contents.ljust(-(-len(contents) // WORD_BYTES) * WORD_BYTES, b"\xff")
        self._slots[place] = Slot(place, None, fault="being written")
        for address in range(start, start + PAGE + len(padded), BLOCK):
            self._flash.erase(address)
        for offset in range(0, len(padded), PAGE):
            self._flash.program(start + PAGE + offset, padded[offset : offset + PAGE])
        player, written = Player(self._driver), where_it_lies(start + PAGE, len(padded))
        if player.checksum(written) != zlib.crc32(padded):
            raise DeviceError(
                f"slot {place} of the flash does not hold what was written to it; slot "
                f"{(place + 1) % SLOTS} is as before"
            )
        head = _HEAD.pack(_MAGIC, number, len(contents), zlib.crc32(contents))
        head += _CRC.pack(zlib.crc32(head))
        self._flash.program(start, head)
        if self._flash.read(start, len(head)) != head:
            raise DeviceError(f"the head of slot {place} of the flash is not as it was written")
        self._slots[place] = Slot(place, number, contents)
        self._report(str(self._slots[place]))

    def _look(self, place: int) -> Slot:
        """Read a slot."""
        start = self._first + place * SLOT_BYTES
        head = self._flash.read(start, _HEAD_BYTES)
        told, (crc,) = head[: _HEAD.size], _CRC.unpack(head[_HEAD.size :])
        if head == b"\xff" * len(head):
            return Slot(place, None, fault="nothing that was kept to the end")
        if zlib.crc32(told) != crc:
            return Slot(place, None, fault="its head is damaged, or was not written to the end")
        magic, number, count, expected = _HEAD.unpack(told)
        if magic != _MAGIC or not 0 < count <= CAPACITY:
            return Slot(place, None, fault="of another program, or another version of this one")
        padded = self._flash.read(start + PAGE, -(-count // WORD_BYTES) * WORD_BYTES)
        contents = padded[:count]
        if zlib.crc32(contents) != expected:
            return Slot(place, None, fault=f"number {number} is damaged: its checksum is another")
        return Slot(place, number, contents)


def _number(slot: Slot) -> int:
    assert slot.number is not None
    return slot.number
