"""A simulation on the screen: progress, table, JSON, and what to do about a divergence."""

import hashlib
import os
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from metabit.boards.registry import BOARDS, Family
from metabit.errors import INTERRUPTED, MetabitError
from metabit.golden.checkpoints.file import versions
from metabit.golden.config import Config

from .interrupt import interruptible
from .options import write_json

if TYPE_CHECKING:
    from metabit.golden.runs.run import Run
    from metabit.host.pinpoint import Finding
    from metabit.sim.simulate import Outcome, Simulation
    from metabit.sim.sweep import Trial


@dataclass(frozen=True)
class Simulated:
    """What is simulated in place of the device as it is described.

    Attributes
    ----------
    netlist : {"ice40", "ecp5"} or None
        FPGA family whose cells are simulated.
    bitstream : Path or None
        File whose bits are.
    """

    netlist: Family | None = None
    bitstream: Path | None = None

    def __str__(self) -> str:
        """Return what messages call it."""
        if self.bitstream is not None:
            return f"bitstream {self.bitstream.name}"
        return f"netlist for {self.netlist}" if self.netlist else "device"

    def identify(self) -> dict[str, Any]:
        """Return what --json says of it."""
        if self.bitstream is None:
            return {"netlist": self.netlist}
        digest = hashlib.sha256(self.bitstream.read_bytes()).hexdigest()
        return {"bitstream": str(self.bitstream), "bitstream_sha256": digest}


def refuse_with_sweep(given: dict[str, Any]) -> None:
    """Say that a sweep chooses everything itself."""
    wrong = [
        name if "." in name else f"--{name}" for name, value in given.items() if value is not None
    ]
    if wrong:
        raise MetabitError(f"{', '.join(wrong)} cannot be given with --sweep, which draws its own")


def refuse_with_bitstream(given: dict[str, Any]) -> None:
    """Say that a bitstream is what it is."""
    wrong = [f"--{name}" for name, value in given.items() if value is not None]
    if wrong:
        raise MetabitError(
            f"{', '.join(wrong)} cannot be given with --bitstream, which holds one device"
        )


def refuse_with_finished(given: dict[str, Any]) -> None:
    """Say that a finished training is only tested."""
    wrong = [f"--{name}" for name, value in given.items() if value is not None]
    if wrong:
        raise MetabitError(
            f"{', '.join(wrong)} means nothing for a training that has finished, which is only "
            "tested; --epochs N makes it longer"
        )


def refuse_with_played(given: dict[str, Any]) -> None:
    """Say that a device which plays its samples is simulated as a whole, chip included."""
    wrong = [f"--{name}" for name, value in given.items() if value is not None]
    if wrong:
        raise MetabitError(
            f"{', '.join(wrong)} means nothing for a device that plays samples from its own memory"
        )


def refuse_with_waves(given: dict[str, Any]) -> None:
    """Say that only a device as it is described has wires with names."""
    wrong = [f"--{name}" for name, value in given.items() if value is not None]
    if wrong:
        raise MetabitError(
            f"--waves cannot be given with {wrong[0]}, whose wires have lost their names; "
            "--trace records them as they are"
        )


def refuse_with_foreign(given: dict[str, Any]) -> None:
    """Say that a network of a file is only tested."""
    wrong = [f"--{name}" for name, value in given.items() if value is not None]
    if wrong:
        raise MetabitError(
            f"{', '.join(wrong)} means nothing for an .onnx file, which is only tested"
        )


def command_line(given: dict[str, Any]) -> str:
    """Return the command with the options that were given; True is a flag."""
    parts = ["metabit", "simulate"]
    for name, values in given.items():
        for value in values if isinstance(values, tuple) else (values,):
            if value is not None:
                parts += [name] if value is True else [name, str(value)]
    return shlex.join(parts)


def samples_to_train(run: "Run", samples: int | None) -> int:
    """Return how many of the samples asked for a run has left; None: all of them."""
    schedule = run.schedule
    left = schedule.samples * (schedule.epochs + 1 - schedule.epoch) - schedule.sample
    return min(left, samples or left)


def show_waves(console: Console, folder: Path) -> None:
    """Say how to look at a waveform under readable names."""
    console.print(
        f"recorded in {folder}: gtkwave tile.vcd tile.gtkw, or surfer tile.vcd --command-file "
        "tile.sucl",
        highlight=False,
        markup=False,
    )


@contextmanager
def building(console: Console) -> Iterator[Callable[[str], None]]:
    """Show the steps of a build, with the time that each takes."""
    with console.status("building the model") as status:
        start = time.perf_counter()
        yield lambda step: status.update(f"{step} [{time.perf_counter() - start:.0f} s]")


def show_simulation(
    console: Console,
    simulation: "Simulation",
    samples: int | None,
    command: str,
    simulated: Simulated,
    json: Path | None,
) -> None:
    """Run a simulation and show what it gives.

    Parameters
    ----------
    console : Console
        Screen.
    simulation : Simulation
        Not begun yet.
    samples : int or None
        Samples to train on; None: to the end of the run.
    command : str
        That repeats it.
    simulated : Simulated
        What takes the device's place.
    json : Path or None
        File for the results.

    Raises
    ------
    MetabitError
        If device and golden differ, or the device hangs.
    """
    from metabit.host.compare import DivergenceError
    from metabit.host.errors import DeviceError
    from metabit.host.pinpoint import pinpoint

    common = _identify(simulation) | simulated.identify()
    side = simulation.side
    try:
        interrupted = _train(console, simulation, samples)
        outcome = simulation.finish()
    except DivergenceError as error:
        console.print("[red]device and golden differ; looking for the first sample ...[/]")
        finding = pinpoint(side, error)
        for divergence in finding.divergences:
            console.print(f"  {escape(str(divergence))}", highlight=False)
        if json is not None:
            write_json(json, common | _diverged(side.samples, finding))
        raise MetabitError(explain_divergence(finding, command)) from error
    except DeviceError as error:
        raise MetabitError(
            f"in tile {side.tiles}: {error}; {_trace_with(command, side.tiles)}"
        ) from error
    if json is not None:
        write_json(json, common | _measured(outcome) | _INTERRUPTED[interrupted])
    _summarise(console, simulation, outcome, simulated)
    if interrupted:
        console.print(
            f"[yellow]interrupted after {outcome.samples} samples[/]: what is said above is true "
            "of those",
            highlight=False,
        )
        raise typer.Exit(INTERRUPTED)


_INTERRUPTED: dict[bool, dict[str, bool]] = {False: {}, True: {"interrupted": True}}
"""What --json says of Ctrl-C."""


def _train(console: Console, simulation: "Simulation", samples: int | None) -> bool:
    """Train to the end and return False, or until Ctrl-C and return True."""
    side = simulation.side
    progress = Progress(
        TextColumn("simulating"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f} samples  {task.fields[speed]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    with interruptible() as interrupted, progress:
        bar = progress.add_task("", total=samples_to_train(simulation.run, samples), speed="")
        for _ in simulation.spans(samples):
            device = simulation.device
            speed = f"{device.cycles / device.seconds:,.0f} cycles/s"
            progress.update(bar, completed=side.samples, speed=speed)
            if interrupted():
                return True
    return False


def _summarise(
    console: Console, simulation: "Simulation", outcome: "Outcome", simulated: Simulated
) -> None:
    name, shape = simulation.run.network.config.name, simulation.driver.shape
    total = outcome.cycles_per_sample
    if total:
        _show_cycles(console, f"{name} on {shape.name}", outcome)
        rates = [f"{1e6 / total:,.0f} samples/s per MHz"]
        rates += [
            f"{board.clock_of(shape.name) * 1e6 / total:,.0f} samples/s at the "
            f"{board.clock_of(shape.name):g} MHz of the {board.name}"
            for board in BOARDS.values()
            if shape.name == board.shape or board.variant(shape.name)
        ]
        for rate in rates:
            console.print(rate, highlight=False)
    console.print(
        f"simulated {outcome.simulated_cycles:,} cycles in {outcome.seconds:.1f} s: "
        f"{outcome.cycles_per_second:,.0f} cycles/s, "
        f"{outcome.cycles_per_processor_second:,.0f} a second of processor time",
        highlight=False,
    )
    console.print(
        f"[green]{simulated} and golden agree in every bit[/]: {outcome.samples} samples in "
        f"{outcome.tiles} tiles, all state compared {outcome.comparisons} times, "
        "and classes of test samples at the end",
        highlight=False,
    )
    console.print(f"state {outcome.state_sha256}", highlight=False)


def _show_cycles(console: Console, title: str, outcome: "Outcome") -> None:
    table = Table(title=f"cycles per training sample, {title}", title_justify="left")
    table.add_column("phase")
    table.add_column("cycles", justify="right")
    table.add_column("share", justify="right")
    for phase, count in outcome.cycles.items():
        cycles = count / outcome.samples
        table.add_row(phase, f"{cycles:.1f}", f"{cycles / outcome.cycles_per_sample:.1%}")
    console.print(table)
    if len(outcome.cycles) > 1:
        console.print("phases overlap: run is all of it", highlight=False)


def explain_divergence(finding: "Finding", command: str) -> str:
    """Say where device and golden differ first, and how to record that.

    Parameters
    ----------
    finding : Finding
        Where.
    command : str
        That simulates the same.
    """
    first = finding.divergences[0]
    if finding.tile < 0:
        return f"device and golden differ before the first tile: {first}"
    sample = "" if finding.sample is None else f", sample {finding.sample}"
    return (
        f"device and golden differ first in tile {finding.tile}{sample}: {first}; "
        f"{_trace_with(command, finding.tile)}"
    )


def _trace_with(command: str, tile: int) -> str:
    return f"record it with: {command} --trace tile.vcd --trace-from {tile}"


def _identify(simulation: "Simulation") -> dict[str, Any]:
    """Return what --json says of any simulation."""
    run = simulation.run
    return {
        "config": run.network.config.model_dump(mode="json"),
        "device": simulation.driver.shape.name,
        "dataset": run.data.dataset,
        "split": run.data.split.name,
        "epochs": run.schedule.epochs,
        "seed": run.network.config.seed,
        "versions": versions(),
    }


def _measured(outcome: "Outcome") -> dict[str, Any]:
    return {
        "samples": outcome.samples,
        "tiles": outcome.tiles,
        "cycles": outcome.cycles["run"],
        "cycles_by_phase": outcome.cycles,
        "cycles_per_sample": outcome.cycles_per_sample,
        "simulated_cycles": outcome.simulated_cycles,
        "cycles_per_second": outcome.cycles_per_second,
        "cycles_per_processor_second": outcome.cycles_per_processor_second,
        "seconds": outcome.seconds,
        "processor_seconds": outcome.processor_seconds,
        "comparisons": outcome.comparisons,
        "bit_exact": True,
        "state_sha256": outcome.state_sha256,
    }


def _diverged(samples: int, finding: "Finding") -> dict[str, Any]:
    return {
        "samples": samples,
        "bit_exact": False,
        "tile": finding.tile,
        "sample": finding.sample,
        "divergences": [
            {
                "kind": divergence.kind,
                "place": divergence.place,
                "golden": divergence.golden,
                "device": divergence.device,
                "different": divergence.count,
                "compared": divergence.total,
            }
            for divergence in finding.divergences
        ],
    }


def show_sweep(
    console: Console, count: int, seed: int, netlist: Family | None, json: Path | None
) -> None:
    """Run a sweep and show what it gives.

    Raises
    ------
    MetabitError
        If a network fails.
    """
    from metabit.sim.sweep import sweep

    trials: list[Trial] = []
    start = time.perf_counter()
    with interruptible() as pressed:
        for trial in sweep(count, seed, min(2, os.cpu_count() or 1), netlist):
            trials.append(trial)
            verdict = (
                "[green]agrees[/]" if trial.error is None else f"[red]{escape(trial.error)}[/]"
            )
            console.print(
                f"{trial.number + 1:4}/{count}  {_describe(trial.config)} on {trial.device}  "
                f"{trial.samples} samples, {trial.cycles:,} cycles: {verdict}",
                highlight=False,
            )
            if pressed():
                break
        interrupted = len(trials) < count
    failed = [trial for trial in trials if trial.error is not None]
    if json is not None:
        results = _sweep_results(trials, seed, time.perf_counter() - start, netlist)
        write_json(json, results | _INTERRUPTED[interrupted])
    if failed:
        raise MetabitError(f"{len(failed)} of {len(trials)} networks failed (seed {seed})")
    if interrupted:
        console.print(
            f"[yellow]interrupted after {len(trials)} of {count} networks[/], which all agree",
            highlight=False,
        )
        raise typer.Exit(INTERRUPTED)
    console.print(
        f"[green]{Simulated(netlist)} and golden agree in every bit[/]: {count} networks, "
        f"{sum(trial.samples for trial in trials)} samples",
        highlight=False,
    )


def _describe(config: Config) -> str:
    widths = "-".join(map(str, (config.inputs, *config.hidden, config.classes)))
    return (
        f"{widths} group {config.group} {config.counter_bits} bits tile {config.tile} "
        f"lag {config.lag}"
    )


def _sweep_results(
    trials: "list[Trial]", seed: int, seconds: float, netlist: Family | None
) -> dict[str, Any]:
    return {
        "bit_exact": all(trial.error is None for trial in trials),
        "seed": seed,
        "netlist": netlist,
        "seconds": seconds,
        "samples": sum(trial.samples for trial in trials),
        "simulated_cycles": sum(trial.cycles for trial in trials),
        "trials": [
            {
                "config": trial.config.model_dump(mode="json"),
                "device": trial.device,
                "samples": trial.samples,
                "cycles": trial.cycles,
                "error": trial.error,
            }
            for trial in trials
        ],
        "versions": versions(),
    }
