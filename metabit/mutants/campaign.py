"""All mutants, one after the other, on every core."""

import multiprocessing
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..sim.model import SimulatedDevice
from .design import Mutant, Mutated
from .equivalence import changes_nothing
from .tape import Tape


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant.

    Attributes
    ----------
    mutant : Mutant
    killed_by : str or None
        Chapter of the tape in which it answered otherwise; None: it survived.
    changes_nothing : bool
        That is proved.
    """

    mutant: Mutant
    killed_by: str | None
    changes_nothing: bool = False


def run(library: Path, tape: Tape, mutants: list[Mutant], workers: int) -> Iterator[Verdict]:
    """Play the tape to every mutant, several at a time, and yield the verdicts in order.

    Parameters
    ----------
    library : Path
        Compiled model of the netlist with all mutants.
    tape : Tape
        Of the sound device.
    mutants : list of Mutant
    workers : int
        Processes.
    """
    # Forking would copy whatever threads the caller has running.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _begin, (library, tape)) as pool:
        numbers = [mutant.number for mutant in mutants]
        for mutant, found in zip(mutants, pool.map(_play, numbers, chunksize=4), strict=True):
            yield Verdict(mutant, found)


def prove(mutated: Mutated, survivors: list[Mutant], workers: int) -> Iterator[bool]:
    """Yield of each survivor whether it is proved to change nothing.

    Parameters
    ----------
    mutated : Mutated
        What the mutants are of.
    survivors : list of Mutant
    workers : int
        Proofs at a time.
    """
    # Yosys is a process of its own: threads only wait for it.
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(partial(changes_nothing, mutated), [one.number for one in survivors])


_work: tuple[Path, Tape]


def _begin(library: Path, tape: Tape) -> None:
    """Prepare a worker; the terminal's Ctrl-C is the parent's to answer."""
    global _work
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _work = library, tape


def _play(number: int) -> str | None:
    library, tape = _work
    with SimulatedDevice(library) as device:
        device.mutate(number)
        return tape.replay(device)
