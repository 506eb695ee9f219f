"""The Verilog of a bitstream behind its serial pins."""

from functools import cached_property
from pathlib import Path

from amaranth.back import verilog
from amaranth.hdl import ClockSignal, Instance, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...hdl.link.uart import Uart, divisor
from ..cell_models import CELL_OPTIONS, cell_models, write_models
from ..source import Report
from .built import Built
from .circuit import MODULE
from .decode import Decoded, decode, pin_name
from .errors import BitstreamError
from .tiles import configuration
from .unpack import read

_WAKING_BITS = 12
"""A host says nothing in the first 2**12 cycles, in which the loop locks and the reset ends."""

_CLOCK_TOLERANCE = 1e-9

_CHIP_FILE, _TOP_FILE = "chip.v", "top.v"


class Bench(wiring.Component):
    """A chip with the adapter of a host at its serial pins.

    Parameters
    ----------
    pins : dict of str to str
        Pins of the package for ``"clk"``, ``"rx"`` and ``"tx"``.
    divisor : int
        Cycles per bit of the adapter; see :func:`metabit.hdl.link.uart.divisor`.

    Attributes
    ----------
    rx, tx : streams of 8 bits, in and out
        Bytes that the adapter sends and receives.
    """

    def __init__(self, pins: dict[str, str], divisor: int) -> None:
        self._pins = {name: pin_name(pin) for name, pin in pins.items()}
        self._divisor = divisor
        super().__init__({"rx": In(stream.Signature(8)), "tx": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.adapter = adapter = Uart(self._divisor)
        pins = self._pins
        ports = {
            f"i_{pins['clk']}": ClockSignal(),
            f"i_{pins['rx']}": adapter.tx_pin,
            f"o_{pins['tx']}": adapter.rx_pin,
        }
        m.submodules.chip = Instance(MODULE, **ports)
        waking = Signal(_WAKING_BITS)
        awake = Signal()
        m.d.comb += awake.eq(waking.all())
        with m.If(~awake):
            m.d.sync += waking.eq(waking + 1)
        m.d.comb += [
            adapter.tx.payload.eq(self.rx.payload),
            adapter.tx.valid.eq(self.rx.valid & awake),
            self.rx.ready.eq(adapter.tx.ready & awake),
        ]
        wiring.connect(m, adapter.rx, wiring.flipped(self.tx))
        return m


class Bitstream:
    """A bitstream as a source of a model, as :class:`metabit.sim.source.Source` describes them.

    Parameters
    ----------
    built : Built
    """

    def __init__(self, built: Built) -> None:
        self._built = built

    @cached_property
    def decoded(self) -> Decoded:
        """The netlist.

        Raises
        ------
        BitstreamError
            If the file is damaged, means what is not known, or is not for this board: it must
            make the clock that was asked for, and have the pins.
        """
        built = self._built
        decoded = decode(configuration(read(built.file)), built.package)
        clock = built.board.oscillator_mhz
        for loop in decoded.loops:
            clock = loop.output_mhz(clock)
        if abs(clock - built.clock_mhz) > _CLOCK_TOLERANCE * clock:
            raise BitstreamError(
                f"{built.file.name} makes a clock of {clock:g} MHz of {built.board.name}'s "
                f"{built.board.oscillator_mhz:g}, but was built for {built.clock_mhz:g}"
            )
        directions = {"clk": "input", "rx": "input", "tx": "output"}
        for name, pin in built.pins.items():
            found = decoded.circuit.ports.get(pin_name(pin))
            if found != directions[name]:
                raise BitstreamError(
                    f"{built.file.name} has pin {pin} as {found or 'nothing'}, which is {name} of "
                    f"{built.board.name} and an {directions[name]} of the FPGA"
                )
        return decoded

    @cached_property
    def _texts(self) -> dict[str, str]:
        built = self._built
        chip = self.decoded.circuit.verilog()
        bench = Bench(built.pins, divisor(built.clock_mhz * 1e6, built.baud))
        return {
            _CHIP_FILE: chip,
            _TOP_FILE: verilog.convert(bench, emit_src=False, strip_internal_attrs=True),
        }

    @cached_property
    def _models(self) -> dict[str, str]:
        return cell_models(self._built.board.family)

    def identity(self) -> str:
        """Return the netlist, and what its cells do."""
        return "\0".join([*self._texts.values(), *self._models.values(), *CELL_OPTIONS])

    def write(self, folder: Path, report: Report) -> list[str | Path]:
        """Write the netlist."""
        for name, text in self._texts.items():
            (folder / name).write_text(text)
        models = write_models(self._models, folder)
        return [*models, *(folder / name for name in self._texts)]
