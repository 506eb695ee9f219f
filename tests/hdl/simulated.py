"""A device in the Amaranth simulator, as a transport: slow, for small devices only."""

from collections import deque
from typing import Any

from amaranth.sim import Simulator, SimulatorContext

from metabit.boards.transport import DeviceTimeoutError
from tests.hdl.streams import Pauses, get, put


class AmaranthTransport:
    """Frames to and from a component with byte streams ``rx`` and ``tx``.

    Parameters
    ----------
    dut : Component
        Device.
    cycles : int
        To wait for a frame.
    seed : int or None
        Of pauses on both streams; None: no pauses.
    """

    name = "the simulated device"
    advice = ""

    def __init__(self, dut: Any, cycles: int = 20_000, seed: int | None = None) -> None:
        self._limit = cycles
        self._to_device: deque[int] = deque()
        self._from_device = bytearray()
        self.cycles = 0
        put_pauses = Pauses(seed)
        get_pauses = Pauses(None if seed is None else seed + 1)

        async def feed(ctx: SimulatorContext) -> None:
            while True:
                await put_pauses.wait(ctx)
                if self._to_device:
                    await put(ctx, dut.rx, self._to_device.popleft())
                else:
                    await ctx.tick()

        async def collect(ctx: SimulatorContext) -> None:
            while True:
                await get_pauses.wait(ctx)
                byte = await get(ctx, dut.tx)
                self._from_device.append(byte)

        async def count(ctx: SimulatorContext) -> None:
            while True:
                await ctx.tick()
                self.cycles += 1

        self._simulator = Simulator(dut)
        self._simulator.add_clock(1e-6)
        for process in (feed, collect, count):
            self._simulator.add_testbench(process)

    @property
    def patience(self) -> str:
        return f"{self._limit} cycles"

    def exchange(self, frame: bytes) -> bytes:
        self._from_device.clear()
        self.send(frame)
        return self.receive()

    def send(self, raw: bytes) -> None:
        self._to_device.extend(raw)

    def receive(self) -> bytes:
        end = self.cycles + self._limit
        while self.cycles < end:
            frame, zero, rest = self._from_device.partition(b"\0")
            if zero:
                self._from_device = rest
                if frame:
                    return bytes(frame)
            self._simulator.advance()
        raise DeviceTimeoutError(f"no answer from {self.name} in {self.patience}")

    def run(self, cycles: int) -> None:
        """Let time pass."""
        end = self.cycles + cycles
        while self.cycles < end:
            self._simulator.advance()

    def close(self) -> None:
        pass
