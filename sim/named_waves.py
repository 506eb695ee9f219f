"""A waveform for people, made of one for machines: few rows, words instead of numbers."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TextIO

from vcd.gtkw import GTKWSave
from vcd.writer import VCDWriter

from ..errors import MetabitError
from ..hdl.device import Device
from ..hdl.placement import Placement
from ..hdl.shape import Shape
from .named_rows import Row, Value, rows
from .state_words import state_words
from .vcd import changes, wires

_TOP = "metabit"
"""Outermost scope."""

_CYCLE = 1000
"""Units of time a cycle: a nanosecond on the axis is a cycle."""

_CORE = "core."
"""What names of the core's registers begin with, in the whole device."""

_FEWEST = 2
"""Cycles, below which nothing can be seen."""

_WINDOW = 1600, 900
_SIGNALS = 260
_ZOOM = -15.0
"""Width and height of GTKWave's window, width of the names in it, and its zoom, a binary logarithm:
some 200 cycles in the window, about a sample."""


def write_named(recorded: Path, folder: Path, placement: Placement, names: Sequence[str]) -> Path:
    """Write ``tile.vcd`` and, beside it, ``tile.gtkw`` for GTKWave and ``tile.sucl`` for Surfer.

    A value is shown in the cycle at whose end it stands, where registers take it.

    Parameters
    ----------
    recorded : Path
        What the simulation has recorded, a ``.vcd`` file.
    folder : Path
        Is made if it is not there.
    placement : Placement
        Of the network in the device that was simulated.
    names : sequence of str
        What the classes are called.

    Returns
    -------
    Path
        The waveform.

    Raises
    ------
    MetabitError
        If it cannot be read or written, or holds no cycle of a training core.
    """
    named = folder / "tile.vcd"
    try:
        folder.mkdir(exist_ok=True)
        with recorded.open(encoding="ascii", errors="replace") as file:
            found = list(wires(recorded, file))
            shown = rows(placement, _states(placement.shape), names, found)
            if not shown:
                raise MetabitError(f"{recorded} has no training core with named wires in it")
            codes = {wire.name: wire.code for wire in found}
            with named.open("w") as out:
                _write(out, shown, codes, _cycles(recorded, file))
        with named.with_suffix(".gtkw").open("w") as out:
            _gtkwave(GTKWSave(out), shown)
        named.with_suffix(".sucl").write_text("".join(f"{line}\n" for line in _surfer(shown)))
    except OSError as error:
        raise MetabitError(f"{error.filename or folder}: {error.strerror}") from error
    return named


@cache
def _states(shape: Shape) -> dict[str, list[str]]:
    """Return the words of a device's states, by register, below the core."""
    return {
        name.removeprefix(_CORE): words
        for name, words in state_words(Device(shape, supply=True)).items()
        if name.startswith(_CORE)
    }


def _cycles(path: Path, file: Iterable[str]) -> Iterator[list[tuple[str, str]]]:
    """Yield what changes from cycle to cycle, as it stands when registers take it.

    The waveform has two times a cycle: everything but registers has settled in the first, registers
    have stepped in the second.
    """
    halves = (changed for _, changed in changes(path, file))
    stepped: list[tuple[str, str]] = []
    cycles = 0
    for settled in halves:
        yield stepped + settled
        stepped = next(halves, [])
        cycles += 1
    if cycles < _FEWEST:
        raise MetabitError(f"{path} has no cycle in it; record a tile that is trained on")


def _write(
    out: TextIO,
    shown: Sequence[Row],
    codes: dict[str, str],
    cycles: Iterable[list[tuple[str, str]]],
) -> None:
    """Write the waveform."""
    values = {codes[name]: 0 for row in shown for name in row.wires}
    asking: dict[str, list[Row]] = {code: [] for code in values}
    for row in shown:
        for name in row.wires:
            asking[codes[name]].append(row)

    def value(row: Row) -> Value:
        return _plain(row.show([values[codes[name]] for name in row.wires]))

    with VCDWriter(
        out, timescale="1 ps", date="", comment="1 ns is a cycle of the device"
    ) as writer:
        clock = writer.register_var(_TOP, "clk", "wire", size=1, init=1)
        variables = {
            row: writer.register_var(
                f"{_TOP}.{row.group}",
                row.name,
                "string" if row.width is None else "wire",
                size=row.width,
                init=value(row),
            )
            for row in shown
        }
        for number, changed in enumerate(cycles):
            start = number * _CYCLE
            touched: dict[Row, None] = {}
            for code, bits in changed:
                if code in values:
                    values[code] = int(bits, 2)
                    touched.update(dict.fromkeys(asking[code]))
            writer.change(clock, start, 1)
            for row in touched:
                writer.change(variables[row], start, value(row))
            writer.change(clock, start + _CYCLE // 2, 0)


def _plain(value: Value) -> Value:
    """Return a value without blanks, which end a value in a waveform."""
    return "_".join(value.split()) if isinstance(value, str) else value


def _groups(shown: Sequence[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in shown:
        groups.setdefault(row.group, []).append(row)
    return groups


def _gtkwave(save: GTKWSave, shown: Sequence[Row]) -> None:
    """Write the layout that GTKWave opens with ``gtkwave tile.vcd tile.gtkw``."""
    save.size(*_WINDOW)
    save.zoom_markers(_ZOOM)
    save.signals_width(_SIGNALS)
    save.sst_expanded(False)
    save.trace(f"{_TOP}.clk")
    for group, members in _groups(shown).items():
        with save.group(group):
            for row in members:
                name = f"{_TOP}.{group}.{row.name}"
                if row.width is None:
                    save.trace(name, datafmt="ascii")
                elif row.width == 1:
                    save.trace(name, datafmt="bin")
                else:
                    save.trace(f"{name}[{row.width - 1}:0]", datafmt="dec")


def _surfer(shown: Sequence[Row]) -> Iterator[str]:
    """Yield the commands of ``surfer tile.vcd --command-file tile.sucl``."""
    yield f"variable_add {_TOP}.clk"
    for group, members in _groups(shown).items():
        yield f"divider_add {group}"
        for row in members:
            yield f"variable_add {_TOP}.{group}.{row.name}"
    yield "zoom_fit"
