"""Pins and the pads behind them."""

from .circuit import HIGH, Circuit
from .database import Database
from .errors import BitstreamError
from .loops import Pad
from .nets import global_wire, pad_input
from .settings import Settings

_PADS_A_TILE = 2
_TYPE_BITS = 6

_INPUT_BITS = 2
_DIRECT_INPUT = 0b01
"""What comes in is not registered."""

_NO_OUTPUT, _DIRECT_OUTPUT, _ENABLED_OUTPUT = 0b0000, 0b0110, 0b1010
"""What goes out is not registered, and always driven, or when it is enabled."""

_PAD_WIRES = ("padin_glb_netwk",)


def global_pads(database: Database, settings: Settings) -> dict[int, Pad]:
    """Return the pads that drive global wires.

    Raises
    ------
    BitstreamError
        If a bit outside the tiles means something else.
    """
    found = {}
    for bit in settings.configuration.extra:
        kind, *names = database.extra(bit)
        if kind not in _PAD_WIRES:
            raise BitstreamError(f"what bit {bit} outside the tiles does is not known")
        found[int(names[0])] = database.global_pads[int(names[0])]
    return found


class Pads:
    """The pads of a configuration that are at pins of a package.

    Parameters
    ----------
    database, settings, circuit
    pins : dict of Pad to str
        Names of pins.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        circuit: Circuit,
        pins: dict[Pad, str],
    ) -> None:
        self._enables = database.input_enables
        self._settings = settings
        self._circuit = circuit
        self._pins = pins
        self._places = database.places(settings.configuration, "IO")

    def add(self, global_pads: dict[int, Pad], taken: set[Pad]) -> None:
        """Add all pads through which anything goes, but for those that a loop has taken."""
        for x, y in self._places:
            for number in range(_PADS_A_TILE):
                pad = (x, y, number)
                kind = self._kind(pad)
                goes_out = kind >> _INPUT_BITS != _NO_OUTPUT
                comes_in = self._add_input(pad, kind, global_pads) if pad not in taken else False
                if goes_out and comes_in:
                    raise BitstreamError(f"{self._name(pad)} is read and driven: not modelled")
                if goes_out:
                    self._add_output(pad, kind)

    def _kind(self, pad: Pad) -> int:
        """Return the number that says how a pad is used.

        Raises
        ------
        BitstreamError
            If it is used in a way that is not modelled.
        """
        x, y, number = pad
        bits = [((x, y), f"IOB_{number} PINTYPE_{bit}") for bit in range(_TYPE_BITS)]
        for setting in ("NegClk", "IoCtrl LVDS", "Icegate"):
            if self._settings.has((x, y), setting):
                raise BitstreamError(f"{self._name(pad)} has {setting} set: not modelled")
        self._settings.has((x, y), f"IoCtrl IE_{number}")
        return self._settings.number(bits)

    def _name(self, pad: Pad) -> str:
        if pad not in self._pins:
            raise BitstreamError(f"pad {pad} is used, but at no pin of the package")
        return self._pins[pad]

    def _add_input(self, pad: Pad, kind: int, global_pads: dict[int, Pad]) -> bool:
        """Add what comes in, and return whether anything does."""
        circuit = self._circuit
        nets = [circuit.drives(global_wire(n)) for n, at in global_pads.items() if at == pad]
        nets = list(filter(None, [*nets, circuit.drives(pad_input(pad))]))
        if not nets:
            return False
        name = self._name(pad)
        if kind & ((1 << _INPUT_BITS) - 1) != _DIRECT_INPUT or circuit.drives(pad_input(pad, 1)):
            raise BitstreamError(f"{name} is an input of kind {kind:06b}, which is not modelled")
        x, y, number = self._enables.get(pad, pad)
        if not self._settings.has((x, y), f"IoCtrl IE_{number}"):
            raise BitstreamError(f"{name} is read, but its input is not enabled")
        circuit.port(name, "input")
        for net in nets:
            circuit.assign(net, name)
        return True

    def _add_output(self, pad: Pad, kind: int) -> None:
        x, y, number = pad
        name = self._circuit.port(self._name(pad), "output")
        value = self._circuit.reads((x, y, f"io_{number}/D_OUT_0"))
        how = kind >> _INPUT_BITS
        if how == _ENABLED_OUTPUT:
            enable = self._circuit.reads((x, y, f"io_{number}/OUT_ENB"), HIGH)
            # A line that nobody drives rests high.
            value = f"{enable} ? {value} : {HIGH}"
        elif how != _DIRECT_OUTPUT:
            raise BitstreamError(f"{name} is an output of kind {kind:06b}, which is not modelled")
        self._circuit.assign(name, value)
