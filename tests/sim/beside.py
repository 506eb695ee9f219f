"""A device with a memory beside it that is no chip: words, and how long they take."""

from functools import cache
from pathlib import Path

import numpy as np
from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from metabit.hdl.device import Device
from metabit.hdl.memory.signature import Fetch, Store
from metabit.hdl.shape import SHAPES, Shape
from metabit.sim.source import Rtl
from metabit.sim.verilate import build

PLAYING = SHAPES["small"].model_copy(
    update={"name": "playing", "stored": "sdram", "confusion": True}
)
READ_ONLY = SHAPES["small-spram"].model_copy(update={"name": "read-only", "stored": "flash"})

DEPTH = 1 << 12


class WordMemory(wiring.Component):
    """Serves requests one after the other, a word every ``pace`` cycles."""

    def __init__(self, pace: int, words: np.ndarray, writable: bool) -> None:
        self._pace, self._words = pace, words
        members = {"fetch": In(Fetch())}
        if writable:
            members["store"] = In(Store())
        self._writable = writable
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        words = [int(word) for word in self._words]
        m.submodules.words = memory = Memory(shape=64, depth=DEPTH, init=words)
        read = memory.read_port()
        request, out = self.fetch.request, self.fetch.words
        address, left, wait = Signal(24), Signal(12), Signal(range(self._pace + 1))
        m.d.comb += [read.addr.eq(address), out.payload.eq(read.data)]
        with m.FSM():
            with m.State("Rest"):
                m.d.comb += request.ready.eq(1)
                m.d.sync += [
                    address.eq(request.payload.address),
                    left.eq(request.payload.words),
                    wait.eq(self._pace),
                ]
                with m.If(request.valid):
                    m.next = "Wait"
            with m.State("Wait"):
                m.d.sync += wait.eq(wait - 1)
                with m.If(wait == 1):
                    m.next = "Give"
            with m.State("Give"):
                m.d.comb += out.valid.eq(1)
                with m.If(out.ready):
                    m.d.sync += [address.eq(address + 1), left.eq(left - 1), wait.eq(self._pace)]
                    m.next = "Wait"
                    with m.If(left == 1):
                        m.next = "Rest"
        if self._writable:
            write = memory.write_port()
            m.d.comb += [
                self.store.words.ready.eq(1),
                write.addr.eq(self.store.words.payload.address),
                write.data.eq(self.store.words.payload.data),
                write.en.eq(self.store.words.valid),
            ]
        return m


class Beside(wiring.Component):
    """The device and its memory."""

    rx: In(stream.Signature(8))
    tx: Out(stream.Signature(8))

    def __init__(self, shape: Shape, pace: int, words: np.ndarray) -> None:
        self._shape, self._pace, self._words = shape, pace, words
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.device = device = Device(self._shape)
        m.submodules.memory = memory = WordMemory(self._pace, self._words, self._shape.writable)
        wiring.connect(m, wiring.flipped(self.rx), device.rx)
        wiring.connect(m, device.tx, wiring.flipped(self.tx))
        wiring.connect(m, device.fetch, memory.fetch)
        if self._shape.writable:
            wiring.connect(m, device.store, memory.store)
        return m


@cache
def playing_library(pace: int = 4) -> Path:
    """The compiled device PLAYING, its memory empty."""
    return build(Rtl(Beside(PLAYING, pace, np.empty(0, np.uint64))), optimise="-O0")
