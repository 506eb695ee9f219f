"""All tasks of a campaign, several at a time, and what they covered."""

import multiprocessing
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any, get_args

from ..boards.registry import Family
from ..sim.fuzz.noise import Noise
from ..sim.fuzz.sessions import Kind, Tally
from ..sim.sweep import DEVICES, leave_ctrl_c_to_the_parent
from .tasks import LINKS, SESSION_BYTES, Done, LinkTask, NetworkTask, Task, build, do

_NOISE_BYTES = 200_000
"""That a training over a noisy line brings, more or less."""

_KINDS: tuple[Kind, ...] = ("paced", "flood")


@dataclass
class Coverage:
    """What a campaign has covered.

    Attributes
    ----------
    networks : int
        That were trained, samples and cycles with them.
    by : dict of str to Counter
        Networks by device, netlist, layers, counter bits, tile, lag and classes.
    link : Tally
        Sessions on the link.
    noise : Noise
        What noisy lines brought.
    noisy_trainings, noisy_samples : int
        Over noisy lines.
    sessions : int
        On the link.
    failures : list of Done
        What went wrong.
    """

    networks: int = 0
    samples: int = 0
    cycles: int = 0
    by: dict[str, Counter[str]] = field(default_factory=dict)
    link: Tally = field(default_factory=Tally)
    sessions: int = 0
    noise: Noise = field(default_factory=Noise)
    noisy_trainings: int = 0
    noisy_samples: int = 0
    failures: list[Done] = field(default_factory=list)

    @property
    def link_bytes(self) -> int:
        """Bytes that lines have brought of themselves."""
        return self.link.sent + self.noise.sent

    def add(self, done: Done) -> None:
        """Count a task that was done."""
        self.cycles += done.cycles
        if done.error is not None:
            self.failures.append(done)
        if isinstance(done.task, NetworkTask):
            self._add_network(done, done.task)
        elif done.task.kind == "noise":
            self.noisy_trainings += 1
            self.noisy_samples += done.samples
            if isinstance(done.link, Noise):
                self.noise.sent += done.link.sent
                self.noise.fates += done.link.fates
        else:
            self.sessions += 1
            if isinstance(done.link, Tally):
                self.link.add(done.link)

    def _add_network(self, done: Done, task: NetworkTask) -> None:
        config = done.config
        assert config is not None
        self.networks += 1
        self.samples += done.samples
        for name, value in (
            ("device", done.device),
            ("netlist", task.netlist or "none"),
            ("layers", config.layers),
            ("counter_bits", config.counter_bits),
            ("tile", config.tile),
            ("lag", config.lag),
            ("classes", config.classes),
        ):
            self.by.setdefault(name, Counter())[str(value)] += 1

    def as_dict(self) -> dict[str, Any]:
        """Return what --json says."""
        return {
            "networks": self.networks,
            "samples": self.samples,
            "simulated_cycles": self.cycles,
            "networks_by": {name: dict(sorted(by.items())) for name, by in self.by.items()},
            "link_bytes": self.link_bytes,
            "link_sessions": self.sessions,
            "link": _plain(self.link),
            "noisy_trainings": self.noisy_trainings,
            "noisy_samples": self.noisy_samples,
            "noise": _plain(self.noise),
            "failures": [
                {"task": asdict(done.task), "device": done.device, "error": done.error}
                for done in self.failures
            ],
        }


def _plain(counts: Tally | Noise) -> dict[str, Any]:
    """Return fields and values; ``asdict`` makes no sound counters."""
    return {
        name: dict(sorted(value.items())) if isinstance(value, Counter) else value
        for name, value in vars(counts).items()
    }


def plan(networks: int, netlists: int, link_bytes: int, seed: int) -> list[Task]:
    """Return the tasks of a campaign.

    Parameters
    ----------
    networks : int
        On devices as they are described.
    netlists : int
        On netlists of each family of FPGAs.
    link_bytes : int
        Least bytes for the links: a third each in paced sessions, in floods, and as noise.
    seed : int
        Decides all of it.
    """
    third = link_bytes / 3
    tasks: list[Task] = []
    for kind in _KINDS:
        count = -(-third // SESSION_BYTES)
        tasks += [LinkTask(kind, number, seed) for number in range(int(count))]
    count = -(-third // _NOISE_BYTES)
    tasks += [LinkTask("noise", number, seed) for number in range(int(count))]
    for family in get_args(Family):
        tasks += [NetworkTask(number, seed, family) for number in range(netlists)]
    tasks += [NetworkTask(number, seed) for number in range(networks)]
    return tasks


def run(tasks: list[Task], workers: int) -> Iterator[Done]:
    """Do tasks, several at a time, and yield what became of them, in order."""
    build(_first_of_each(tasks))
    # Forking would copy whatever threads the caller has running.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, leave_ctrl_c_to_the_parent) as pool:
        yield from pool.map(do, tasks, chunksize=len(DEVICES))


def _first_of_each(tasks: list[Task]) -> list[Task]:
    """Return some of the tasks, with every model that all of them need."""
    seen: dict[tuple[Any, ...], Task] = {}
    for task in tasks:
        if isinstance(task, NetworkTask):
            seen.setdefault(("network", task.netlist, task.number % len(DEVICES)), task)
        else:
            seen.setdefault((task.kind, task.number % len(LINKS)), task)
    return list(seen.values())
