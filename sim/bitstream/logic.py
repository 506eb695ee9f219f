"""Logic cells: a look-up table of four inputs, an adder's carry, and a flip-flop."""

from .circuit import HIGH, LOW, Circuit
from .database import Database
from .errors import BitstreamError
from .nets import output
from .settings import Settings
from .tiles import Place

_CARRY_CASCADE = "carry_in"


def add_logic(database: Database, settings: Settings, circuit: Circuit) -> None:
    """Add all logic cells that are configured or whose output leads anywhere."""
    places = set(database.places(settings.configuration, "LOGIC"))
    used = {place: settings.cells(place) for place in places}
    for place, number in circuit.nets.outputs():
        if place in places:
            used[place].add(number)
    cascaded = {
        place
        for place, entry in settings.connections
        if entry.connects and entry.names[0] == _CARRY_CASCADE
    }
    for place, numbers in used.items():
        falling = settings.has(place, "NegClk")
        constant = HIGH if settings.has(place, "CarryInSet") else LOW
        x, y = place
        first_carry = (x, y, "carry_in_mux")
        if place not in cascaded:
            circuit.assign(circuit.drives(first_carry), constant)
        rows = settings.rows(place) if numbers else []
        found = {number: database.logic_cell(rows, number) for number in sorted(numbers)}
        # The carry leads on to the next cell without any connection that is configured.
        for number, (_, (carry, *_)) in found.items():
            if carry:
                circuit.nets.add((x, y, f"lutff_{number}/cout"))
        for number, (table, flags) in found.items():
            _Cell(circuit, place, number, constant, falling).add(table, *flags)


class _Cell:
    """One logic cell."""

    def __init__(
        self, circuit: Circuit, place: Place, number: int, first_carry: str, falling: bool
    ) -> None:
        self._circuit = circuit
        self._place = place
        self._number = number
        self._first_carry = first_carry
        self._falling = falling
        self._name = "_".join(map(str, (*place, number)))

    def _reads(self, pin: str, unconnected: str = LOW) -> str:
        return self._circuit.reads((*self._place, pin), unconnected)

    def _local(self, pin: str) -> str:
        return f"lutff_{self._number}/{pin}"

    def add(self, table: int, carry: bool, flip_flop: bool, high: bool, at_once: bool) -> None:
        """Add its parts; see :meth:`.Database.logic_cell`."""
        inputs = [self._reads(self._local(f"in_{pin}")) for pin in range(4)]
        if carry:
            self._add_carry(inputs)
        cascade = self._circuit.drives((*self._place, self._local("lout")))
        out = self._circuit.drives(output(*self._place, self._number))
        result = self._circuit.wire(f"d_{self._name}") if flip_flop else out or cascade
        if not result:
            return
        ports = {**{f"I{pin}": wire for pin, wire in enumerate(inputs)}, "O": result}
        self._circuit.add("SB_LUT4", f"lut_{self._name}", ports, LUT_INIT=f"16'h{table:04x}")
        if cascade != result:
            self._circuit.assign(cascade, result)
        if flip_flop:
            self._add_flip_flop(result, out, high, at_once)

    def _add_carry(self, inputs: list[str]) -> None:
        if self._number:
            carry_in = self._reads(f"lutff_{self._number - 1}/cout", "")
            if not carry_in:
                raise BitstreamError(
                    f"the carry into logic cell {self._number} of tile {self._place} comes from a "
                    "cell that passes none on"
                )
        else:
            carry_in = self._reads("carry_in_mux", self._first_carry)
        out = self._circuit.drives((*self._place, self._local("cout")))
        ports = {"I0": inputs[1], "I1": inputs[2], "CI": carry_in, "CO": out}
        self._circuit.add("SB_CARRY", f"carry_{self._name}", ports)

    def _add_flip_flop(self, before: str, out: str, high: bool, at_once: bool) -> None:
        enable = self._reads("lutff_global/cen", "")
        reset = self._reads("lutff_global/s_r", "")
        pin = "S" if high else "R"
        kind = "" if not reset else pin if at_once else f"S{pin}"
        ports = {"C": self._reads("lutff_global/clk"), "D": before, "Q": out}
        if enable:
            ports["E"] = enable
        if reset:
            ports[pin] = reset
        model = f"SB_DFF{'N' * self._falling}{'E' * bool(enable)}{kind}"
        self._circuit.add(model, f"ff_{self._name}", ports)
