"""Phase-locked loops."""

from dataclasses import dataclass
from typing import Any

from .circuit import Circuit
from .database import Database
from .errors import BitstreamError
from .nets import global_wire, pad_input
from .settings import Settings

MODEL = "metabit_pll40"

Pad = tuple[int, int, int]
"""Column and row of a tile, and number in it."""

_OFF, _AT_PIN, _IN_LOGIC = 0b000, 0b010, 0b011
"""Kinds of loops: from a pin, or from logic."""

_SIMPLE = 0b001
"""Path of the feedback that leads through the divider and nothing else."""

_AT_REST = (
    *("SHIFTREG_DIV_MODE", "TEST_MODE", "PLLOUT_SELECT_A", "PLLOUT_SELECT_B"),
    *("DELAY_ADJMODE_FB", "DELAY_ADJMODE_REL", "FDA_FEEDBACK", "FDA_RELATIVE"),
    *("ENABLE_ICEGATE_PORTA", "ENABLE_ICEGATE_PORTB"),
)
"""Settings that must be zero: what they do is not modelled."""


@dataclass(frozen=True)
class Loop:
    """A phase-locked loop that a bitstream configures.

    Attributes
    ----------
    reference, feedback, divider : int
        Dividers of the input, of the loop and of the output, as those of
        :class:`metabit.boards.clocking.Pll`.
    pad : Pad
        Where its pin is, and its output comes in.
    at_pin : bool
        It takes its input from the pin, not from logic.
    """

    reference: int
    feedback: int
    divider: int
    pad: Pad
    at_pin: bool

    def output_mhz(self, input_mhz: float) -> float:
        """Return the frequency that it makes of its input's."""
        return input_mhz / self.reference * self.feedback / self.divider


class Loops:
    """The phase-locked loops of a configuration.

    Parameters
    ----------
    database : Database
    settings : Settings

    Attributes
    ----------
    found : list of Loop
        Those that are on.

    Raises
    ------
    BitstreamError
        If one is set to what is not modelled.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self._settings = settings
        self._places = [where for where in database.loops if self._number(where, "PLLTYPE") != _OFF]
        self.found = [self._decode(where) for where in self._places]

    def _number(self, where: dict[str, Any], name: str) -> int:
        """Return a number that is set, whose bits lie in several tiles."""
        bits = [where[name]] if name in where else []
        while (bit := f"{name}_{len(bits)}") in where:
            bits.append(where[bit])
        return self._settings.number([((x, y), f"PLL {setting}") for x, y, setting in bits])

    def _decode(self, where: dict[str, Any]) -> Loop:
        kind, path = self._number(where, "PLLTYPE"), self._number(where, "FEEDBACK_PATH")
        odd = {name: value for name in _AT_REST if (value := self._number(where, name))}
        if kind not in (_AT_PIN, _IN_LOGIC) or path != _SIMPLE or odd:
            raise BitstreamError(
                f"the phase-locked loop at {where['LOC']} is of a kind that is not modelled: "
                f"{dict(PLLTYPE=kind, FEEDBACK_PATH=path, **odd)}"
            )
        self._number(where, "FILTER_RANGE")  # of the filter of its analogue part
        return Loop(
            reference=self._number(where, "DIVR") + 1,
            feedback=self._number(where, "DIVF") + 1,
            divider=1 << self._number(where, "DIVQ"),
            pad=where["PLLOUT_A"],
            at_pin=kind == _AT_PIN,
        )

    def add(self, circuit: Circuit, pins: dict[Pad, str], global_pads: dict[int, Pad]) -> None:
        """Add all that are on.

        Parameters
        ----------
        circuit : Circuit
        pins : dict of Pad to str
            Names of pins.
        global_pads : dict of int to Pad
            Pads that drive global wires.
        """
        for loop, where in zip(self.found, self._places, strict=True):
            if loop.at_pin:
                source = circuit.port(pins[loop.pad], "input")
            else:
                source = circuit.reads(where["REFERENCECLK"])
            name = "pll_" + "_".join(map(str, where["LOC"]))
            clock = circuit.wire(f"{name}_clock")
            for number, pad in global_pads.items():
                if pad == loop.pad:
                    circuit.assign(circuit.drives(global_wire(number)), clock)
            circuit.assign(circuit.drives(pad_input(loop.pad)), clock)
            ports = {
                "reference": source,
                "resetb": circuit.reads(where["RESETB"]),
                "bypass": circuit.reads(where["BYPASS"]),
                "clock": clock,
                "lock": circuit.drives(where["LOCK"]),
            }
            circuit.add(MODEL, name, ports)
