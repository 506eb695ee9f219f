"""The encoder in front of the core: a raw sample goes in, its class comes out, and it is learnt."""

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In
from amaranth.sim import SimulatorContext

from metabit.golden.config import Config
from metabit.golden.encoding.assemble import assemble
from metabit.golden.encoding.encoders import Encoder as GoldenEncoder
from metabit.golden.network import Network
from metabit.hdl.bundles import CoreSignature
from metabit.hdl.core import Core
from metabit.hdl.encode.cycles import count_cycles
from metabit.hdl.encode.encoder import Encoder
from metabit.hdl.encode.sizes import Sizes
from metabit.hdl.placement import Placement
from metabit.hdl.shape import LANES, SHAPES, Shape
from tests.hdl.loading import check_state, load_state
from tests.hdl.streams import get, put, put_all, simulate
from tests.hdl.test_core_blocks import load

SIZES = Sizes(pixels=64, lanes=2, words=512)


class Learner(wiring.Component):
    """A core whose samples come from an encoder."""

    def __init__(self, shape: Shape) -> None:
        self.encoder, self.core = Encoder(SIZES), Core(shape)
        outside = {
            name: member
            for name, member in self.encoder.signature.members.items()
            if name != "words"
        }
        outside |= {
            name: member
            for name, member in CoreSignature(shape).members.items()
            if name != "samples"
        }
        # Both have a stream `samples`: the encoder's is the one outside.
        super().__init__({**outside, "abort": In(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.encoder, m.submodules.core = self.encoder, self.core
        wiring.connect(m, self.encoder.words, self.core.samples)
        for name in ("samples", "pixels"):
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(self.encoder, name))
        for name in ("run", "host"):
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(self.core, name))
        wiring.connect(m, self.core.predictions, wiring.flipped(self.predictions))
        m.d.comb += [
            self.encoder.write.eq(self.write),
            self.encoder.write_address.eq(self.write_address),
            self.encoder.write_data.eq(self.write_data),
            self.idle.eq(self.core.idle),
            self.core.abort.eq(self.abort),
        ]
        return m


@pytest.mark.parametrize(("device", "latency"), [("small-spram", 58), ("small", 80)])
def test_raw_samples_are_learnt_one_by_one(device: str, latency: int) -> None:
    """Latency: cycles of the core, from the last word of a sample to its prediction."""
    shape = SHAPES[device]
    rng = np.random.default_rng(3)
    spec = "thermometer:60,120+edges:d=1,t=8,c=0/3"
    prototypes = rng.integers(0, 256, (4, 8, 8))
    labels = rng.integers(0, 4, 12)
    noise = rng.integers(-90, 91, (12, 8, 8))
    images = np.clip(prototypes[labels] + noise, 0, 255).astype(np.uint8)
    fitted = GoldenEncoder(spec)
    config = Config(
        inputs=fitted.bits((8, 8)),
        hidden=(24,),
        classes=4,
        group=12,
        counter_bits=shape.counter_bits,
        tile=1,
        lag=0,
        margin=0.25,
    )
    placement = Placement(config, shape)
    program = assemble(fitted, (8, 8), width=LANES * placement.regions[0])
    packed, encoded = program.frame.pack(images), fitted.encode(images)
    golden = Network(config)
    dut = Learner(shape)
    now: list[int] = [0]

    async def clock(ctx: SimulatorContext) -> None:
        while True:
            await ctx.tick()
            now[0] += 1

    async def bench(ctx: SimulatorContext) -> None:
        await load(ctx, dut, golden, placement)
        await load_state(ctx, dut.host, golden, placement)
        ctx.set(dut.write, 1)
        for address, word in enumerate(program.words):
            ctx.set(dut.write_address, address)
            ctx.set(dut.write_data, word)
            await ctx.tick()
        ctx.set(dut.write, 0)
        run = {"samples": len(images), "train": 1, "drain": 1, "annealing": 0, "damping": 0}
        await put(ctx, dut.run, run)
        await ctx.tick()
        await ctx.tick()
        for sample, label, pixels in zip(encoded, labels, packed, strict=True):
            fields = {"label": placement.class_number(int(label)), "origin": 0, "keep": 0}
            begun = now[0]
            await put(ctx, dut.samples, fields)
            await put_all(ctx, dut.pixels, map(int, pixels))
            # The class is there before the next sample is sent.
            found = await get(ctx, dut.predictions)
            assert now[0] - begun == count_cycles(program, SIZES.lanes) + latency
            forward = golden.train_tile(sample[None], np.array([label]), annealing=0, damping=0)
            assert found == placement.class_number(int(forward.predictions[0]))
        golden.drain()
        while not ctx.get(dut.idle):
            await ctx.tick()
        await check_state(ctx, dut.host, golden, placement)
        assert golden.statistics.updates[0], "something must be learnt"

    simulate(dut, bench, background=[clock], deadline=100_000)
