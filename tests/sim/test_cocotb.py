"""The testbenches in cocotb: blocks and core, verilated, against the golden model."""

import pytest

from metabit.golden.config import ArrayShape
from metabit.hdl.v1.array import Array
from metabit.hdl.v1.core import Core
from metabit.hdl.v1.head import Head
from metabit.hdl.v1.layout import Layout
from metabit.hdl.v1.update import Update
from metabit.hdl.v1.winner import Winner
from tests.sim.cocotb_runner import build
from tests.sim.small import CONFIG, changed

pytestmark = pytest.mark.slow

# Compiling takes about ten times as long as simulating: one configuration a block.
BLOCKS = {
    "update_bench": (Update, CONFIG),
    "head_bench": (Head, changed(head_offset=3)),
    "winner_bench": (Winner, CONFIG),
    "array_bench": (Array, CONFIG),
}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Return a function that compiles; all models share the first one's run-time library."""
    folder = tmp_path_factory.mktemp("models")
    models = []

    def compile_one(component, config):
        runtime = models[0].folder if models else None
        models.append(build(component, config, folder / str(len(models)), runtime))
        return models[-1]

    return compile_one


@pytest.mark.parametrize("bench", BLOCKS)
def test_block(compiled, bench):
    block, config = BLOCKS[bench]
    model = compiled(block(Layout(config)), config)
    for seed in (1, 2):
        assert model.run(bench, seed) >= 1


def test_systolic_array(compiled):
    # Operands must pass through elements that neither begin nor end a line.
    config = changed(array=ArrayShape(rows=4, lanes=16, samples=4, systolic=True))
    assert compiled(Array(Layout(config)), config).run("array_bench", seed=1) == 2


def test_core(compiled):
    assert compiled(Core(CONFIG), CONFIG).run("core_bench", seed=1) == 3
