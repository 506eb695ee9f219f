"""The whole device: a byte stream in, a byte stream out, the core between."""

from amaranth.hdl import Module, ResetInserter
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.config import Config
from .core import Core
from .link import Link


class Device(wiring.Component):
    """Link and core. Simulation drives its streams; on a board they end in a UART.

    Parameters
    ----------
    config : Config
        What the device trains.

    Attributes
    ----------
    rx, tx : streams of 8 bits, in and out
        Frames of :mod:`metabit.hdl.v1.protocol` from and to the host.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        super().__init__({"rx": In(stream.Signature(8)), "tx": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        core = Core(self._config)
        m.submodules.link = link = Link(self._config)
        m.submodules.core = ResetInserter(link.abort)(core)
        wiring.connect(m, wiring.flipped(self.rx), link.rx)
        wiring.connect(m, link.tx, wiring.flipped(self.tx))
        wiring.connect(m, link.command, core.command)
        wiring.connect(m, link.data, core.data)
        wiring.connect(m, core.result, link.result)
        m.d.comb += link.idle.eq(core.idle)
        return m
