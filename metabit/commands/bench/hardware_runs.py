"""What `metabit bench hardware` measures: builds that are there, and whole epochs in RTL."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metabit.boards.registry import Board
from metabit.boards.results import BuildResult, load_result
from metabit.errors import MetabitError
from metabit.golden.binary_network import Statistics
from metabit.golden.config import Config
from metabit.golden.data.training_data import TrainingData
from metabit.golden.engines import EngineName
from metabit.golden.runs.run import Run
from metabit.hdl.placement import Placement
from metabit.hdl.shape import Shape
from metabit.hdl.statistics import PHASES
from metabit.planning.cycles import Bounds, bounds
from metabit.planning.events import Rates
from metabit.sim.simulate import build_device, simulation

Report = Callable[[str], None]
"""Called with what is about to take time."""


@dataclass(frozen=True)
class Built:
    """Builds of a device for a board, with several seeds.

    Attributes
    ----------
    board, shape : str
    fmax_mhz : tuple of float
        Of each.
    target_mhz : float
        Clock that they were built for.
    resources : dict of str to tuple of float and int
        Used, the median, and how many there are.
    """

    board: str
    shape: str
    fmax_mhz: tuple[float, ...]
    target_mhz: float
    resources: dict[str, tuple[float, int]]

    @property
    def median_mhz(self) -> float:
        """Median of what they reach."""
        return statistics.median(self.fmax_mhz)

    def used(self, resource: str) -> int | None:
        """Return how much of a resource is used, if any."""
        return round(self.resources[resource][0]) if resource in self.resources else None


def collect_builds(paths: Sequence[Path], board: Board) -> Built | None:
    """Return the builds of a board's device that are among some files and folders.

    Parameters
    ----------
    paths : sequence of Path
        Files ``build.json``, or folders that hold some, at any depth.
    board : Board

    Raises
    ------
    MetabitError
        If a path does not exist, a file is no result of a build, or builds differ in their clock.
    """
    found: list[BuildResult] = []
    for path in paths:
        if not path.exists():
            raise MetabitError(f"--build {path} does not exist")
        files = sorted(path.rglob("build.json")) if path.is_dir() else [path]
        found += [load_result(file) for file in files]
    mine = [result for result in found if (result.board, result.shape) == (board.name, board.shape)]
    if not mine:
        return None
    (clock,) = {clock for result in mine for clock in result.target_mhz} or {""}
    targets = {result.target_mhz[clock] for result in mine}
    if len(targets) > 1:
        raise MetabitError(
            f"builds of {board.name} are for different clocks: "
            + ", ".join(f"{target:g} MHz" for target in sorted(targets))
        )
    names = dict.fromkeys(name for result in mine for name in result.resources)
    resources = {
        name: (
            statistics.median(r.resources[name].used for r in mine if name in r.resources),
            next(r.resources[name].total for r in mine if name in r.resources),
        )
        for name in names
    }
    fmax = tuple(result.fmax_mhz[clock] for result in mine)
    return Built(board.name, board.shape, fmax, targets.pop(), resources)


@dataclass(frozen=True)
class Epoch:
    """Cycles of a whole epoch, or of inference, simulated in RTL.

    Attributes
    ----------
    what : str
        "epoch 1", ..., or "inference".
    samples : int
    cycles : dict of str to int
        By phase, which overlap; ``run``: all.
    rates : Rates or None
        Of training.
    bound : Bounds
    """

    what: str
    samples: int
    cycles: dict[str, int]
    rates: Rates | None
    bound: Bounds

    def per_sample(self, phase: str = "run") -> float:
        """Return cycles a sample."""
        return self.cycles[phase] / self.samples

    @property
    def ratio(self) -> float:
        """Cycles over those of the bound."""
        return self.per_sample() / self.bound.cycles

    def to_dict(self) -> dict[str, Any]:
        """Return what ``--json`` writes."""
        return {
            "what": self.what,
            "samples": self.samples,
            "cycles": self.cycles,
            "cycles_per_sample": self.per_sample(),
            "rates": None if self.rates is None else vars(self.rates),
            "bound": vars(self.bound) | {"cycles": self.bound.cycles, "part": self.bound.part},
            "ratio": self.ratio,
        }


def simulate_epochs(
    config: Config,
    shape: Shape,
    data: TrainingData,
    *,
    epochs: Sequence[int],
    training: int,
    samples: int | None,
    engine: EngineName,
    report: Report,
) -> list[Epoch]:
    """Simulate whole epochs of a training, and inference after the last of them.

    Every prediction is compared with golden's, and all state at the end of every epoch.

    Parameters
    ----------
    config : Config
    shape : Shape
        Is simulated with a count of cycles by phase, which changes nothing else.
    data : TrainingData
    epochs : sequence of int
        Which, from 1, in order. Golden trains up to the beginning of each.
    training : int
        Length of the training.
    samples : int, optional
        Only so many of each epoch: for a quick look.
    engine : {"numpy", "numba"}
        Golden's.
    report : callable
        See :data:`Report`.
    """
    placement = Placement(config, shape)
    counting = shape.model_copy(update={"phases": True})
    library = build_device(counting, report=report)
    golden = Run.start(config, data, training, observe=False, engine=engine)
    found: list[Epoch] = []
    for epoch in epochs:
        report(f"train up to epoch {epoch}")
        _train_up_to(golden, epoch)
        report(f"simulate epoch {epoch}")
        run = Run.resume(golden.checkpoint(), data, engine=engine)
        before, annealing = _copy(run.network.statistics), run.schedule.annealing
        with simulation(run, counting, library, engine=engine, compare_every=1 << 30) as opened:
            for _ in opened.spans(min(samples or data.samples, data.samples)):
                pass
            cycles = opened.side.cycles
            opened.side.compare()
            rates = _rates(before, opened.side.golden.network.statistics, annealing)
            count = opened.side.samples
            found.append(Epoch(f"epoch {epoch}", count, cycles, rates, bounds(placement, rates)))
            if epoch == epochs[-1]:
                report("simulate inference")
                tests = data.test[: samples or None]
                seen = opened.driver.statistics().cycles
                opened.side.predict(tests)
                now = opened.driver.statistics().cycles
                spent = {phase: (now[phase] - seen[phase]) % (1 << 32) for phase in PHASES}
                bound = bounds(placement, None)
                found.append(Epoch("inference", len(tests), spent, None, bound))
    return found


def _train_up_to(run: Run, epoch: int) -> None:
    """Train to the beginning of an epoch."""
    if run.schedule.epoch < epoch:
        for _ in run.spans():
            if run.schedule.epoch == epoch:
                return


def _copy(counts: Statistics) -> Statistics:
    return Statistics(counts.samples, counts.correct, [*counts.triggers], [*counts.updates])


def _rates(before: Statistics, after: Statistics, annealing: int) -> Rates:
    samples = after.samples - before.samples
    pairs = list(zip(after.triggers, before.triggers, strict=True))
    triggers = [now - then for now, then in pairs]
    rows = [now - then for now, then in zip(after.updates, before.updates, strict=True)]
    return Rates(
        tuple(count / samples for count in triggers),
        tuple(count / max(1, of) for count, of in zip(rows, triggers, strict=True)),
        annealing=annealing,
    )
