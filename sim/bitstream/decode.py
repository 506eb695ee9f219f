"""From the bits of a configuration to the netlist that they are."""

from dataclasses import dataclass

from .circuit import Circuit
from .database import Database
from .logic import add_logic
from .loops import Loop, Loops
from .memories import add_block_rams, add_single_port_rams
from .multipliers import add_multipliers
from .nets import Nets, global_wire
from .pads import Pads, global_pads
from .settings import Settings
from .tiles import Configuration


@dataclass(frozen=True)
class Decoded:
    """What a bitstream is.

    Attributes
    ----------
    circuit : Circuit
    loops : list of Loop
        Phase-locked loops that are on.
    """

    circuit: Circuit
    loops: list[Loop]


def pin_name(pin: str) -> str:
    """Return the name of the port for a pin of the package."""
    return f"pin_{pin}"


def decode(configuration: Configuration, package: str) -> Decoded:
    """Decode a configuration.

    Parameters
    ----------
    configuration : Configuration
    package : str
        Of the FPGA, e.g. ``"sg48"``.

    Returns
    -------
    Decoded
        Its circuit has a port for each pin that is used; see :func:`pin_name`.

    Raises
    ------
    BitstreamError
        If any bit means what is not known or not modelled, if two cells drive a net, or if one
        is read that nothing drives.
    ToolNotFoundError
        If Project IceStorm's database is not installed.
    """
    database = Database(configuration.grid)
    settings = Settings(database, configuration)
    nets = Nets(database, settings)
    at_pads = global_pads(database, settings)
    for number, (x, y) in database.global_drivers.items():
        if number not in at_pads and nets.find((x, y, "fabout")):
            nets.connect((x, y, "fabout"), global_wire(number))
    circuit = Circuit(nets)
    pins = {pad: pin_name(name) for name, pad in database.pins(package).items()}
    loops = Loops(database, settings)
    loops.add(circuit, pins, at_pads)
    pads = Pads(database, settings, circuit, pins)
    pads.add(at_pads, {loop.pad for loop in loops.found})
    add_logic(database, settings, circuit)
    add_block_rams(database, settings, circuit)
    add_single_port_rams(database, settings, circuit)
    add_multipliers(database, settings, circuit)
    settings.check()
    circuit.check()
    return Decoded(circuit, loops.found)
