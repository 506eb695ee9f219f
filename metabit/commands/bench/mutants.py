"""`metabit bench mutants`: how many small changes of the hardware its tests notice."""

import os
from collections import Counter
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from metabit.errors import MetabitError

from .. import options
from ..options import check_folder, write_json

if TYPE_CHECKING:
    from metabit.mutants.campaign import Verdict

EPILOG = """
**Examples**

metabit bench mutants                           1,000 mutants of the whole device `small`

metabit bench mutants --count 100 --json mutants.json

metabit bench mutants --device small-spram      of the other store
"""

_DEVICES = ("small", "small-spram")

_SHOWN = 100
"""Survivors that are printed; all are in the JSON file."""


def mutants(
    count: Annotated[
        int, typer.Option("--count", metavar="N", min=1, max=20_000, help="Mutants.")
    ] = 1000,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Of the draw.")] = 1,
    device: Annotated[
        str, typer.Option("--device", metavar="NAME", help=f"One of {', '.join(_DEVICES)}.")
    ] = _DEVICES[0],
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", metavar="N", min=1, help="Mutants at a time.  [default: cores]"),
    ] = None,
    prove: Annotated[
        bool,
        typer.Option(
            "--prove/--no-prove", help="Look which survivors change nothing, as Yosys can prove."
        ),
    ] = True,
    again: Annotated[
        Path | None,
        typer.Option(
            "--again",
            metavar="FILE",
            help="Results of an earlier run, of a shorter tape: only its survivors are played.",
            show_default=False,
        ),
    ] = None,
    json: options.JsonOption = None,
) -> None:
    """Change single bits of a device's netlist, and see whether trainings and self-test notice.

    All mutants are in one netlist, compiled once. A sound device is tested and trained beside the
    golden model; what it was asked and what it answered is a tape, which is played to every
    mutant. One that answers as the sound device does, to the end, has survived: the tests have a
    hole there, or it changes nothing.
    """
    from metabit.hdl.device import Device
    from metabit.hdl.shape import SHAPES
    from metabit.mutants import campaign
    from metabit.mutants.design import Mutated
    from metabit.mutants.earlier import settled
    from metabit.mutants.rehearsal import rehearse
    from metabit.sim.model import SimulatedDevice
    from metabit.sim.verilate import build

    check_folder("--json", json)
    if device not in _DEVICES:
        raise MetabitError(f"--device must be one of {', '.join(_DEVICES)}, not {device!r}")
    console = Console()
    shape = SHAPES[device]
    mutated = Mutated(partial(Device, shape), count, seed)
    with console.status("draw mutants") as status:
        library = build(mutated, report=status.update)
        status.update("train and test the sound device")
        with SimulatedDevice(library) as sound:
            sound.mutate(0)
            tape = rehearse(sound, shape)
            cycles = sound.cycles
    drawn = mutated.mutants
    workers = jobs or os.cpu_count() or 1
    verdicts = settled(again, drawn) if again else {}
    left = [mutant for mutant in drawn if mutant.number not in verdicts]
    played = campaign.run(library, tape, left, workers)
    for one in track(played, "mutants", len(left), console=console, transient=True):
        verdicts[one.mutant.number] = one
    if prove:
        survivors = [one for one in verdicts.values() if _survives(one)]
        proofs = campaign.prove(mutated, [one.mutant for one in survivors], workers)
        proved = track(proofs, "proofs", len(survivors), console=console, transient=True)
        for one, silent in zip(survivors, proved, strict=True):
            verdicts[one.mutant.number] = replace(one, changes_nothing=silent)
    found = [verdicts[mutant.number] for mutant in drawn]
    if json is not None:
        rows = [asdict(one.mutant) | _judged(one) for one in found]
        write_json(json, {"device": device, "seed": seed, "cycles": cycles, "mutants": rows})
    _print(console, found)


def _survives(one: "Verdict") -> bool:
    return one.killed_by is None and not one.changes_nothing


def _judged(one: "Verdict") -> dict[str, Any]:
    return {"killed_by": one.killed_by, "changes_nothing": one.changes_nothing}


def _print(console: Console, found: "list[Verdict]") -> None:
    """Print who was killed where, and who survived though they may change something."""
    by = Counter(one.killed_by for one in found)
    table = Table("noticed in", "mutants", title="mutants by the first wrong answer")
    table.columns[1].justify = "right"
    for chapter, number in by.items():
        if chapter is not None:
            table.add_row(escape(chapter), f"{number:,}")
    console.print(table)
    survivors = [one.mutant for one in found if _survives(one)]
    equal = sum(one.changes_nothing for one in found)
    if survivors:
        table = Table("survivor", "change", "bit", "line")
        for mutant in survivors[:_SHOWN]:
            where = mutant.wire or f"{mutant.cell} {mutant.port}[{mutant.bit}]"
            sources = ", ".join(mutant.sources)
            table.add_row(str(mutant.number), mutant.mode, escape(where), escape(sources))
        console.print(table)
        if len(survivors) > _SHOWN:
            console.print(f"and {len(survivors) - _SHOWN} more; --json FILE has all")
    if equal:
        console.print(f"{equal:,} of {len(found):,} mutants are proved to change nothing")
    rest = len(found) - equal
    killed = rest - len(survivors)
    share = f", {100 * killed / rest:.1f} %" if rest else ""
    console.print(f"{killed:,} of {rest:,} {'others' if equal else 'mutants'} noticed{share}")
