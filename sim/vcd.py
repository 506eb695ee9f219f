"""Waveforms as simulations write them: their wires, and what changes when."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from ..errors import MetabitError

_CORE = "core"
"""Scope of the training core in a waveform."""


@dataclass(frozen=True)
class Wire:
    """A wire of the device.

    Attributes
    ----------
    name : str
        ``block.name``, below the core; a field of a structure is ``block.name.field``.
    code : str
        What stands for it in the changes; wires that are always equal share one.
    width : int
        Bits.
    """

    name: str
    code: str
    width: int


def wires(path: Path, file: TextIO) -> Iterator[Wire]:
    """Yield the wires of the core, and leave the file where the changes begin.

    Parameters
    ----------
    path : Path
        For messages.
    file : TextIO
        A ``.vcd`` file, at its beginning.

    Raises
    ------
    MetabitError
        If it ends before its header does, or a wire has no width.
    """
    scopes: list[str] = []
    for line in file:
        words = line.split()
        match words:
            case ["$enddefinitions", *_]:
                return
            case ["$scope", _, name, *_]:
                # Amaranth tells blocks of the same name apart by a number.
                scopes.append(name.partition("$")[0])
            case ["$upscope", *_] if scopes:
                scopes.pop()
            case ["$var", _, width, code, name, *_] if _CORE in scopes:
                if not width.isdecimal():
                    raise MetabitError(f"{path} is damaged: {name} has {width!r} bits")
                inside = scopes[scopes.index(_CORE) + 1 :]
                yield Wire(".".join((*inside, name)), code, int(width))
    raise MetabitError(f"{path} is no waveform, or one that was cut off in its header")


def changes(path: Path, file: Iterable[str]) -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """Yield times, and what changes then.

    Parameters
    ----------
    path : Path
        For messages.
    file : iterable of str
        The lines behind the header.

    Yields
    ------
    time : int
        In the waveform's own units.
    changed : list of (str, str)
        Codes and values, bits with the highest first.

    Raises
    ------
    MetabitError
        If a time is none.
    """
    now: int | None = None
    changed: list[tuple[str, str]] = []
    for line in file:
        if line.startswith("#"):
            if now is not None:
                yield now, changed
            now, changed = _time(path, line), []
            continue
        value, _, code = line.strip().partition(" ")
        if code:
            changed.append((code, value[1:]))
        elif value:
            changed.append((value[1:], value[:1]))
    if now is not None:
        yield now, changed


def _time(path: Path, line: str) -> int:
    """Return the time that a line tells."""
    try:
        return int(line[1:])
    except ValueError as error:
        raise MetabitError(f"{path} is damaged: {line.strip()!r} is no time") from error
