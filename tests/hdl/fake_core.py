"""A core without a network: takes and gives the right number of bytes and keeps a diary."""

from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import SimulatorContext

from metabit.golden.config import Config
from metabit.hdl.v1.link import Link
from metabit.hdl.v1.protocol import Command, Operation, data_unit, result_unit


def result_byte(address: int, index: int) -> int:
    """Byte of result that the fake core gives."""
    return (address + index) % 256


class FakeCore(wiring.Component):
    """Stands in for the core; stops while ``hold`` is high."""

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__(
            {
                "command": In(stream.Signature(Command())),
                "data": In(stream.Signature(8)),
                "result": Out(stream.Signature(8)),
                "idle": Out(1),
                "hold": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        command = self.command.payload
        address = Signal(8)
        data_left, result_left = Signal(16), Signal(16)
        with m.FSM():
            with m.State("IDLE"):
                m.d.comb += [self.idle.eq(1), self.command.ready.eq(1)]
                m.d.sync += address.eq(command.address)
                for operation in Operation:
                    with m.If(command.operation == operation):
                        m.d.sync += [
                            data_left.eq(command.count * data_unit(operation, self._config)),
                            result_left.eq(command.count * result_unit(operation, self._config)),
                        ]
                with m.If(self.command.valid):
                    m.next = "DATA"
            with m.State("DATA"):
                with m.If(data_left == 0):
                    m.next = "RESULT"
                with m.Elif(~self.hold):
                    m.d.comb += self.data.ready.eq(1)
                    with m.If(self.data.valid):
                        m.d.sync += data_left.eq(data_left - 1)
            with m.State("RESULT"):
                m.d.comb += self.result.payload.eq(address)
                with m.If(result_left == 0), m.If(~self.hold):
                    m.next = "IDLE"
                with m.Elif(~self.hold):
                    m.d.comb += self.result.valid.eq(1)
                    with m.If(self.result.ready):
                        m.d.sync += [address.eq(address + 1), result_left.eq(result_left - 1)]
        return m


class LinkAndFakeCore(wiring.Component):
    """A device with a fake core."""

    def __init__(self, config: Config) -> None:
        super().__init__({"rx": In(stream.Signature(8)), "tx": Out(stream.Signature(8))})
        self.link = Link(config)
        self.core = FakeCore(config)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.link = link = self.link
        m.submodules.core = ResetInserter(link.abort)(self.core)
        wiring.connect(m, wiring.flipped(self.rx), link.rx)
        wiring.connect(m, link.tx, wiring.flipped(self.tx))
        wiring.connect(m, link.command, self.core.command)
        wiring.connect(m, link.data, self.core.data)
        wiring.connect(m, self.core.result, link.result)
        m.d.comb += link.idle.eq(self.core.idle)
        return m


class Diary:
    """What the core saw: ``(operation, sample, count, address, data)`` of every command."""

    def __init__(self, dut: LinkAndFakeCore) -> None:
        self._dut = dut
        self.entries: list[list] = []
        self.aborts = 0

    async def watch(self, ctx: SimulatorContext) -> None:
        """Background testbench that writes the diary."""
        core = self._dut.core
        while True:
            *_, command, taken, byte, moved, abort = await ctx.tick().sample(
                core.command.payload,
                core.command.valid & core.command.ready,
                core.data.payload,
                core.data.valid & core.data.ready,
                self._dut.link.abort,
            )
            self.aborts += abort
            if taken:
                self.entries.append(
                    [command.operation, command.sample, command.count, command.address, b""]
                )
            if moved:
                self.entries[-1][-1] += bytes([byte])
