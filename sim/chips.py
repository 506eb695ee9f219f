"""Models of memory chips at the pins of a simulated device: contents, counters, violations."""

import ctypes
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from ..host.errors import DeviceError

ChipName = Literal["sdram", "flash"]

KINDS: tuple[ChipName, ...] = ("sdram", "flash")
"""Chips in the order in which ``harness.cpp`` counts them."""

_PS_PER_NS = 1000


class Violation(NamedTuple):
    """A rule of a data sheet that the device has not kept.

    Attributes
    ----------
    nanoseconds : float
        Since the model was created.
    name : str
        Of the check, mostly the data sheet's symbol.
    text : str
        What happened.
    """

    nanoseconds: float
    name: str
    text: str


class ViolationError(DeviceError):
    """A simulated device has not kept a rule of a memory chip.

    Attributes
    ----------
    chip : {"sdram", "flash"}
    violation : Violation
    """

    def __init__(self, chip: ChipName, violation: Violation) -> None:
        self.chip = chip
        self.violation = violation
        time, name, text = violation
        super().__init__(f"{chip}, {time:.3f} ns: {name}: {text}")


@dataclass(frozen=True)
class Chips:
    """What is attached to the pins of a device that has such pins.

    Attributes
    ----------
    period : float
        Of the clock, in nanoseconds.
    sdram, flash : mapping of str to float
        Settings of the chips that differ from those of ``sim/memories``: limits in nanoseconds by
        their symbols, counts, sizes.
    pads : mapping of {"sdram", "flash"} to int
        Cycles from what a pad captures to what the logic sees, 1 where not given; see
        ``sim/memories/attach.hpp``.
    """

    period: float
    sdram: Mapping[str, float] = field(default_factory=dict)
    flash: Mapping[str, float] = field(default_factory=dict)
    pads: Mapping[ChipName, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.period > 0:
            raise ValueError(f"period must be above 0 ns, not {self.period}")


def declare(functions: ctypes.CDLL) -> None:
    """Give the functions of ``harness.cpp`` for chips their types."""
    handle, kind, number, name = ctypes.c_void_p, ctypes.c_int, ctypes.c_uint64, ctypes.c_char_p
    real, integer = ctypes.POINTER(ctypes.c_double), ctypes.POINTER(ctypes.c_uint64)
    for function_name, result, arguments in (
        ("has_chip", ctypes.c_int, [kind]),
        ("attach", None, [handle, number]),
        ("chip_pad", ctypes.c_int, [handle, kind, ctypes.c_int64]),
        ("power_up", None, [handle]),
        ("chip_setting", ctypes.c_int, [handle, kind, name, real]),
        ("chip_set", ctypes.c_int, [handle, kind, name, ctypes.c_double]),
        ("chip_load", ctypes.c_int, [handle, kind, number, name, number]),
        ("chip_save", ctypes.c_int, [handle, kind, number, name, number]),
        ("chip_counter", name, [handle, kind, number, integer]),
        ("chip_violations", number, [handle, kind]),
        ("chip_violation", name, [handle, kind, number, ctypes.POINTER(name), integer]),
    ):
        function = getattr(functions, f"metabit_{function_name}")
        function.restype, function.argtypes = result, arguments


class Chip:
    """A memory chip that is attached to a simulated device.

    Parameters
    ----------
    functions : ctypes.CDLL
        Of the model.
    handle : int
        Of the device, which must outlive the chip.
    name : {"sdram", "flash"}
    """

    def __init__(self, functions: ctypes.CDLL, handle: int, name: ChipName) -> None:
        self.name: ChipName = name
        self._functions = functions
        self._place = handle, KINDS.index(name)
        self._raised = 0

    def configure(self, settings: Mapping[str, float], pad: int) -> None:
        """Change settings; called before the chip's power comes.

        Raises
        ------
        ValueError
            If there is no such setting, or no such delay of a pad.
        """
        for name, value in settings.items():
            if not self._functions.metabit_chip_set(*self._place, name.encode(), value):
                raise ValueError(f"the model of the {self.name} has no setting {name!r}")
        if not self._functions.metabit_chip_pad(*self._place, pad):
            raise ValueError(f"a pad of the {self.name} takes 1 to 8 cycles, not {pad}")

    def setting(self, name: str) -> float:
        """Return a setting, in nanoseconds if it is a time.

        Raises
        ------
        KeyError
            If there is none of this name.
        """
        value = ctypes.c_double()
        if not self._functions.metabit_chip_setting(
            *self._place, name.encode(), ctypes.byref(value)
        ):
            raise KeyError(name)
        return value.value

    def load(self, address: int, contents: bytes) -> None:
        """Put bytes into the chip from outside, at an address.

        Raises
        ------
        ValueError
            If they do not lie in the chip.
        """
        if not self._functions.metabit_chip_load(*self._place, address, contents, len(contents)):
            raise self._outside(address, len(contents))

    def save(self, address: int, count: int) -> bytes:
        """Return bytes of the chip; those of an SDRAM that were never written are zero.

        Raises
        ------
        ValueError
            If they do not lie in the chip.
        """
        contents = ctypes.create_string_buffer(count)
        if not self._functions.metabit_chip_save(*self._place, address, contents, count):
            raise self._outside(address, count)
        return contents.raw

    def _outside(self, address: int, count: int) -> ValueError:
        return ValueError(f"{count} bytes at {address:#x} are not all in the {self.name}")

    @property
    def counters(self) -> dict[str, int]:
        """What has happened since the beginning, by name."""
        return dict(self._counters())

    def _counters(self) -> Iterator[tuple[str, int]]:
        value = ctypes.c_uint64()
        number = 0
        while name := self._functions.metabit_chip_counter(
            *self._place, number, ctypes.byref(value)
        ):
            yield name.decode(), value.value
            number += 1

    @property
    def violations(self) -> list[Violation]:
        """The first thousand violations, in order."""
        text, time = ctypes.c_char_p(), ctypes.c_uint64()
        found = []
        for number in range(self._functions.metabit_chip_violations(*self._place)):
            name = self._functions.metabit_chip_violation(
                *self._place, number, ctypes.byref(text), ctypes.byref(time)
            )
            assert text.value is not None
            found.append(Violation(time.value / _PS_PER_NS, name.decode(), text.value.decode()))
        return found

    def check(self) -> None:
        """Raise the first violation that has been recorded since the last call.

        Raises
        ------
        ViolationError
            If there is one.
        """
        count = self._functions.metabit_chip_violations(*self._place)
        known, self._raised = self._raised, count
        if known < count:
            raise ViolationError(self.name, self.violations[known])


def attach(functions: ctypes.CDLL, handle: int, chips: Chips | None) -> dict[ChipName, Chip]:
    """Attach models of chips to the pins that a device has for them.

    Parameters
    ----------
    functions : ctypes.CDLL
        Of the model.
    handle : int
        Of the device.
    chips : Chips, optional
        Needed if it has such pins.

    Raises
    ------
    ValueError
        If the device has pins of chips and ``chips`` is missing, or the other way round.
    """
    names = [name for number, name in enumerate(KINDS) if functions.metabit_has_chip(number)]
    if chips is None:
        if names:
            raise ValueError(
                f"this device has pins of {' and '.join(names)}; name its clock period: "
                "SimulatedDevice(library, Chips(period))"
            )
        return {}
    if not names:
        raise ValueError("this device has no pins of memory chips; leave `chips` out")
    functions.metabit_attach(handle, round(chips.period * _PS_PER_NS))
    attached = {name: Chip(functions, handle, name) for name in names}
    for name, chip in attached.items():
        chip.configure(getattr(chips, name), chips.pads.get(name, 1))
    functions.metabit_power_up(handle)
    return attached
