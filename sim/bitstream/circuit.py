"""A netlist of cells, and its Verilog."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .database import Segment
from .errors import BitstreamError
from .nets import Nets

MODULE = "chip"
"""Name of the module that a bitstream is."""

Wires = str | Sequence[str]
"""A net or constant by its name in Verilog, or several, the lowest first."""

LOW, HIGH = "1'b0", "1'b1"


@dataclass(frozen=True)
class Cell:
    """A cell of a netlist.

    Attributes
    ----------
    model, name : str
        Module that says what it does, and its own name.
    parameters : mapping of str to str
        In Verilog.
    ports : mapping of str to Wires
    """

    model: str
    name: str
    parameters: Mapping[str, str]
    ports: Mapping[str, Wires]


@dataclass
class Circuit:
    """A netlist that is being decoded.

    Attributes
    ----------
    nets : Nets
    cells : list of Cell
    ports : dict of str to str
        Direction of each port, ``"input"`` or ``"output"``.
    """

    nets: Nets
    cells: list[Cell] = field(default_factory=list)
    ports: dict[str, str] = field(default_factory=dict)
    _names: dict[Segment, str] = field(default_factory=dict)
    _drivers: dict[Segment, Segment] = field(default_factory=dict)
    _readers: dict[Segment, Segment] = field(default_factory=dict)
    _assignments: list[tuple[str, str]] = field(default_factory=list)
    _wires: list[str] = field(default_factory=list)

    def _name(self, root: Segment) -> str:
        return self._names.setdefault(root, f"n{len(self._names)}")

    def reads(self, segment: Segment, unconnected: str = LOW) -> str:
        """Return what a cell reads from a wire, or a constant if it leads nowhere."""
        root = self.nets.find(segment)
        if root is None:
            return unconnected
        self._readers.setdefault(root, segment)
        return self._name(root)

    def drives(self, segment: Segment) -> str:
        """Return the net that a cell drives from a wire, empty if it leads nowhere.

        Raises
        ------
        BitstreamError
            If another one drives it already.
        """
        root = self.nets.find(segment)
        if root is None:
            return ""
        other = self._drivers.setdefault(root, segment)
        if other != segment:
            raise BitstreamError(f"{_place(other)} and {_place(segment)} drive the same net")
        return self._name(root)

    def add(self, model: str, name: str, ports: Mapping[str, Wires], **parameters: str) -> None:
        """Add a cell."""
        self.cells.append(Cell(model, name, parameters, ports))

    def assign(self, target: str, value: str) -> None:
        """Let a net or port have a value; nothing happens if it has no name."""
        if target:
            self._assignments.append((target, value))

    def wire(self, name: str) -> str:
        """Add a wire inside a block, and return its name."""
        self._wires.append(name)
        return name

    def into(self, cell: str, nets: Sequence[str]) -> str:
        """Return a bus whose bits drive nets, or lead nowhere where the name is empty."""
        bus = f"{cell}_out"
        self._wires.append(f"[{len(nets) - 1}:0] {bus}")
        for number, net in enumerate(nets):
            self.assign(net, f"{bus}[{number}]")
        return bus

    def port(self, name: str, direction: str) -> str:
        """Add a port, and return its name."""
        self.ports[name] = direction
        return name

    def check(self) -> None:
        """Refuse what floats.

        Raises
        ------
        BitstreamError
            If a net is read that nothing drives.
        """
        for root, segment in self._readers.items():
            if root not in self._drivers:
                raise BitstreamError(f"{_place(segment)} is read, but nothing drives its net")

    def verilog(self) -> str:
        """Return the circuit in Verilog."""
        self.check()
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        ports = ", ".join(f"{direction} {name}" for name, direction in self.ports.items())
        yield f"module {MODULE} ({ports});"
        yield from (f"wire {name};" for name in [*self._names.values(), *self._wires])
        yield from (f"assign {target} = {value};" for target, value in self._assignments)
        for cell in self.cells:
            parameters = _connected(cell.parameters)
            ports = _connected({name: _bus(wires) for name, wires in cell.ports.items()})
            yield f"{cell.model} {f'#({parameters}) ' * bool(parameters)}{cell.name} ({ports});"
        yield "endmodule"


def _connected(values: Mapping[str, str]) -> str:
    return ", ".join(f".{name}({value})" for name, value in values.items())


def _bus(wires: Wires) -> str:
    """Return one value for wires."""
    if isinstance(wires, str):
        return wires
    return "{" + ", ".join(reversed(wires)) + "}"


def _place(segment: Segment) -> str:
    x, y, name = segment
    return f"{name} of tile ({x}, {y})"
