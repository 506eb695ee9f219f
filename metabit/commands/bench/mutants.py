"""`metabit bench mutants`: how many small changes of the hardware its tests notice."""

from collections import Counter
from dataclasses import asdict
from typing import Annotated

import typer

from .. import options
from ..options import check_folder, write_json

EPILOG = """
**Examples**

metabit bench mutants                           1,000 mutants of the whole device `small`

metabit bench mutants --count 100 --json mutants.json

metabit bench mutants --device small-spram      of the other store
"""

_DEVICES = ("small", "small-spram")


def mutants(
    count: Annotated[
        int, typer.Option("--count", metavar="N", min=1, max=20_000, help="Mutants.")
    ] = 1000,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Of the draw.")] = 1,
    device: Annotated[
        str, typer.Option("--device", metavar="NAME", help="Device: small or small-spram.")
    ] = "small",
    workers: options.WorkersOption = None,
    json: options.JsonOption = None,
) -> None:
    """Change single bits of a device's netlist, and see whether trainings and self-test notice.

    All mutants are in one netlist, compiled once. A sound device is trained beside the golden model and
    tested; what it was asked and what it answered is a tape, which is played to every mutant. One that
    answers as the sound device does to the end has survived.
    """
