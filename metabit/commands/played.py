"""A simulated training on a device that plays samples from memory of its own."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer
from rich.console import Console

from metabit.boards.registry import BOARDS
from metabit.errors import INTERRUPTED
from metabit.golden.checkpoints.file import versions
from metabit.golden.data.class_names import class_names
from metabit.golden.engines import EngineName, make_learner
from metabit.golden.learner import Learner
from metabit.golden.runs.results import results_of
from metabit.golden.state import state_sha256

from .confusion import confusion_table
from .options import write_json
from .simulation import building
from .training import describe, link_line, summarise, train_to_end

if TYPE_CHECKING:
    from metabit.boards.played import PlayedRun
    from metabit.golden.runs.run import Run
    from metabit.hdl.shape import Shape
    from metabit.host.driver import Driver
    from metabit.host.keeping import Keeper
    from metabit.sim.chips import Chip


@dataclass(frozen=True)
class PlayedSimulation:
    """What a simulation of a playing device has shown.

    Attributes
    ----------
    learnt, tested : int
        Samples.
    cycles : int
        From the host's request to play them to its answer that they have been played.
    state_sha256 : str
        Of the state read from the device, which is golden's.
    """

    learnt: int
    tested: int
    cycles: int
    state_sha256: str

    @property
    def cycles_per_sample(self) -> float:
        """Cycles that a sample takes, learnt or tested."""
        return self.cycles / (self.learnt + self.tested)


TOGETHER = 10
"""Epochs between two checkpoints: a device learns an epoch faster than its state is read."""


def plays(driver: "Driver", run: "Run") -> bool:
    """Whether a device plays the samples of a run from memory of its own."""
    return driver.shape.stored != "none" and run.network.config.order == "strides"


def start_played(
    console: Console,
    driver: "Driver",
    run: "Run",
    path: Path | None,
    verify: bool,
    keep: int | None = None,
) -> "PlayedRun":
    """Load network and samples into a device, and say what is there and what has to be written.

    Parameters
    ----------
    console : Console
        Screen.
    driver : Driver
        The device.
    run : Run
        As it was started or resumed.
    path : Path or None
        Checkpoint, if there is to be one.
    verify : bool
        Train golden, too, and compare all state after every epoch.
    keep : int or None
        Epochs after which the state is kept in the device's flash, if it is.

    Raises
    ------
    DeviceError
        If the state that was loaded is not that of the run.
    """
    from metabit.boards.played import PlayedRun

    together = 1 if verify else keep or (TOGETHER if path is not None else run.schedule.epochs)
    with console.status("") as status:

        def report(step: str) -> None:
            status.update(step)
            console.print(f"{driver.shape.stored} memory: {step}", highlight=False)

        expected = run.network.state_sha256
        played = PlayedRun(driver, run, verify=verify, together=together, report=report)
        state = driver.read_state()
        found = state_sha256(state.counters, state.generator_state)
    if found != expected:
        from metabit.host.errors import DeviceError

        raise DeviceError(f"the device's state is {found} after it was loaded, not {expected}")
    return played


def finish_played(
    console: Console,
    run: "PlayedRun",
    path: Path | None,
    command: str,
    json: Path | None,
    port: str,
    keeper: "Keeper | None" = None,
) -> None:
    """Let a device learn to the end, and show what comes of it.

    Parameters
    ----------
    console : Console
        Screen.
    run : PlayedRun
        From :func:`start_played`.
    path : Path or None
        Checkpoint.
    command : str
        That goes on with it, when it is given ``--resume``.
    json : Path or None
        File for the results.
    port : str
        Where the device is.
    keeper : Keeper or None
        Keeps the state in the device's flash, with every checkpoint.
    """
    from metabit.boards.kept import keep_checkpoint

    def keep() -> None:
        assert keeper is not None
        keep_checkpoint(keeper, run.checkpoint())

    epochs = run.schedule.epochs - run.schedule.epoch + 1
    describe(console, run)
    finished = train_to_end(
        console, run, path, run.together, command, keep=None if keeper is None else keep
    )
    seconds = sum(run.seconds[-epochs:])
    each = run.schedule.samples + len(run.data.test)
    rate = each * min(epochs, len(run.seconds)) / seconds if seconds else 0.0
    names = class_names(run.data.dataset, run.network.config.classes, run.data.class_names)
    if finished:
        with console.status("counts of the test by class"):
            counts, counted_by = run.confusion()
    if json is not None and run.test_accuracy:
        results = results_of(run)
        results |= {
            "port": port,
            "device": run.driver.shape.name,
            "stored": run.driver.shape.stored,
            "bit_exact": True if run.verified else None,
            "samples_per_second": rate,
            "link": asdict(run.driver.link),
        }
        if finished:
            results |= {
                "confusion": counts.tolist(),
                "confusion_counted_by": counted_by,
                "class_names": names,
            }
        write_json(json, results if finished else results | {"interrupted": True})
    if not finished:
        raise typer.Exit(INTERRUPTED)
    console.print(confusion_table(counts, names))
    if counted_by == "device":
        console.print("counted by the device, in the last test", highlight=False)
    else:
        console.print(
            f"counted by the host: device {run.driver.shape.name} has predicted the test set once "
            "more, through the link",
            highlight=False,
        )
    summarise(console, run, results_of(run), path)
    console.print(
        f"{rate:,.0f} samples/s, learnt and tested, from the device's {run.driver.shape.stored}",
        highlight=False,
    )
    console.print(link_line(run.driver.link), highlight=False)
    if run.verified:
        console.print("[green]device and golden agree in every bit[/]")


def show_played(
    console: Console,
    run: "Run",
    shape: "Shape",
    samples: int | None,
    engine: EngineName,
    exact_popcount: bool,
    json: Path | None,
) -> None:
    """Let a simulated device play its samples, compare all state with golden, and show it.

    Parameters
    ----------
    console : Console
        Screen.
    run : Run
        At the beginning of an epoch.
    shape : Shape
        Device; ``stored`` names its memory.
    samples : int or None
        Samples to learn, within this epoch; None: to the end of the run, with a test after every
        epoch.
    engine : {"numpy", "numba"}
        What computes golden.
    exact_popcount : bool
        See :class:`~metabit.sim.source.Rtl`.
    json : Path or None
        File for the results.

    Raises
    ------
    MetabitError
        If device and golden differ, or a rule of the memory chip is not kept.
    """
    from metabit.sim.stored import build_stored, clock_mhz, open_stored

    with building(console) as report:
        library = build_stored(shape, exact_popcount=exact_popcount, report=report)
    driver, chip = open_stored(library, shape)
    with driver:
        if samples is None:
            found = _whole_run(console, driver, chip, run, engine)
        else:
            with console.status("simulating; an epoch takes a minute or more"):
                found = _beginning(driver, chip, run, samples, engine)
        counters = chip.counters
    mhz = clock_mhz(shape)
    name = run.network.config.name
    console.print(
        f"{found.learnt:,} samples learnt and {found.tested:,} tested in {found.cycles:,} cycles: "
        f"[bold]{found.cycles_per_sample:.1f}[/] a sample",
        highlight=False,
    )
    for board in BOARDS.values():
        if board.variant(shape.name):
            console.print(
                f"{mhz * 1e6 / found.cycles_per_sample:,.0f} samples/s at the {mhz:g} MHz of the "
                f"{board.name}, from its {chip.name}",
                highlight=False,
            )
    console.print(
        f"[green]device and golden agree in every bit[/]: {name} on {shape.name}; the "
        f"{chip.name} has found all its times kept, {counters['bytes_read']:,} bytes read",
        highlight=False,
    )
    console.print(f"state {found.state_sha256}", highlight=False)
    if json is not None:
        write_json(json, _results(run, shape, found, mhz, counters))


def _prepare(driver: "Driver", chip: "Chip", run: "Run") -> Any:
    """Load the network, and put the samples into the chip from outside; returns where they are."""
    from metabit.boards.played import StoredSets
    from metabit.hdl.link.protocol import WORD_BYTES

    driver.load(run.network)
    sets = StoredSets.of(driver.placement, run.data)
    chip.load(sets.base * WORD_BYTES, sets.image)
    return sets


def _beginning(
    driver: "Driver", chip: "Chip", run: "Run", samples: int, engine: EngineName
) -> PlayedSimulation:
    """Learn the first samples of an epoch."""
    from metabit.golden.schedule import SPAN
    from metabit.golden.strides import strides_of
    from metabit.host.compare import Divergence, DivergenceError, compare_state
    from metabit.host.playing import Player

    schedule, config = run.schedule, run.network.config
    train, _ = _prepare(driver, chip, run).places
    golden = make_learner(run.network, engine)
    learner: Learner = golden
    player = Player(driver)
    samples = min(-(-samples // config.tile) * config.tile, schedule.samples - schedule.sample)
    exponents = {"annealing": schedule.annealing, "damping": schedule.damping}
    simulated = driver.transport.device  # type: ignore[attr-defined]
    start = simulated.cycles
    played = player.play(
        train,
        strides_of(config.seed, schedule.epoch, schedule.samples).after(schedule.sample),
        train=True,
        span=SPAN * config.tile,
        samples=samples,
        **exponents,
    )
    cycles = simulated.cycles - start
    errors, left = 0, samples
    packed, labels = learner.pack(run.data.train), run.data.train_labels
    while left:
        step = schedule.step(-(-left // config.tile))
        predictions = learner.train_tiles(
            packed, labels, step.indices, annealing=step.annealing, damping=step.damping
        )
        wrong = int(np.count_nonzero(predictions != labels[step.indices]))
        schedule.advance(wrong, step.tiles)
        errors, left = errors + wrong, left - len(step.indices)
    found = compare_state(driver, golden.network)
    if errors != played.errors:
        found.append(Divergence("errors", {}, errors, played.errors))
    if found:
        raise DivergenceError(found, -(-samples // config.tile) - 1, -1)
    return PlayedSimulation(samples, 0, cycles, golden.network.state_sha256)


def _whole_run(
    console: Console, driver: "Driver", chip: "Chip", run: "Run", engine: EngineName
) -> PlayedSimulation:
    """Learn to the end, and test after every epoch; the device does that alone, if it can."""
    from metabit.boards.played import PlayedRun
    from metabit.golden.runs.run import Run

    _prepare(driver, chip, run)
    begun = Run(run.network, run.data, run.schedule, engine=engine)
    epochs = range(run.schedule.epoch, run.schedule.epochs + 1)
    played = PlayedRun(driver, begun, verify=True, together=run.schedule.epochs)
    simulated = driver.transport.device  # type: ignore[attr-defined]
    start = simulated.cycles
    cycles = 0
    for result in played.spans():
        cycles = simulated.cycles - start
        console.print(
            f"epoch {result.step.epoch}: {played.schedule.accuracy[-1] * 100:.2f} % in training, "
            f"{played.test_accuracy[-1] * 100:.2f} % of the test set, after {cycles:,} cycles",
            highlight=False,
        )
    learnt, tested = len(epochs) * run.schedule.samples, len(epochs) * len(run.data.test)
    return PlayedSimulation(learnt, tested, cycles, played.state_sha256)


def _results(
    run: "Run",
    shape: "Shape",
    found: PlayedSimulation,
    mhz: float,
    counters: dict[str, int],
) -> dict[str, Any]:
    config = run.network.config
    return {
        "device": shape.name,
        "stored": shape.stored,
        "clock_mhz": mhz,
        "samples": found.learnt,
        "tested": found.tested,
        "cycles": found.cycles,
        "cycles_per_sample": found.cycles_per_sample,
        "bit_exact": True,
        "state_sha256": found.state_sha256,
        "memory": counters,
        "dataset": run.data.dataset,
        "split": run.data.split.name,
        "seed": config.seed,
        "config": config.model_dump(mode="json"),
        "versions": versions(),
    }
