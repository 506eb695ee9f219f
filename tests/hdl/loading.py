"""A network in the words that a device takes, and its state read back.

Written apart from the driver, so that one checks the other.
"""

import numpy as np
from amaranth.sim import SimulatorContext

from metabit.golden.network import Network
from metabit.hdl.bundles import Space
from metabit.hdl.placement import Placement
from metabit.hdl.shape import LANES


async def access(
    ctx: SimulatorContext,
    host,
    space: Space,
    *,
    element: int = 0,
    address: int = 0,
    part: int = 0,
    data: int | None = None,
) -> int:
    """Write a word, or read one if there are no data."""
    ctx.set(host.write, int(data is not None))
    ctx.set(host.space, space)
    ctx.set(host.element, element)
    ctx.set(host.address, address)
    ctx.set(host.part, part)
    ctx.set(host.write_data, data or 0)
    ctx.set(host.valid, 1)
    while True:
        *_, ready, found = await ctx.tick().sample(host.ready, host.read_data)
        if ready:
            break
    ctx.set(host.valid, 0)
    return int(found)


def beats(placement: Placement, layer: int):
    """Yield element, address, neuron and first input of every 64 weights of a layer."""
    elements, width = placement.shape.elements, placement.config.hidden[layer]
    for neuron in range(width):
        for word in range(placement.regions[layer]):
            visit, element = divmod(word, elements)
            yield element, placement.base[layer] + visit * width + neuron, neuron, word * LANES


def padded(row: np.ndarray, start: int) -> np.ndarray:
    """Return the 64 counters of a row from here on; those beyond it are 0."""
    part = np.zeros(LANES, np.int64)
    found = row[start : start + LANES]
    part[: len(found)] = found
    return part


def parts_of(counters: np.ndarray, placement: Placement) -> list[int]:
    """Return the words of space COUNTERS of 64 counters."""
    shape = placement.shape
    if shape.memory == "spram":
        return [
            sum((int(v) & 255) << 8 * n for n, v in enumerate(counters[8 * p : 8 * p + 8]))
            for p in range(shape.parts)
        ]
    return [
        sum(((int(v) >> p) & 1) << n for n, v in enumerate(counters)) for p in range(shape.parts)
    ]


def signs_of(counters: np.ndarray) -> int:
    return sum(int(v >= 0) << n for n, v in enumerate(counters))


async def load_state(ctx: SimulatorContext, host, network: Network, placement: Placement) -> None:
    """Write counters, signs and generator."""
    for layer in range(placement.config.layers):
        for element, address, neuron, start in beats(placement, layer):
            part = padded(network.counters[layer][neuron], start)
            for p, word in enumerate(parts_of(part, placement)):
                await access(
                    ctx, host, Space.COUNTERS, element=element, address=address, part=p, data=word
                )
            await access(
                ctx, host, Space.SIGNS, element=element, address=address, data=signs_of(part)
            )
    await access(ctx, host, Space.GENERATOR, data=network.generator.state)


async def check_state(ctx: SimulatorContext, host, network: Network, placement: Placement) -> None:
    """Read counters, current signs and generator, and compare them."""
    state = await access(ctx, host, Space.GENERATOR)
    # What stands above its 32 bits does not count.
    assert state & 0xFFFF_FFFF == network.generator.state
    for layer in range(placement.config.layers):
        for element, address, neuron, start in beats(placement, layer):
            part = padded(network.counters[layer][neuron], start)
            for p, word in enumerate(parts_of(part, placement)):
                found = await access(
                    ctx, host, Space.COUNTERS, element=element, address=address, part=p
                )
                assert found == word, (layer, neuron, start, p, hex(found), hex(word))
            if placement.shape.memory == "block":
                found = await access(ctx, host, Space.CURRENT, element=element, address=address)
                assert found == signs_of(part), (layer, neuron, start)
