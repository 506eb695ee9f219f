"""`metabit run`: train on a board."""

from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from metabit.errors import INTERRUPTED, MetabitError
from metabit.golden.data.options import DataOptions
from metabit.golden.runs.results import results_of

from . import options
from .data_options import print_summary, takes_data_options
from .foreign import is_foreign, labelled, open_foreign, run_foreign
from .kept import open_keeper, open_kept, refuse_without_flash
from .live import LiveOption, live_config, raw_samples, refuse_with_live, show_table
from .on_device import board, show_test
from .options import check_folder, choose, write_json
from .overwriting import ForceOption, reserved
from .played import finish_played, plays, start_played
from .simulation import refuse_with_foreign
from .training import (
    describe,
    duration,
    link_line,
    one_checkpoint,
    open_checkpoint,
    pace,
    refuse_changes,
    refuse_finished,
    samples_left,
    summarise,
    train_to_end,
)

EPOCHS = 10
"""Epochs when none are asked for."""

EPILOG = """
**Examples**

metabit run --port /dev/ttyUSB1 --config up5k                     train a board on Fashion-MNIST

metabit run --port /dev/ttyUSB1 --config up5k --verify            and compare every bit with golden

metabit run --port /dev/ttyUSB1 --config up5k --out run.npz       write a checkpoint every epoch

metabit run run.npz --port /dev/ttyUSB1                           go on, or test it if it is done

metabit run --port /dev/ttyUSB1 --config mine.json --keep-state 5   keep it in the board's flash

metabit run --port /dev/ttyUSB1 --kept                           and go on from there

metabit run --port /dev/ttyUSB1 --config ecp5-sdram --epochs 30   from the board's own memory

metabit run --port /dev/ttyUSB1 --config ecp5 --live   raw samples, which the board encodes

Any network that fits the device can be trained; it is loaded first. The bitstream must be on the
board: metabit build, then metabit program.
"""


@takes_data_options
def run(
    *,
    reading: DataOptions,
    checkpoint: options.CheckpointArgument = None,
    port: Annotated[
        str,
        typer.Option(
            "--port", metavar="PORT", help="Serial port of the board, such as /dev/ttyUSB1."
        ),
    ],
    config: options.ConfigOption = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs",
            metavar="N",
            min=1,
            help=f"Epochs; of a checkpoint more than at first. [default: {EPOCHS}]",
            show_default=False,
        ),
    ] = None,
    baud: options.BaudOption = options.BAUD,
    timeout: options.TimeoutOption = 1.0,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Train golden alongside, and stop where the two differ."),
    ] = False,
    counter_bits: options.CounterBitsOption = None,
    seed: options.SeedOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE.npz",
            help="Checkpoint to write after every epoch. [default with --resume: the same file]",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            "--resume",
            metavar="FILE.npz",
            help="Checkpoint to go on from, of a board or of metabit train.",
            show_default=False,
        ),
    ] = None,
    keep_state: Annotated[
        int | None,
        typer.Option(
            "--keep-state",
            metavar="N",
            min=1,
            help="Keep the state in the board's flash after every N epochs and at the end; of "
            "devices that play samples from there.",
            show_default=False,
        ),
    ] = None,
    kept: Annotated[
        bool,
        typer.Option(
            "--kept",
            help="Go on from the state that the board keeps, or test it if its training is done.",
        ),
    ] = False,
    live: LiveOption = False,
    force: ForceOption = False,
    encoder: options.ForeignEncoderOption = None,
    json: options.JsonOption = None,
    dataset: options.DatasetOption = None,
    split: options.SplitOption = None,
    data_dir: options.DataDirOption = None,
) -> None:
    """Train on a board, through its serial port, or test what has been trained."""
    from metabit.boards.run import DeviceRun
    from metabit.golden.data.training_data import prepare
    from metabit.golden.runs.run import Run
    from metabit.host.driver import Driver
    from metabit.host.errors import DeviceError
    from metabit.host.transport import SerialTransport
    from metabit.planning.line import SpeedOf

    console = Console(soft_wrap=True)
    if out is not None and out.suffix != ".npz":
        raise MetabitError(f"--out must end in .npz, not {out.name!r}")
    check_folder("--out", out)
    check_folder("--json", json)
    if live:
        refuse_with_live({"kept": kept, "keep-state": keep_state})
    trained = one_checkpoint(checkpoint, resume)
    if trained is not None and is_foreign(trained):
        refuse_with_foreign(
            {
                "config": config,
                "seed": seed,
                "epochs": epochs,
                "resume": resume,
                "out": out,
                "live": live or None,
            }
        )
        foreign = open_foreign(trained, encoder)
        chosen_data, tested = labelled(foreign, dataset, split, data_dir, reading)
        print_summary(console, chosen_data.summary)
        run_foreign(console, foreign, board(port, baud, timeout), tested, None, json)
        return
    if encoder is not None:
        raise MetabitError("--encoder is for .onnx files of others; metabit train chooses one")
    if kept:
        refuse_changes("--kept", {"resume": trained})
    if trained is not None or kept:
        refuse_changes(
            "--kept" if kept else "--resume",
            {
                "config": config,
                "counter_bits": counter_bits,
                "seed": seed,
                "split": split,
                **reading.given(),
            },
        )
        if trained is None:
            device = board(port, baud, timeout)
            opened, data = open_kept(console, device, data_dir, dataset, epochs)
        else:
            opened, data = open_checkpoint(trained, data_dir, dataset, epochs)
        if opened.record.finished and resume is None:
            print_summary(console, data.summary)
            device = board(port, baud, timeout)
            if live:
                device.send_raw(raw_samples(data, training=False))
            show_test(console, device, opened, data, None, json)
            return
        if trained is not None:
            refuse_finished(trained, opened.record)
        begun = Run.resume(opened, data)
    else:
        chosen = choose(
            config,
            dataset=dataset,
            data_dir=data_dir,
            reading=reading,
            counter_bits=counter_bits,
            seed=seed,
        )
        network = live_config(chosen.config) if live else chosen.config
        data = prepare(network, dataset=chosen.dataset, split_name=split)
        begun = Run.start(network, data, epochs or EPOCHS)
    raw = raw_samples(begun.data, training=True) if live else None
    samples = begun.network.statistics.samples
    path = out or trained
    with (
        reserved(path, begun, force=force, resumed=trained),
        closing(SerialTransport(port, baud, timeout)) as transport,
    ):
        if transport.notice:
            console.print(f"[yellow]{escape(transport.notice)}[/]", highlight=False)
        driver = Driver.find(transport)
        console.print(f"device {driver.shape.name} on {port}", highlight=False)
        again = f"metabit run --port {port}"
        refuse_without_flash(keep_state, plays(driver, begun), driver.shape.keeps)
        if plays(driver, begun):
            # Before anything is loaded: whatever the chip was at, is over then.
            keeper = None if keep_state is None else open_keeper(console, driver)
            played = start_played(console, driver, begun, path, verify, keep_state)
            try:
                finish_played(console, played, path, again, json, port, keeper)
            except DeviceError as error:
                left = _saved(path, again)
                if keep_state is not None and path is None:
                    left = f"what the board keeps, goes on with: {again} --kept"
                raise MetabitError(f"{error}; {left}") from error
            return
        if raw is not None:
            driver.send_raw(raw)
        device_run = DeviceRun(driver, begun, verify=verify)
        if live:
            show_table(console, driver)
        speed = SpeedOf(begun.network.config, driver.shape, baud, driver.program)
        left = duration(samples_left(device_run) / speed.possible)
        console.print(
            f"at most {speed.possible:,.0f} samples a second: {left} or more", highlight=False
        )
        describe(console, device_run)
        try:
            finished = train_to_end(
                console, device_run, path, 1, again, lambda: pace(device_run, speed)
            )
        except DeviceError as error:
            raise MetabitError(f"{error}; {_saved(path, again)}") from error
    samples = device_run.network.statistics.samples - samples
    if json is not None and device_run.test_accuracy:
        results: dict[str, Any] = results_of(device_run)
        results["port"] = port
        results["device"] = driver.shape.name
        results["bit_exact"] = True if verify else None
        results["samples"] = samples
        results["cycles"] = device_run.cycles
        results["link"] = speed.report(driver)
        write_json(json, results if finished else results | {"interrupted": True})
    if not finished:
        raise typer.Exit(INTERRUPTED)
    summarise(console, device_run, results_of(device_run), path)
    if device_run.cycles:
        phases = ", ".join(
            f"{phase} {count / samples:.1f}" for phase, count in device_run.cycles.items()
        )
        console.print(f"cycles per training sample: {phases}", highlight=False)
    console.print(str(speed.of(driver.traffic)), highlight=False)
    console.print(link_line(driver.link), highlight=False)
    if verify:
        console.print("[green]device and golden agree in every bit[/]")


def _saved(path: Path | None, command: str) -> str:
    """Say what is left of a run whose device has failed, and how it goes on."""
    if path is None:
        return "nothing was saved (--out FILE.npz does that)"
    if not path.exists():
        return f"no epoch was finished, and nothing was saved in {path}"
    return f"all finished epochs are saved; go on with: {command} --resume {path}"
