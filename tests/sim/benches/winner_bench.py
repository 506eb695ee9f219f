"""The winner search against the golden model: random pre-activations with many ties."""

from typing import Any

import cocotb
import numpy as np

from metabit.golden.network import Forward, Network
from metabit.hdl.v1.layout import Layout
from metabit.hdl.v1.winner import Winner
from metabit.hdl.v1.words import Location
from tests.sim.benches.driving import config, cycle, generator, packed, read, scramble, start

SAMPLES = 40


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def winners_are_the_golden_ones(dut: Any) -> None:
    conf = config()
    network, rng = Network(conf), generator()
    await start(dut)
    for layer, width in enumerate(conf.hidden):
        fan_in = conf.fan_in[layer]
        counts = rng.integers(fan_in // 2 - 2, fan_in // 2 + 4, (SAMPLES, width))
        z = (2 * counts - fan_in).astype(np.int32)
        scores = rng.integers(0, 3, (SAMPLES, conf.classes)).astype(np.int32)
        labels = rng.integers(0, conf.classes, SAMPLES)
        result = Forward([], [z] * conf.layers, [scores] * conf.layers)
        _, winners = network._winners(result, labels, layer)
        assert (winners >= 0).any(), "there must be winners"
        assert (winners < 0).any(), "there must be groups without a winner"
        if hasattr(dut, "layer"):
            dut.layer.value = layer
        for sample, label in enumerate(labels):
            others = np.where(np.arange(conf.classes) == label, -1, scores[sample])
            codes = network.classifier[layer][[label, others.argmax()]]
            for group, winner in enumerate(winners[sample]):
                neurons = range(group * conf.group, min(width, (group + 1) * conf.group))
                await search(dut, rng, layer, neurons, counts[sample], codes)
                for _ in range(rng.integers(1, 4)):
                    assert read(dut.found) == (winner >= 0)
                    if winner >= 0:
                        assert read(dut.winner) == location(layer, winner)
                        assert read(dut.desired) == codes[0, winner]
                    await cycle(dut)


async def search(
    dut: Any,
    rng: np.random.Generator,
    layer: int,
    neurons: range,
    counts: np.ndarray,
    codes: np.ndarray,
) -> None:
    """Clear the search, present the neurons of a group and wait for the result."""
    dut.clear.value = 1
    dut.valid.value = 0
    await cycle(dut)
    dut.clear.value = 0
    for neuron in neurons:
        while rng.random() < 0.3:
            present_noise(dut, rng)
            await cycle(dut)
        dut.valid.value = 1
        dut.count.value = int(counts[neuron])
        dut.label_bit.value, dut.rival_bit.value = (int(bit) for bit in codes[:, neuron])
        dut.location.value = location(layer, neuron)
        await cycle(dut)
    for _ in range(Winner.latency - 1):
        present_noise(dut, rng)
        await cycle(dut)
    present_noise(dut, rng)


def present_noise(dut: Any, rng: np.random.Generator) -> None:
    """Present no neuron; the other inputs mean nothing."""
    dut.valid.value = 0
    for handle in (dut.count, dut.label_bit, dut.rival_bit, dut.location):
        scramble(handle, rng)


def location(layer: int, neuron: int) -> int:
    """Return where the weights of a neuron begin."""
    layout = Layout(config())
    address, row = divmod(layout.weight_index(layer, neuron, 0) // layout.chunks, ROWS)
    return packed(Location(layout), {"address": address, "row": row})


ROWS = config().array.rows
