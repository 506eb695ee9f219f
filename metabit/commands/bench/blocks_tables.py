"""The page of `metabit bench blocks`, as Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from metabit.boards.registry import Board

from .blocks_runs import MOST_PLACED, RESOURCES, SEED, Cost

_PAGE = """\
# What the blocks cost

Every block of `hdl` by itself, with the parameters that it has in the device of a board.
`metabit bench blocks --out docs/machine/costs.md` has written this page, and writes the same again
as long as neither the blocks nor the tools change: what a change costs stands in its diff.

- Cells are those of the block, synthesised without what surrounds it, by the commands that make
  bitstreams. A part is counted in all that contains it. Parts add up to more than the whole, in
  which some of their inputs are constant and some of their outputs unused.
- MHz: the block alone, placed and routed between registers at all its ports, which are not
  counted; seed {seed}. All cells find new places after every change, so that the clock may move by
  some percent, either way, without a reason in the block.
- Blocks of more than {most:,} cells are synthesised only; `metabit build` says what clock a device
  reaches.
- A carry cell of the ECP5 takes two look-up tables, a cell of LUT RAM four, beside those in the
  column LUT. EBR is block RAM, SPRAM single-port RAM, DSP a multiplier block.

Tools: {tools}.
"""


@dataclass(frozen=True)
class Measured:
    """What was found about the blocks of a device.

    Attributes
    ----------
    board : Board
        That it is built for.
    costs : list of Cost
        In the order in which they are listed.
    """

    board: Board
    costs: list[Cost]


def page(found: Sequence[Measured], tools: Iterable[str]) -> str:
    """Return the whole page.

    Parameters
    ----------
    found : sequence of Measured
    tools : iterable of str
        Versions of all that has a part in it.
    """
    head = _PAGE.format(seed=SEED, most=MOST_PLACED, tools=", ".join(tools))
    return f"{head}\n{tables(found)}"


def tables(found: Sequence[Measured]) -> str:
    """Return a table a device, a block a line."""
    return "\n".join(f"{_title(each)}\n\n{_table(each)}\n" for each in found)


def _title(measured: Measured) -> str:
    return f"## `{measured.board.shape}` on {measured.board.device}"


def _table(measured: Measured) -> str:
    resources = RESOURCES[measured.board.family]
    heading = ["room", "block", "what it is", *resources, "MHz"]
    ruler = ["---"] * 3 + ["---:"] * (len(resources) + 1)
    rows = (_row(cost, resources) for cost in measured.costs)
    return "\n".join(f"| {' | '.join(line)} |" for line in (heading, ruler, *rows))


def _row(cost: Cost, resources: Mapping[str, str]) -> list[str]:
    block = cost.block
    return [
        block.room,
        f"`{block.name}`",
        block.what.replace("|", r"\|"),
        *(f"{cost.used[name]:,}" for name in resources),
        "—" if cost.mhz is None else f"{cost.mhz:.1f}",
    ]
