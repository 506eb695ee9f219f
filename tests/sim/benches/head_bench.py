"""The head against the golden model: random scores with many ties."""

from typing import Any

import cocotb
import numpy as np

from metabit.golden.network import Forward, Network
from metabit.hdl.v1.layout import Layout
from metabit.hdl.v1.words import Location
from tests.sim.benches.driving import config, cycle, generator, read, scramble, start

SAMPLES = 150


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def decisions_are_the_golden_ones(dut: Any) -> None:
    conf = config()
    layout, network, rng = Layout(conf), Network(conf), generator()
    await start(dut)
    for layer, width in enumerate(conf.hidden):
        full = conf.planes * width
        # Some scores so close that ties are common, some with margins beyond the threshold.
        spreads = rng.integers(1, full // 2 + 1, (SAMPLES, 1))
        counts = full // 2 + rng.integers(0, spreads + 1, (SAMPLES, conf.classes))
        scores = (2 * counts - full).astype(np.int32)
        anywhere = rng.integers(0, conf.classes, SAMPLES)
        labels = np.where(rng.random(SAMPLES) < 0.5, scores.argmax(axis=1), anywhere)
        nothing = np.zeros((SAMPLES, width), np.int32)
        result = Forward([], [nothing] * conf.layers, [scores] * conf.layers)
        triggered, _ = network._winners(result, labels, layer)
        assert 0.1 < triggered.mean() < 0.9, "some samples must trigger, and some must not"
        if hasattr(dut, "layer"):
            dut.layer.value = layer
        for sample, label in enumerate(labels):
            dut.label.value = int(label)
            await present(dut, rng, counts[sample])
            order = [int(c) for c in np.argsort(-scores[sample], kind="stable")]
            rival = next(c for c in order if c != label)
            for _ in range(rng.integers(1, 4)):
                assert read(dut.best) == result.predictions[sample]
                assert read(dut.triggered) == triggered[sample]
                assert code_index(dut.label_code, layout) == layout.code_index(layer, label, 0)
                assert code_index(dut.rival_code, layout) == layout.code_index(layer, rival, 0)
                await cycle(dut)


async def present(dut: Any, rng: np.random.Generator, counts: np.ndarray) -> None:
    """Clear the head, and give it one popcount after the other."""
    dut.clear.value = 1
    # A clear takes precedence.
    dut.valid.value = int(rng.integers(0, 2))
    scramble(dut.count, rng)
    await cycle(dut)
    dut.clear.value = 0
    for count in counts:
        while rng.random() < 0.3:
            dut.valid.value = 0
            scramble(dut.count, rng)
            await cycle(dut)
        dut.valid.value = 1
        dut.count.value = int(count)
        await cycle(dut)
    dut.valid.value = 0
    scramble(dut.count, rng)


def code_index(handle: Any, layout: Layout) -> int:
    """Return the linear index of the word where a code begins."""
    location = Location(layout).from_bits(read(handle))
    rows = layout.config.array.rows
    return (location.address * rows + location.row) * layout.chunks
