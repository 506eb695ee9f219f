"""Blocks of the datapath one by one, against NumPy."""

import numpy as np
import pytest
from amaranth.hdl import Elaboratable
from amaranth.sim import Simulator

from metabit.golden import generator as golden_generator
from metabit.golden.config import WORD, ArrayShape, Config
from metabit.hdl.v1.element import Element
from metabit.hdl.v1.generator import Generator
from metabit.hdl.v1.head import Head
from metabit.hdl.v1.layout import Layout
from metabit.hdl.v1.popcount import Popcount
from metabit.hdl.v1.spram import SpramStore
from metabit.hdl.v1.store import BlockStore
from metabit.hdl.v1.update import Update
from metabit.hdl.v1.vote import Vote
from metabit.hdl.v1.winner import Winner


def clocked(dut: Elaboratable, testbench) -> None:
    """Run one testbench with a clock."""
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()


@pytest.mark.parametrize("width", [1, 2, 3, 5, 16, 33])
def test_popcount(width: int) -> None:
    dut = Popcount(width)
    rng = np.random.default_rng(width)
    words = [0, (1 << width) - 1, *(int(n) for n in rng.integers(0, 1 << width, 30))]

    async def testbench(ctx):
        seen = []
        for word in words + [0] * dut.latency:
            ctx.set(dut.bits, word)
            await ctx.tick()
            seen.append(ctx.get(dut.count))
        assert seen[dut.latency - 1 :][: len(words)] == [word.bit_count() for word in words]

    clocked(dut, testbench)


def test_element_accumulates_words_of_a_fan_in() -> None:
    dut = Element(16, 48)
    rng = np.random.default_rng(1)
    weights, inputs = rng.integers(0, 1 << 16, (2, 3))

    async def testbench(ctx):
        for cycle in range(3 + dut.latency):
            if cycle < 3:
                ctx.set(dut.weights, int(weights[cycle]))
                ctx.set(dut.inputs, int(inputs[cycle]))
            ctx.set(dut.enable, cycle >= dut.latency)
            await ctx.tick()
        agree = sum(16 - int(w ^ x).bit_count() for w, x in zip(weights, inputs, strict=True))
        assert ctx.get(dut.total) == agree
        ctx.set(dut.clear, 1)
        await ctx.tick()
        assert ctx.get(dut.total) == 0

    clocked(dut, testbench)


def test_generator_is_the_golden_one() -> None:
    dut = Generator()
    expected = golden_generator.Generator(0xDEADBEEF).draw(200)

    async def testbench(ctx):
        ctx.set(dut.load, 1)
        ctx.set(dut.value, 0xDEADBEEF)
        await ctx.tick()
        ctx.set(dut.load, 0)
        ctx.set(dut.step, 1)
        for value in expected:
            await ctx.tick()
            assert ctx.get(dut.state) == value

    clocked(dut, testbench)


def _config(**changes: object) -> Config:
    fields = {
        "inputs": 37,
        "hidden": (21,),
        "classes": 6,
        "group": 7,
        "counter_bits": 4,
        "array": ArrayShape(rows=4, lanes=16, samples=2),
    }
    return Config(**(fields | changes))


def test_head_breaks_ties_towards_the_lowest_class() -> None:
    config = _config(margin=0.4)
    layout = Layout(config)
    dut = Head(layout)
    rng = np.random.default_rng(2)

    async def testbench(ctx):
        for _ in range(200):
            counts = rng.integers(6, 12, config.classes)
            label = int(rng.integers(config.classes))
            ctx.set(dut.label, label)
            ctx.set(dut.clear, 1)
            await ctx.tick()
            ctx.set(dut.clear, 0)
            ctx.set(dut.valid, 1)
            for count in counts:
                ctx.set(dut.count, int(count))
                await ctx.tick()
            ctx.set(dut.valid, 0)
            scores = 2 * counts - config.hidden[0]
            rival = max((c for c in range(6) if c != label), key=lambda c: (scores[c], -c))
            best = int(scores.argmax())
            low = scores[label] - scores[rival] < config.margin_threshold[0]
            assert ctx.get(dut.best) == best
            assert ctx.get(dut.triggered) == (best != label or low)
            for code, number in ((dut.label_code, label), (dut.rival_code, rival)):
                index = ctx.get(code.address) * 4 + ctx.get(code.row)
                assert index == layout.code_index(0, number, 0)

    clocked(dut, testbench)


@pytest.mark.parametrize("layers", [2, 3])
def test_vote_is_for_the_highest_sum_and_the_first_of_several(layers: int) -> None:
    config = Config(inputs=20, hidden=(9, 17, 5)[:layers], classes=6, group=5, summed_scores=True)
    dut = Vote(Layout(config))
    rng = np.random.default_rng(layers)

    async def testbench(ctx):
        ties = 0
        for number in range(200):
            # At times all that the neurons can give, which must not overflow.
            counts = rng.integers(0, 3, (config.classes, layers))
            if number % 10 == 0:
                counts[number // 10 % config.classes] = config.hidden
            ctx.set(dut.clear, 1)
            await ctx.tick()
            ctx.set(dut.clear, 0)
            for one_class in counts:
                for layer, count in enumerate(one_class):
                    # A pause must not count.
                    ctx.set(dut.valid, 0)
                    if rng.integers(0, 2):
                        await ctx.tick()
                    ctx.set(dut.valid, 1)
                    ctx.set(dut.last, layer == layers - 1)
                    ctx.set(dut.count, int(count))
                    await ctx.tick()
            ctx.set(dut.valid, 0)
            sums = counts.sum(axis=1)
            ties += np.count_nonzero(sums == sums.max()) > 1
            assert ctx.get(dut.best) == sums.argmax()
        assert ties > 20

    clocked(dut, testbench)


@pytest.mark.parametrize("rivals", [True, False])
def test_winner_is_the_candidate_of_smallest_preactivation(rivals: bool) -> None:
    config = _config(rival_selection=rivals)
    dut = Winner(Layout(config))
    rng = np.random.default_rng(3)

    async def testbench(ctx):
        for _ in range(200):
            size = int(rng.integers(1, 8))
            counts = rng.integers(14, 24, size)
            label, rival = rng.integers(0, 2, (2, size)).astype(bool)
            ctx.set(dut.clear, 1)
            await ctx.tick()
            ctx.set(dut.clear, 0)
            ctx.set(dut.valid, 1)
            for n in range(size):
                ctx.set(dut.count, int(counts[n]))
                ctx.set(dut.label_bit, bool(label[n]))
                ctx.set(dut.rival_bit, bool(rival[n]))
                ctx.set(dut.location.row, n % 4)
                ctx.set(dut.location.address, n)
                await ctx.tick()
            ctx.set(dut.valid, 0)
            for _ in range(dut.latency - 1):
                await ctx.tick()
            z = 2 * counts - config.inputs
            wrong = ((z >= 0) != label) & ((label != rival) | (not rivals))
            assert ctx.get(dut.found) == wrong.any()
            if wrong.any():
                best = int(np.where(wrong, abs(z), 999).argmin())
                assert ctx.get(dut.winner.address) == best
                assert ctx.get(dut.desired) == label[best]

    clocked(dut, testbench)


@pytest.mark.parametrize("bits", [2, 3, 4, 7])
def test_update_of_every_counter_value(bits: int) -> None:
    dut = Update(Layout(_config(counter_bits=bits)))
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    values = np.arange(low, high + 1)

    async def testbench(ctx):
        ctx.set(dut.write.ready, 1)
        ctx.set(dut.word.valid, 1)
        for start in range(0, len(values), WORD):
            counters = np.resize(values[start : start + WORD], WORD)
            for desired, reinforce, inputs, enable in np.ndindex(2, 2, 2, 2):
                for lane in range(WORD):
                    ctx.set(dut.word.payload.counters[lane], int(counters[lane]) & (2 * high + 1))
                tag = dut.word.payload.tag
                ctx.set(tag.desired, desired)
                ctx.set(tag.reinforce, reinforce)
                ctx.set(tag.inputs, 0xFFFF * inputs)
                ctx.set(tag.enable, 0xFFFF * enable)
                await ctx.tick()
                expected = np.clip(counters + (1 if inputs == desired else -1), low, high)
                if reinforce:
                    expected = np.clip(expected + np.where(expected >= 0, 1, -1), low, high)
                if not enable:
                    expected = counters
                write = dut.write.payload
                seen = [ctx.get(write.counters[lane]) for lane in range(WORD)]
                assert seen == [int(v) & (2 * high + 1) for v in expected]
                flips = ((expected >= 0) != (counters >= 0)).any()
                assert ctx.get(write.flips) == flips

    clocked(dut, testbench)


STORES = [
    (BlockStore, ArrayShape(rows=4, lanes=32, samples=2), 7),
    (BlockStore, ArrayShape(rows=1, lanes=16, samples=1), 2),
    (SpramStore, ArrayShape(memory="spram"), 4),
    (SpramStore, ArrayShape(memory="spram"), 7),
    (SpramStore, ArrayShape(memory="spram"), 12),
]


@pytest.mark.parametrize(("store", "shape", "bits"), STORES)
def test_store_returns_what_was_written(store, shape: ArrayShape, bits: int) -> None:
    layout = Layout(_config(array=shape, counter_bits=bits))
    dut = store(layout)
    rng = np.random.default_rng(bits)
    words = rng.integers(0, 1 << bits, (layout.counter_words, WORD))

    async def testbench(ctx):
        ctx.set(dut.write.payload.flips, 1)
        ctx.set(dut.write.valid, 1)
        for index in rng.permutation(layout.counter_words):
            ctx.set(dut.write.payload.index.as_value(), int(index))
            for lane in range(WORD):
                ctx.set(dut.write.payload.counters[lane], int(words[index][lane]))
            await ctx.tick().until(dut.write.ready)
        ctx.set(dut.write.valid, 0)
        ctx.set(dut.read.valid, 1)
        for index in rng.permutation(layout.counter_words):
            ctx.set(dut.read.payload.index.as_value(), int(index))
            await ctx.tick().until(dut.read.ready)
            ctx.set(dut.read.valid, 0)
            while not ctx.get(dut.word.valid):
                await ctx.tick()
            seen = [ctx.get(dut.word.payload.counters[lane]) for lane in range(WORD)]
            assert seen == words[index].tolist()
            assert ctx.get(dut.word.payload.index.as_value()) == index
            ctx.set(dut.read.valid, 1)
        ctx.set(dut.read.valid, 0)
        positive = (words >> (bits - 1)) == 0
        signs = positive.reshape(layout.counter_depth, shape.rows, -1)
        ctx.set(dut.fetch, 1)
        for address in range(layout.counter_depth):
            ctx.set(dut.address, address)
            await ctx.tick()
            for row in range(shape.rows):
                packed = np.packbits(signs[address, row], bitorder="little").tobytes()
                assert ctx.get(dut.signs[row]) == int.from_bytes(packed, "little")

    clocked(dut, testbench)


def test_weights_too_many_for_spram_are_refused() -> None:
    config = _config(inputs=4096, hidden=(256,), array=ArrayShape(memory="spram"))
    with pytest.raises(ValueError, match=r"weights need \d+ words of each single-port RAM"):
        Layout(config)
