"""What a campaign consists of: networks, sessions on the link, trainings over a noisy line."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from ..boards.registry import Family
from ..errors import MetabitError
from ..golden.config import Config
from ..hdl.shape import SHAPES, Shape
from ..sim import simulate
from ..sim.fuzz.noise import Noise, train
from ..sim.fuzz.sessions import Kind, Script, Tally, play, script
from ..sim.model import SimulatedDevice
from ..sim.sweep import DEVICES, Case, case_of, run_case
from .regressions import Failure, LinkFailure, NetworkFailure, NoiseFailure
from .shrink import shrink_case, shrink_sequence

LINKS = ("small", "small-spram")
"""Devices whose link is tried."""

SESSION_BYTES = 20_000
"""Of a session whose bytes were drawn beforehand."""


@dataclass(frozen=True)
class NetworkTask:
    """A network of a sweep."""

    number: int
    seed: int
    netlist: Family | None = None


@dataclass(frozen=True)
class LinkTask:
    """A session on the link, or a training over a noisy line."""

    kind: Kind | Literal["noise"]
    number: int
    seed: int

    @property
    def device(self) -> str:
        """Name of the device."""
        return LINKS[self.number % len(LINKS)]


Task = NetworkTask | LinkTask


@dataclass(frozen=True)
class Done:
    """What became of a task.

    Attributes
    ----------
    task : NetworkTask or LinkTask
    device : str
    config : Config or None
        Of a network.
    samples, cycles : int
        Trained, and simulated.
    link : Tally or Noise or None
        What a line has carried.
    error : str or None
        What went wrong.
    """

    task: Task
    device: str
    config: Config | None = None
    samples: int = 0
    cycles: int = 0
    link: Tally | Noise | None = None
    error: str | None = None


def do(task: Task) -> Done:
    """Do a task in this process."""
    if isinstance(task, NetworkTask):
        trial = run_case(case_of(task.number, task.seed, task.netlist), task.netlist)
        return Done(
            task, trial.device, trial.config, trial.samples, trial.cycles, None, trial.error
        )
    device, shape = _device(task.device), SHAPES[task.device]
    begun = device.cycles
    done = Done(task, task.device)
    try:
        if task.kind == "noise":
            noise, samples = train(device, shape, task.seed, task.number)
            done = replace(done, link=noise, samples=samples)
        else:
            done = replace(done, link=play(device, shape, _script(task)))
    except MetabitError as error:
        done = replace(done, error=f"{type(error).__name__}: {error}")
    return replace(done, cycles=device.cycles - begun)


def _script(task: LinkTask) -> Script:
    assert task.kind != "noise"
    return script(task.kind, SESSION_BYTES, SHAPES[task.device], task.seed, task.number)


@cache
def _device(name: str) -> SimulatedDevice:
    """Return a device of this process."""
    return SimulatedDevice(simulate.build_device(SHAPES[name]))


def build(tasks: list[Task]) -> None:
    """Compile the models that tasks need; not by every worker."""
    for task in tasks:
        if isinstance(task, NetworkTask):
            shape = _shape(case_of(task.number, task.seed, task.netlist).device)
            simulate.build_device(shape, netlist=task.netlist)
        else:
            simulate.build_device(SHAPES[task.device])


def _shape(name: str) -> Shape:
    return next(shape for shape in DEVICES if shape.name == name)


def shrunk(done: Done) -> Failure:
    """Return the least that was found to fail of a task that did."""
    task, error = done.task, done.error or ""
    if isinstance(task, NetworkTask):
        case = shrink_case(
            case_of(task.number, task.seed, task.netlist),
            _shape(done.device),
            lambda case: run_case(case, task.netlist).error is not None,
        )
        return _network_failure(case, task.netlist)
    if task.kind == "noise":
        return NoiseFailure(device=task.device, seed=task.seed, number=task.number, error=error)
    whole = _script(task)
    pieces = shrink_sequence(
        whole.pieces,
        lambda pieces: (
            attempt(LinkFailure.of(task.device, replace(whole, pieces=pieces), "")) is not None
        ),
    )
    failure = LinkFailure.of(task.device, replace(whole, pieces=pieces), "")
    return failure.model_copy(update={"error": attempt(failure) or error})


def _network_failure(case: Case, netlist: Family | None) -> NetworkFailure:
    return NetworkFailure(
        device=case.device,
        netlist=netlist,
        config=case.config,
        seed=case.seed,
        number=case.number,
        runs=case.runs,
        error=run_case(case, netlist).error or "not when it was tried again",
    )


def attempt(failure: Failure) -> str | None:
    """Try a failure again, and return what is wrong; None: nothing is."""
    if isinstance(failure, NetworkFailure):
        return run_case(failure.case, failure.netlist).error
    device, shape = _device(failure.device), SHAPES[failure.device]
    try:
        if isinstance(failure, NoiseFailure):
            train(device, shape, failure.seed, failure.number)
        else:
            play(device, shape, failure.script)
    except MetabitError as error:
        return f"{type(error).__name__}: {error}"
    return None
