"""Small designs as bitstreams of an iCEBreaker's FPGA, and as chips that tests simulate."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from amaranth.back import rtlil, verilog
from amaranth.hdl import (
    Cat,
    ClockDomain,
    ClockSignal,
    Const,
    Instance,
    Module,
    Mux,
    ResetSignal,
    Signal,
    Value,
)
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from metabit.boards.registry import BOARDS
from metabit.hdl.store.multipliers import Adders
from metabit.hdl.store.ram import Spram
from metabit.sim.bitstream.circuit import MODULE
from metabit.sim.bitstream.decode import Decoded, pin_name
from metabit.sim.cell_models import CELL_OPTIONS, cell_models, write_models
from metabit.sim.source import Rtl
from metabit.tools.run import run_tool

_PORTS = (
    *("clk", "rst"),
    *(f"rx__payload[{bit}]" for bit in range(8)),
    *(f"tx__payload[{bit}]" for bit in range(8)),
)
"""Ports of a design, bit by bit."""


@dataclass(frozen=True)
class Part:
    """An FPGA in its package.

    Attributes
    ----------
    option : str
        What nextpnr calls it.
    package : str
    places : str
        Pins for the ports.
    """

    option: str
    package: str
    places: str

    @property
    def pins(self) -> dict[str, str]:
        """Pins of the ports that a design has."""
        return dict(zip(_PORTS, self.places.split(), strict=True))


UP5K = Part("--up5k", "sg48", "35 10 2 3 4 6 9 11 12 13 28 31 32 34 36 37 38 42")
HX8K = Part("--hx8k", "ct256", "J3 A1 B2 B13 C8 D4 D16 E16 F14 G13 H12 J13 K13 L10 M6 N3 P4 P15")


class Design(wiring.Component):
    """A block that is fed at random; ``tx`` sums up what it answers, every cycle."""

    def __init__(self) -> None:
        streams = stream.Signature(8)
        super().__init__({"rx": In(streams), "tx": Out(streams)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        noise, self.count = Signal(64, init=0x9E3779B97F4A7C15), Signal(16)
        first = noise ^ (noise << 13)[:64]
        second = first ^ (first >> 7)
        m.d.sync += [noise.eq(second ^ (second << 17)[:64]), self.count.eq(self.count + 1)]
        answer = self.block(m, noise)
        total: Value = Const(0, 8)
        for start in range(0, len(answer), 8):
            total = total ^ answer[start : start + 8]
        m.d.sync += self.tx.payload.eq(total)
        m.d.comb += [self.tx.valid.eq(1), self.rx.ready.eq(1)]
        return m

    def block(self, m: Module, noise: Value) -> Value:
        """Add what is tested, and return what it answers."""
        raise NotImplementedError


class Chains(Design):
    """Adders longer than a tile, with carry in and out, and a comparison."""

    def block(self, m: Module, noise: Value) -> Value:
        total, less = Signal(24), Signal()
        m.d.sync += [
            total.eq(total + noise[:24] + noise[60]),
            less.eq(noise[:11] < noise[11:22]),
        ]
        return Cat(total, less, (total[:9] - noise[30:39])[:9])


class Registers(Design):
    """Flip-flops of all kinds, and bytes that come in."""

    def block(self, m: Module, noise: Value) -> Value:
        m.domains += [
            ClockDomain("late", clk_edge="neg", local=True),
            ClockDomain("sudden", async_reset=True, local=True),
        ]
        m.d.comb += [
            ClockSignal("late").eq(ClockSignal()),
            ResetSignal("late").eq(ResetSignal()),
            ClockSignal("sudden").eq(ClockSignal()),
        ]
        flag = Signal()
        m.d.sync += flag.eq(noise[3:6] == 0)
        m.d.comb += ResetSignal("sudden").eq(flag)
        held, late, sudden = Signal(8, reset_less=True), Signal(8), Signal(8, init=0xC3)
        taken = Signal(8)
        with m.If(noise[7]):
            m.d.sync += held.eq(held + noise[8:12])
        with m.If(noise[12:15] == 0):
            m.d.sync += held.eq(0x0F)
        m.d.late += late.eq(noise[20:28] ^ held)
        with m.If(noise[9]):
            m.d.sudden += sudden.eq(noise[30:38])
        m.d.sync += taken.eq(self.rx.payload)
        return Cat(held, late, sudden, taken)


class Contents(Design):
    """Block RAM of several forms that holds something from the beginning."""

    def block(self, m: Module, noise: Value) -> Value:
        answers = []
        for width, depth in ((16, 256), (8, 512), (4, 1024), (2, 2048)):
            rng = np.random.default_rng(width)
            init = [int(rng.integers(1 << width)) for _ in range(depth)]
            m.submodules[f"memory_{width}"] = memory = Memory(shape=width, depth=depth, init=init)
            write, read = memory.write_port(), memory.read_port()
            bits = depth.bit_length() - 1
            m.d.comb += [
                read.addr.eq(noise[:bits]),
                read.en.eq(noise[20] | noise[21]),
                # Never what is read in the same cycle.
                write.addr.eq(Cat(~noise[0], noise[22 : 21 + bits])),
                write.data.eq(noise[40 : 40 + width]),
                write.en.eq(noise[60]),
            ]
            answers.append(read.data)
        # What stands there before the first read is not defined.
        return Mux(self.count > 16, Cat(answers), 0)


class SinglePort(Design):
    """Single-port RAM: 64 words are written, then some are read and some written anew."""

    def block(self, m: Module, noise: Value) -> Value:
        m.submodules.ram = ram = Spram()
        filling = self.count < 64
        address = Cat(noise[:6], noise[:6], noise[:2])
        first = Cat(self.count[:6], self.count[:6], self.count[:2])
        was_read = Signal()
        m.d.sync += was_read.eq(~ram.write)
        m.d.comb += [
            ram.address.eq(Mux(filling, first, address)),
            ram.write.eq(filling | noise[10]),
            ram.write_data.eq(noise[20:36]),
        ]
        return Mux(was_read, ram.read_data, 0)


class Multipliers(Design):
    """Multiplier blocks as adders."""

    def block(self, m: Module, noise: Value) -> Value:
        m.submodules.adders = adders = Adders()
        parts = Cat(Cat(noise[8 * n : 8 * n + 7], noise[8 * n + 6]) for n in range(8))
        m.d.comb += [
            adders.move.eq(noise[5] | noise[9]),
            adders.counters.eq(parts),
            adders.down.eq(noise[17:25]),
        ]
        for lane in range(8):
            m.d.comb += adders.steps[lane].eq(noise[30 + 2 * lane])
        return Mux(self.count > 8, adders.sums, 0)


DESIGNS = {
    UP5K: (Chains, Registers, Contents, SinglePort, Multipliers),
    HX8K: (Chains, Registers, Contents),
}
"""What can be built for each part."""


def build_bits(design: Design, folder: Path, part: Part) -> Path:
    """Return the bitstream of a design."""
    platform = BOARDS["icebreaker"].create_platform()
    (folder / "design.il").write_text(rtlil.convert(design, platform=platform, emit_src=False))
    (folder / "design.pcf").write_text(
        "".join(f"set_io {name} {pin}\n" for name, pin in part.pins.items())
    )
    synthesise = "read_rtlil design.il; synth_ice40 -top top -json design.json"
    place = f"{part.option} --package {part.package} --pcf design.pcf --freq 12"
    files = "--json design.json --asc design.asc --pcf-allow-unconstrained"
    for command in (
        ["yosys", "-q", "-p", synthesise],
        ["nextpnr-ice40", *place.split(), *files.split()],
        ["icepack", "design.asc", "design.bin"],
    ):
        run_tool(command, folder, folder / f"{command[0]}.log")
    return folder / "design.bin"


class Socket(wiring.Component):
    """A decoded chip with the ports of its design."""

    def __init__(self, decoded: Decoded, part: Part) -> None:
        self._ports = decoded.circuit.ports
        self._part = part
        streams = stream.Signature(8)
        super().__init__({"rx": In(streams), "tx": Out(streams)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        wires = {f"rx__payload[{bit}]": self.rx.payload[bit] for bit in range(8)}
        wires |= {f"tx__payload[{bit}]": self.tx.payload[bit] for bit in range(8)}
        wires |= {"clk": ClockSignal(), "rst": ResetSignal()}
        pins = {
            f"{self._ports[pin_name(pin)][0]}_{pin_name(pin)}": wires[name]
            for name, pin in self._part.pins.items()
            if pin_name(pin) in self._ports
        }
        m.submodules.chip = Instance(MODULE, **pins)
        m.d.comb += [self.tx.valid.eq(1), self.rx.ready.eq(1)]
        return m


class Chip:
    """A decoded chip as the source of a model."""

    def __init__(self, decoded: Decoded, part: Part = UP5K) -> None:
        self.decoded = decoded
        self._part = part

    def identity(self) -> str:
        return (
            repr(self._part)
            + self.decoded.circuit.verilog()
            + "".join(cell_models("ice40").values())
        )

    def write(self, folder: Path, report: object) -> list[str | Path]:
        (folder / "chip.v").write_text(self.decoded.circuit.verilog())
        socket = verilog.convert(Socket(self.decoded, self._part), emit_src=False)
        (folder / "top.v").write_text(socket)
        return [
            *write_models(cell_models("ice40"), folder),
            *CELL_OPTIONS,
            folder / "chip.v",
            folder / "top.v",
        ]


def described(design: Design) -> Rtl:
    """Return a design as it is described, as the source of a model."""
    return Rtl(design)
