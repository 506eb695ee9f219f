"""Multiplier blocks, which are adders, too."""

from .circuit import HIGH, LOW, Circuit
from .database import Database, Segment
from .errors import BitstreamError
from .nets import output
from .settings import Settings
from .tiles import Place

_TILES = 4
_OUTPUTS = 8
"""Of a tile."""

_WORD = 16
_SINGLE = (
    *("CLK", "IRSTTOP", "IRSTBOT", "ORSTTOP", "ORSTBOT"),
    *("AHOLD", "BHOLD", "CHOLD", "DHOLD", "OHOLDTOP", "OHOLDBOT"),
    *("ADDSUBTOP", "ADDSUBBOT", "OLOADTOP", "OLOADBOT", "CI"),
)
_FROM_BELOW = 2
"""Carry of the lower adder that comes from the block below."""


def add_multipliers(database: Database, settings: Settings, circuit: Circuit) -> None:
    """Add all multiplier blocks that are configured or whose output leads anywhere."""
    leading = set(circuit.nets.outputs())
    for x, y in database.places(settings.configuration, "DSP0"):
        wires, bits = database.multiplier((x, y))
        parameters = _parameters(settings, bits)
        outputs = {((x, y + tile), bit) for tile in range(_TILES) for bit in range(_OUTPUTS)}
        if any(parameters.values()) or outputs & leading:
            _check((x, y), parameters)
            _add(circuit, (x, y), wires, parameters, settings.has((x, y + 2), "NegClk"))


def _parameters(settings: Settings, bits: dict[str, Segment]) -> dict[str, int]:
    """Return the parameters of a block; some have two bits."""
    found: dict[str, int] = {}
    for name, (x, y, setting) in bits.items():
        parameter, weight = name, 0
        if name.endswith(("_0", "_1")):
            parameter, weight = name[:-2], int(name[-1])
        value = settings.has((x, y), f"IpConfig {setting}") << weight
        found[parameter] = found.get(parameter, 0) | value
    return found


def _check(place: Place, parameters: dict[str, int]) -> None:
    """Refuse what needs wires between blocks, which are not decoded."""
    if parameters["BOTADDSUB_CARRYSELECT"] == _FROM_BELOW:
        raise BitstreamError(
            f"the multiplier block of tile {place} takes a carry from the one below, "
            "which cannot be decoded"
        )


def _add(
    circuit: Circuit,
    place: Place,
    wires: dict[str, Segment],
    parameters: dict[str, int],
    falling: bool,
) -> None:
    x, y = place
    name = f"mac_{x}_{y}"
    outputs = [
        circuit.drives(output(x, y + number // _OUTPUTS, number % _OUTPUTS))
        for number in range(_OUTPUTS * _TILES)
    ]
    ports = {
        **{port: circuit.reads(wires[port]) for port in _SINGLE},
        "CE": circuit.reads(wires["CE"], HIGH),
        **{
            port: [circuit.reads(wires[f"{port}_{number}"]) for number in range(_WORD)]
            for port in "ABCD"
        },
        "ACCUMCI": LOW,
        "SIGNEXTIN": LOW,
        "O": circuit.into(name, outputs),
        "CO": circuit.drives(wires["CO"]),
    }
    texts = {parameter: str(value) for parameter, value in parameters.items()}
    circuit.add("SB_MAC16", name, ports, NEG_TRIGGER=str(int(falling)), **texts)
