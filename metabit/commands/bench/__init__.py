"""`metabit bench`: measurements that take minutes to hours, one module a benchmark.

A benchmark is a module with a function of its name and an ``EPILOG`` of examples.
"""

import typer

from . import (
    ablation,
    blocks,
    boards,
    campaign,
    hardware,
    link,
    live,
    mutants,
    paper,
    proofs,
    sequences,
    soft_errors,
    speed,
    timeline,
    verification,
    watch,
)

EPILOG = """
**Examples**

metabit bench speed        training and encoding, in seconds and samples a second

metabit bench hardware     clock, logic, cycles and samples a second of the boards

metabit bench blocks       cells and clock of every block by itself

metabit bench boards       what was built for every board, and what fits it

metabit bench link         how much of a serial line's rate training uses

metabit bench live         raw frames a second, and how long one takes to be learnt

metabit bench timeline tiles.vcd     who is busy when, from a recorded waveform

metabit bench watch        what it costs a training to be watched

metabit bench ablation     what every choice of the hardware rule is worth, in accuracy

metabit bench paper        the published tables, measured again

metabit bench sequences    what a recurrent layer learns

metabit bench mutants      how many small changes of the hardware its tests notice

metabit bench proofs       what holds for all inputs of the hardware's blocks

metabit bench campaign     random networks, and a line that brings anything

metabit bench soft-errors  what bits that turn over by themselves cost a training

metabit bench verification results/*.json      what all of these have found, together
"""

app = typer.Typer(
    help="Measure: speed, hardware, accuracy.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

for _module in (
    *(speed, watch, hardware, blocks, boards, link, live, timeline),
    *(ablation, paper, sequences, mutants, proofs, campaign, soft_errors, verification),
):
    _name = _module.__name__.rpartition(".")[2]
    app.command(_name.replace("_", "-"), epilog=_module.EPILOG)(getattr(_module, _name))
