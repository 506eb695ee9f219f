"""What synthesis must leave alone: registers that are equal but lie far from each other."""

import re

from amaranth.back import rtlil

from metabit.boards.synthesis import OWN_REGISTERS
from metabit.hdl.shape import SHAPES
from metabit.hdl.store.counters import CounterBanks, part_bits
from metabit.tools.run import run_tool

SHAPE = SHAPES["small"]
PARTS = -(-(SHAPE.counter_bits - 1) * 64 // part_bits(SHAPE))


def registers(folder, command):
    """Return how many registers hold the read places of the first bank after sharing."""
    (folder / "top.il").write_text(rtlil.convert(CounterBanks(SHAPE)))
    script = f"""
        read_rtlil top.il
        {command}
        proc; flatten; opt; opt_merge; opt_clean
        select -write found.txt w:read_place_0_* %ci1 t:*dff* %i
    """
    (folder / "top.ys").write_text(script)
    run_tool(["yosys", "-q", "-s", "top.ys"], folder, folder / "log")
    return len(set((folder / "found.txt").read_text().split()))


def test_parts_of_a_bank_keep_their_own_addresses(tmp_path):
    assert PARTS > 1
    assert registers(tmp_path, OWN_REGISTERS) == PARTS
    assert registers(tmp_path, "proc") == 1


def test_the_device_is_prepared_so():
    from metabit.boards.synthesis import PREPARATION

    assert re.search(re.escape(OWN_REGISTERS) + "$", PREPARATION)
