"""Block RAM with its first contents, and single-port RAM."""

from .circuit import HIGH, LOW, Circuit
from .database import Database, Segment
from .errors import BitstreamError
from .nets import output
from .settings import Settings
from .tiles import Place

_WORD, _ADDRESS_BITS = 16, 11
_OUTPUTS = 8
"""Of a tile."""

_READ_MODE, _WRITE_MODE = ("CBIT_2", "CBIT_3"), ("CBIT_0", "CBIT_1")
_SINGLE_BITS, _SINGLE_PARTS, _SINGLE_ADDRESS = 16, 4, 14


def add_block_rams(database: Database, settings: Settings, circuit: Circuit) -> None:
    """Add all block RAMs whose power is on."""
    for x, y in database.places(settings.configuration, "RAMB"):
        if settings.has((x, y), "RamConfig PowerUp"):
            _BlockRam(settings, circuit, (x, y)).add()


class _BlockRam:
    """A block RAM, which is two tiles high: wires of reading are in the lower one."""

    def __init__(self, settings: Settings, circuit: Circuit, lower: Place) -> None:
        self._settings = settings
        self._circuit = circuit
        self._lower = lower
        self._upper = (lower[0], lower[1] + 1)

    def _reads(self, name: str, unconnected: str = LOW) -> str:
        upper = self._circuit.reads((*self._upper, f"ram/{name}"), unconnected)
        return self._circuit.reads((*self._lower, f"ram/{name}"), upper)

    def _bus(self, name: str, width: int) -> list[str]:
        return [self._reads(f"{name}_{number}") for number in range(width)]

    def _mode(self, bits: tuple[str, str]) -> str:
        places = [(self._upper, f"RamConfig {bit}") for bit in bits]
        return str(self._settings.number(places))

    def _output(self, number: int) -> str:
        """Return what a bit of the word that is read drives; the highest is the first output."""
        place = self._upper if number < _OUTPUTS else self._lower
        return self._circuit.drives(output(*place, _OUTPUTS - 1 - number % _OUTPUTS))

    def add(self) -> None:
        circuit, x, y = self._circuit, *self._lower
        if self._lower not in self._settings.configuration.contents:
            raise BitstreamError(f"block RAM of tile {self._lower} is used, but never written")
        words = self._settings.configuration.contents[self._lower]
        falling_read, falling_write = self._falling()
        name = f"ram_{x}_{y}"
        outputs = [self._output(number) for number in range(_WORD)]
        ports = {
            f"RCLK{'N' * falling_read}": self._reads("RCLK"),
            f"WCLK{'N' * falling_write}": self._reads("WCLK"),
            "RCLKE": self._reads("RCLKE", HIGH),
            "WCLKE": self._reads("WCLKE", HIGH),
            "RE": self._reads("RE"),
            "WE": self._reads("WE"),
            "RADDR": self._bus("RADDR", _ADDRESS_BITS),
            "WADDR": self._bus("WADDR", _ADDRESS_BITS),
            "MASK": self._bus("MASK", _WORD),
            "WDATA": self._bus("WDATA", _WORD),
            "RDATA": circuit.into(name, outputs),
        }
        circuit.add(
            f"SB_RAM40_4K{'NR' * falling_read}{'NW' * falling_write}",
            name,
            ports,
            READ_MODE=self._mode(_READ_MODE),
            WRITE_MODE=self._mode(_WRITE_MODE),
            **{f"INIT_{number:X}": f"256'h{word:064x}" for number, word in enumerate(words)},
        )

    def _falling(self) -> tuple[bool, bool]:
        """Whether it is read, and written, at the falling edge."""
        return self._settings.has(self._lower, "NegClk"), self._settings.has(self._upper, "NegClk")


def add_single_port_rams(database: Database, settings: Settings, circuit: Circuit) -> None:
    """Add all single-port RAMs that are enabled."""
    for place, wires in database.single_port_rams.items():
        x, y, setting = wires["SPRAM_EN"]
        if settings.has((x, y), f"IpConfig {setting}"):
            _add_single_port_ram(circuit, "spram_" + "_".join(map(str, place)), wires)


def _add_single_port_ram(circuit: Circuit, name: str, wires: dict[str, Segment]) -> None:
    def bus(port: str, width: int) -> list[str]:
        return [circuit.reads(wires[f"{port}_{number}"]) for number in range(width)]

    outputs = [circuit.drives(wires[f"DATAOUT_{number}"]) for number in range(_SINGLE_BITS)]
    alone = ("WREN", "CHIPSELECT", "CLOCK", "STANDBY", "SLEEP", "POWEROFF")
    ports = {
        "ADDRESS": bus("ADDRESS", _SINGLE_ADDRESS),
        "DATAIN": bus("DATAIN", _SINGLE_BITS),
        "MASKWREN": bus("MASKWREN", _SINGLE_PARTS),
        **{port: circuit.reads(wires[port]) for port in alone},
        "DATAOUT": circuit.into(name, outputs),
    }
    circuit.add("SB_SPRAM256KA", name, ports)
