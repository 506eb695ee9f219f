"""`metabit bench proofs`: what holds for all inputs of the hardware's blocks."""

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from metabit.errors import MetabitError

from .. import options
from ..options import check_folder, write_json

if TYPE_CHECKING:
    from metabit.proofs.proof import Result

EPILOG = """
**Examples**

metabit bench proofs                     all of them

metabit bench proofs search head         those of two modules of `metabit.proofs`

metabit bench proofs --json proofs.json
"""


def proofs(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Modules of `metabit.proofs`.  [default: all]"),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", metavar="N", min=1, help="Proofs at a time.  [default: cores]"),
    ] = None,
    json: options.JsonOption = None,
) -> None:
    """Prove properties of the blocks, and refute each for blocks with a slip.

    Yosys makes a transition system of a block among free inputs, and an SMT solver shows that no
    run violates what is claimed: by induction for runs of any length, or for those of some cycles.
    A proof counts only if its twins fail, the same with a slip planted in the block.
    """
    from metabit.proofs import proofs as named
    from metabit.proofs.prover import engine, prove_all

    check_folder("--json", json)
    try:
        chosen = named(*(names or ()))
    except LookupError as error:
        raise MetabitError(str(error)) from None
    console = Console()
    by = engine()
    found = list(
        track(
            prove_all(chosen, jobs or os.cpu_count() or 1),
            "proofs",
            len(chosen),
            console=console,
            transient=True,
        )
    )
    if json is not None:
        write_json(json, {"engine": by, "proofs": [asdict(one) for one in found]})
    _print(console, found)
    if not all(one.sound for one in found):
        raise typer.Exit(1)


def _print(console: Console, found: "list[Result]") -> None:
    """Print what holds, and what is wrong with the rest."""
    table = Table("proof", "by", "cycles", "seconds", "twins", "")
    for column in (2, 3, 4):
        table.columns[column].justify = "right"
    for one in found:
        refuted = sum(refuted for _, refuted in one.twins)
        verdict = "holds" if one.sound else "[red]twin holds[/]" if one.holds else "[red]fails[/]"
        twins = f"{refuted} of {len(one.twins)}"
        table.add_row(
            escape(one.name), one.method, str(one.depth), f"{one.seconds:.1f}", twins, verdict
        )
    console.print(table)
    for one in found:
        for slip, refuted in one.twins:
            if not refuted:
                console.print(f"{escape(one.name)} still holds with: {escape(slip)}")
        if one.said:
            console.print(f"{escape(one.name)}:\n{escape(one.said)}")
    sound = sum(one.sound for one in found)
    twins_in_all = sum(len(one.twins) for one in found)
    console.print(
        f"{sound} of {len(found)} proofs hold, and fail with each of {twins_in_all} slips"
    )
