"""What `metabit bench blocks` measures, and what it writes."""

import random

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator, SimulatorContext
from typer.testing import CliRunner

from metabit.boards.registry import BOARDS, find_board
from metabit.cli import app
from metabit.commands.bench.blocks_harness import Harness
from metabit.commands.bench.blocks_list import choose_blocks, list_blocks
from metabit.commands.bench.blocks_runs import Cost, count, prepare
from metabit.commands.bench.blocks_tables import Measured, page
from metabit.errors import MetabitError


class Inverter(wiring.Component):
    """Two ports."""

    given: In(70)
    inverted: Out(70)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.inverted.eq(~self.given)
        return m


def test_a_harness_brings_bits_in_and_out() -> None:
    harness = Harness(Inverter(), "inverter")
    seen = []

    async def bench(ctx: SimulatorContext) -> None:
        rng = random.Random(1)
        for _ in range(400):
            ctx.set(harness.serial, rng.getrandbits(1))
            await ctx.tick()
            seen.append(ctx.get(harness.folded))

    simulator = Simulator(harness)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert set(seen) == {0, 1}


@pytest.mark.parametrize("board", BOARDS.values(), ids=lambda board: board.name)
def test_blocks_have_names_of_their_own_and_say_what_they_are(board) -> None:
    blocks = list_blocks(board)
    names = [block.name for block in blocks]
    assert len(set(names)) == len(names)
    assert {"array", "head", "store", "link", "core", "device"} <= set(names)
    for block in blocks:
        assert block.what
        assert not block.what.endswith(".")


def test_equal_sources_make_equal_tasks() -> None:
    board = find_board("icebreaker")
    (block,) = choose_blocks(["jobs"], {"up5k": list_blocks(board)})["up5k"]
    assert prepare(block, board, ("1",)) == prepare(block, board, ("1",))
    assert prepare(block, board, ("1",)) != prepare(block, board, ("2",))


def test_cells_that_nobody_counts_are_named() -> None:
    assert count({"SB_LUT4": 3, "SB_DFFER": 1, "SB_DFF": 1, "$scopeinfo": 2}, "ice40") == {
        **dict.fromkeys(("carry", "EBR", "SPRAM", "DSP"), 0),
        "LUT": 3,
        "FF": 2,
    }
    with pytest.raises(MetabitError, match="cells SB_NEW"):
        count({"SB_NEW": 1}, "ice40")


def test_page() -> None:
    board = find_board("icebreaker")
    (block,) = choose_blocks(["jobs"], {"up5k": list_blocks(board)})["up5k"]
    used = {"LUT": 1234, "FF": 2, "carry": 0, "EBR": 0, "SPRAM": 0, "DSP": 0}
    costs = [Cost(block, used, 40.25, ()), Cost(block, used, None, ())]
    text = page([Measured(board, costs)], ["a tool 1"])
    lines = [line for line in text.splitlines() if "`jobs`" in line]
    assert lines[0].startswith(f"| learn | `jobs` | {block.what} |")
    assert lines[0].endswith("| 1,234 | 2 | 0 | 0 | 0 | 0 | 40.2 |")
    assert lines[1].endswith("| — |")
    assert "Tools: a tool 1." in text


def test_what_there_is_not_is_refused() -> None:
    for options, message in (
        (["--block", "nothing"], "--block must be one of popcount"),
        (["--device", "paper"], "--device must be one of up5k, ecp5"),
        (["--device", "up5k", "--out", "x.md"], "leave out --device and --block"),
    ):
        result = CliRunner().invoke(app, ["bench", "blocks", *options])
        assert result.exit_code == 1
        assert message in " ".join(result.output.split()).replace("│ ", "")
