"""The file that is flashed, unpacked into the memories of the FPGA that it is written to.

After a comment and a preamble come commands: a byte whose upper half says what, and whose lower
half says how many bytes of a number follow. Two of them are followed by the contents of a memory
bank, most significant bit first. The format is described by Project IceStorm.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .errors import BitstreamError

Bits = npt.NDArray[np.bool_]

_COMMENT, _COMMENT_END = b"\xff\x00", b"\x00\xff"
_PREAMBLE = b"\x7e\xaa\x99\x7e"

_ACT, _BANK, _CHECK, _WIDTH, _HEIGHT, _OFFSET = 0, 1, 2, 6, 7, 8
"""Kinds of commands that say what the FPGA is then."""

_STARTING = (4, 5, 9)
"""Those that say how it starts: boot address, oscillator of the configuration, warm boot."""

_CONFIGURE, _CONTENTS, _RESET_CHECK, _WAKE_UP = 1, 3, 5, 6
"""Numbers of ``_ACT``: write configuration, write block RAM, and two that say their names."""

_BEHIND_DATA = b"\0\0"

_POLYNOMIAL, _CHECK_START = 0x1021, 0xFFFF
_BYTE = 8


def _table() -> tuple[int, ...]:
    """Return what a byte does to the check, which is CRC-16-CCITT."""
    table = []
    for byte in range(1 << _BYTE):
        check = byte << _BYTE
        for _ in range(_BYTE):
            check = check << 1 ^ (_POLYNOMIAL if check & 0x8000 else 0)
        table.append(check & 0xFFFF)
    return tuple(table)


_TABLE = _table()


def crc(data: bytes, check: int = _CHECK_START) -> int:
    """Return the check of some bytes, behind those whose check is given."""
    for byte in data:
        check = check << _BYTE & 0xFFFF ^ _TABLE[check >> _BYTE ^ byte]
    return check


@dataclass
class Unpacked:
    """What a bitstream writes.

    Attributes
    ----------
    configuration, contents : dict of int to ndarray of bool, shape (height, width)
        Banks of configuration, and of block RAM.
    """

    configuration: dict[int, Bits] = field(default_factory=dict)
    contents: dict[int, Bits] = field(default_factory=dict)


class _Reader:
    """Reads a file in order, and checks it."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self.data = data
        self.place = 0
        self._checked_from = 0
        self._skip_comment()

    def error(self, text: str) -> BitstreamError:
        return BitstreamError(f"{self.name}, byte {self.place}: {text}")

    def _skip_comment(self) -> None:
        if self.data.startswith(_COMMENT):
            end = self.data.find(_COMMENT_END, len(_COMMENT) - 1)
            if end < 0:
                raise self.error("the comment has no end; is this a bitstream of an iCE40?")
            self.place = end + len(_COMMENT_END)
        if self.data[self.place : self.place + len(_PREAMBLE)] != _PREAMBLE:
            raise self.error(
                f"the preamble {_PREAMBLE.hex()} is missing; is this a bitstream of an iCE40?"
            )
        self.place += len(_PREAMBLE)

    def take(self, count: int) -> bytes:
        part = self.data[self.place : self.place + count]
        if len(part) < count:
            raise self.error(f"the file ends where {count} more bytes belong; copy it again")
        self.place += count
        return part

    def command(self) -> tuple[int, int]:
        """Return the next command's kind and number; checks the check's place, too."""
        start = self.place
        (first,) = self.take(1)
        kind, length = divmod(first, 16)
        number = int.from_bytes(self.take(length))
        # The check of all before and of itself is zero.
        if kind == _CHECK and (found := crc(self.data[self._checked_from : self.place])):
            raise BitstreamError(
                f"{self.name}, byte {start}: the check of the bytes before is wrong "
                f"(remainder {found:#06x}); the file is damaged: build or copy it again"
            )
        return kind, number

    def start_check(self) -> None:
        self._checked_from = self.place

    def bank(self, height: int, width: int) -> Bits:
        """Return the contents of a bank."""
        if height * width % _BYTE:
            raise self.error(f"a bank of {height} rows of {width} bits has no whole bytes")
        packed = np.frombuffer(self.take(height * width // _BYTE), np.uint8)
        if (behind := self.take(len(_BEHIND_DATA))) != _BEHIND_DATA:
            raise self.error(f"behind a bank's contents stands {behind.hex()}, not zero")
        return np.unpackbits(packed).reshape(height, width).astype(bool)


def unpack(data: bytes, name: str = "the bitstream") -> Unpacked:
    """Return what a bitstream writes.

    Parameters
    ----------
    data : bytes
        The whole file.
    name : str
        Of the file, for messages.

    Raises
    ------
    BitstreamError
        If it is no bitstream of an iCE40, or a damaged one; the message says at which byte.
    """
    reader = _Reader(name, data)
    parts: dict[int, dict[int, list[tuple[int, Bits]]]] = {_CONFIGURE: {}, _CONTENTS: {}}
    setting = {_BANK: 0, _WIDTH: 0, _HEIGHT: 0, _OFFSET: 0}
    checked = False
    while True:
        kind, number = reader.command()
        if kind in setting:
            setting[kind] = number + 1 if kind == _WIDTH else number
        elif kind == _CHECK:
            checked = True
        elif kind == _ACT and number in parts:
            part = reader.bank(setting[_HEIGHT], setting[_WIDTH])
            parts[number].setdefault(setting[_BANK], []).append((setting[_OFFSET], part))
            checked = False
        elif kind == _ACT and number == _RESET_CHECK:
            reader.start_check()
        elif kind == _ACT and number == _WAKE_UP:
            break
        elif kind not in _STARTING:
            raise reader.error(f"there is no command {kind} with number {number}")
    if not checked:
        raise reader.error("no check stands between the last bank and the end")
    return Unpacked(*(dict(_joined(reader, parts[kind])) for kind in (_CONFIGURE, _CONTENTS)))


def _joined(
    reader: _Reader, banks: dict[int, list[tuple[int, Bits]]]
) -> Iterator[tuple[int, Bits]]:
    """Yield whole banks, which are written in parts one behind the other."""
    for bank, parts in banks.items():
        rows = 0
        for offset, part in parts:
            if offset != rows or part.shape[1] != parts[0][1].shape[1]:
                raise reader.error(f"the parts of bank {bank} do not lie one behind the other")
            rows += len(part)
        yield bank, np.concatenate([part for _, part in parts])


def read(path: Path) -> Unpacked:
    """Return what a bitstream in a file writes; see :func:`unpack`."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BitstreamError(f"cannot read {path}: {error.strerror}") from error
    return unpack(data, path.name)
