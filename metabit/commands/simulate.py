"""`metabit simulate`: train the simulated device and compare every bit with golden."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from metabit.boards.registry import Family
from metabit.errors import MetabitError
from metabit.golden.data.options import DataOptions
from metabit.golden.schedule import SPAN

from . import options
from .data_options import print_summary, takes_data_options, written
from .devices import SimulatedDeviceOption
from .foreign import fitting_shape, is_foreign, labelled, open_foreign, run_foreign
from .live import LiveOption, live_config, raw_samples
from .on_device import show_test, simulated
from .options import check_folder, choose
from .played import show_played
from .simulation import (
    Simulated,
    building,
    command_line,
    refuse_with_bitstream,
    refuse_with_finished,
    refuse_with_foreign,
    refuse_with_played,
    refuse_with_sweep,
    refuse_with_waves,
    samples_to_train,
    show_simulation,
    show_sweep,
    show_waves,
)
from .training import one_checkpoint, open_checkpoint, refuse_changes, refuse_finished

SAMPLES = 2000
"""Samples when neither samples nor epochs are asked for."""

EPOCHS = 10
"""Epochs that annealing is planned for unless told otherwise, as in `metabit train`."""

_MODEL = "Model"
_TRACE = "Waveform"
_SWEEP = "Sweep"

EPILOG = """
**Examples**

metabit simulate --config tiny --epochs 5             five whole epochs on the embedded digits

metabit simulate --config up5k --samples 50000        an epoch of Fashion-MNIST

metabit simulate --config tiny --device up5k          a network on another device that holds it

metabit simulate run.npz --samples 1000               go on from a checkpoint of metabit train

metabit simulate done.npz                             test a finished training on the device

metabit simulate other.onnx --dataset mine.npz        test a network that was trained elsewhere

metabit simulate --trace tile.vcd --trace-from 3      record the waveform of the fourth tile

metabit simulate --waves waves --trace-from 3         the same for people: gtkwave or surfer show it

metabit simulate --config tiny --live --samples 300   raw samples, which the device encodes

metabit simulate --sweep 1000 --seed 1                a thousand random networks on small devices

metabit simulate --netlist ice40 --samples 500        the gates of the FPGA in place of the RTL

metabit simulate --bitstream build/icebreaker-up5k    the file itself that is flashed
"""


@takes_data_options
def simulate(
    *,
    reading: DataOptions,
    checkpoint: options.CheckpointArgument = None,
    config: options.ConfigOption = None,
    device: SimulatedDeviceOption = None,
    samples: Annotated[
        int | None,
        typer.Option(
            "--samples",
            metavar="N",
            min=1,
            help=f"Training samples, rounded up to whole tiles; test samples, if the training has "
            f"finished. [default: {SAMPLES}, or all of --epochs]",
            show_default=False,
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs",
            metavar="N",
            min=1,
            help="Epochs of the training, which annealing follows; of a checkpoint more than at "
            "first. "
            f"[default: {EPOCHS}, as metabit train]",
            show_default=False,
        ),
    ] = None,
    compare_every: Annotated[
        int | None,
        typer.Option(
            "--compare-every",
            metavar="SPANS",
            min=1,
            help=f"Spans of {SPAN} tiles between comparisons of all state; predictions are "
            "compared after every span. [default: as often as costs a tenth of the time]",
            show_default=False,
        ),
    ] = None,
    stalls: Annotated[
        float,
        typer.Option(
            "--stalls",
            metavar="P",
            help="Probability, below 1, that a stream is held up in a cycle.",
        ),
    ] = 0.0,
    netlist: Annotated[
        Family | None,
        typer.Option(
            "--netlist",
            help="Simulate the device as synthesised for an FPGA family, cell by cell, instead of "
            "as described. Takes minutes to compile; samples go through the link.",
            show_default=False,
            rich_help_panel=_MODEL,
        ),
    ] = None,
    bitstream: Annotated[
        Path | None,
        typer.Option(
            "--bitstream",
            metavar="FILE|FOLDER",
            help="Simulate the device of this file of metabit build for an iCE40, or of its "
            "folder: the bits that are flashed, decoded into cells, behind the serial pins.",
            show_default=False,
            rich_help_panel=_MODEL,
        ),
    ] = None,
    exact_popcount: Annotated[
        bool,
        typer.Option(
            "--exact-popcount",
            help="Simulate popcounts gate by gate. Otherwise they count at once, which is proven "
            "to be the same.",
            rich_help_panel=_MODEL,
        ),
    ] = False,
    count_phases: Annotated[
        bool,
        typer.Option(
            "--count-phases",
            help="Let the device count cycles by phase, even if the one that is built does not.",
            rich_help_panel=_MODEL,
        ),
    ] = False,
    engine: options.EngineOption = "auto",
    counter_bits: options.CounterBitsOption = None,
    seed: options.SeedOption = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            "--resume", metavar="FILE.npz", help="Checkpoint to go on from.", show_default=False
        ),
    ] = None,
    live: LiveOption = False,
    encoder: options.ForeignEncoderOption = None,
    json: options.JsonOption = None,
    trace: Annotated[
        Path | None,
        typer.Option(
            "--trace",
            metavar="FILE",
            help="Record a waveform, .vcd or .fst.",
            show_default=False,
            rich_help_panel=_TRACE,
        ),
    ] = None,
    trace_from: Annotated[
        int,
        typer.Option(
            "--trace-from",
            metavar="TILE",
            min=0,
            help="First tile to record; so is the tile before.",
            rich_help_panel=_TRACE,
        ),
    ] = 0,
    trace_tiles: Annotated[
        int,
        typer.Option(
            *("--trace-tiles",),
            metavar="N",
            min=1,
            help="Tiles to record; so is the one behind.",
            rich_help_panel=_TRACE,
        ),
    ] = 1,
    waves: Annotated[
        Path | None,
        typer.Option(
            "--waves",
            metavar="FOLDER",
            help="Record tile.vcd there, a waveform for people: a state is a word, a class its "
            "name. With tile.gtkw and tile.sucl, layouts for GTKWave and Surfer.",
            show_default=False,
            rich_help_panel=_TRACE,
        ),
    ] = None,
    sweep: Annotated[
        int | None,
        typer.Option(
            "--sweep",
            metavar="N",
            min=1,
            help="Instead of one training: N random networks on small devices, on random data.",
            show_default=False,
            rich_help_panel=_SWEEP,
        ),
    ] = None,
    dataset: options.DatasetOption = None,
    split: options.SplitOption = None,
    data_dir: options.DataDirOption = None,
) -> None:
    """Train the simulated device and compare every bit with golden."""
    from metabit.export.threshold_network import for_device
    from metabit.golden.data.training_data import prepare
    from metabit.golden.engines import choose_engine
    from metabit.golden.runs.run import Run
    from metabit.hdl.placement import Placement, smallest_shape
    from metabit.hdl.shape import find_shape
    from metabit.sim.bitstream.built import find_built
    from metabit.sim.simulate import Stalls, Trace, build_device, open_driver, simulation

    console = Console(soft_wrap=True)
    check_folder("--json", json)
    check_folder("--trace", trace)
    check_folder("--waves", waves)
    if sweep is not None:
        refuse_with_sweep(
            {
                "config": config,
                "device": device,
                "samples": samples,
                "epochs": epochs,
                "counter-bits": counter_bits,
                "bitstream": bitstream,
                "trace": trace,
                "waves": waves,
                "FILE.npz": checkpoint,
                "live": live or None,
            }
        )
        show_sweep(console, sweep, seed or 0, netlist, json)
        return
    built = None
    if bitstream is not None:
        refuse_with_bitstream(
            {
                "netlist": netlist,
                "device": device,
                "exact-popcount": exact_popcount or None,
                "count-phases": count_phases or None,
            }
        )
        built = find_built(bitstream)
        device = built.shape.name
    if waves is not None:
        refuse_with_waves({"netlist": netlist, "bitstream": bitstream})
    window = Trace(trace, trace_from, trace_tiles, waves) if trace or waves else None
    trained = one_checkpoint(checkpoint, resume)
    only_tested = {
        "compare-every": compare_every,
        "stalls": stalls or None,
        "netlist": netlist,
        "bitstream": bitstream,
        "exact-popcount": exact_popcount or None,
        "count-phases": count_phases or None,
        "trace": trace,
        "waves": waves,
    }
    if trained is not None and is_foreign(trained):
        refuse_with_foreign(
            {
                **only_tested,
                "config": config,
                "seed": seed,
                "epochs": epochs,
                "resume": resume,
                "live": live or None,
            }
        )
        foreign = open_foreign(trained, encoder)
        chosen_data, tested = labelled(foreign, dataset, split, data_dir, reading)
        print_summary(console, chosen_data.summary)
        shape = fitting_shape(foreign, device)
        for_device(foreign.network, shape, trained.stem)
        with building(console) as report:
            library = build_device(shape, report=report)
        driver = open_driver(library, shape)
        run_foreign(console, foreign, driver, tested, samples or SAMPLES, json)
        return
    if encoder is not None:
        raise MetabitError("--encoder is for .onnx files of others; metabit train chooses one")
    if trained is not None:
        refuse_changes(
            "--resume",
            {
                "config": config,
                "counter_bits": counter_bits,
                "seed": seed,
                "split": split,
                **reading.given(),
            },
        )
        opened_checkpoint, data = open_checkpoint(trained, data_dir, dataset, epochs)
        finished = opened_checkpoint.record.finished
        if finished and resume is None:
            refuse_with_finished(only_tested)
            print_summary(console, data.summary)
            driver = simulated(console, opened_checkpoint.config, device, encodes=live)
            if live:
                driver.send_raw(raw_samples(data, training=False))
            show_test(console, driver, opened_checkpoint, data, samples or SAMPLES, json)
            return
        refuse_finished(trained, opened_checkpoint.record)
        run = Run.resume(opened_checkpoint, data)
    else:
        chosen = choose(
            config,
            dataset=dataset,
            data_dir=data_dir,
            reading=reading,
            counter_bits=counter_bits,
            seed=seed,
        )
        learner = live_config(chosen.config) if live else chosen.config
        data = prepare(learner, dataset=chosen.dataset, split_name=split)
        run = Run.start(learner, data, epochs or EPOCHS, observe=False)
    raw = raw_samples(run.data, training=True) if live else None
    print_summary(console, run.data.summary)
    if samples is None and epochs is None:
        samples = SAMPLES
    network = run.network.config
    shape = find_shape(device) if device else smallest_shape(network, encodes=live)
    placement = Placement(network, shape)
    if raw is not None:
        raw.program(placement)
    if count_phases:
        shape = shape.model_copy(update={"phases": True})
    console.print(f"network {network.name} on device {shape.name}", highlight=False)
    if shape.stored != "none":
        refuse_with_played({**only_tested, "exact-popcount": None, "count-phases": None})
        chosen_engine = choose_engine(engine, samples_to_train(run, samples))
        show_played(console, run, shape, samples, chosen_engine, exact_popcount, json)
        return
    held_up = Stalls(network.seed, *(4 * (stalls,))) if stalls else None
    with building(console) as report:
        library = build_device(
            shape,
            netlist=netlist,
            bitstream=built,
            trace=window,
            exact_popcount=exact_popcount,
            report=report,
        )
    with simulation(
        run,
        shape,
        library,
        engine=choose_engine(engine, samples_to_train(run, samples)),
        compare_every=compare_every,
        trace=window,
        stalls=held_up,
    ) as opened:
        if raw is not None:
            opened.driver.send_raw(raw)
        again = {
            "--config": config,
            "--device": device if built is None else None,
            "--bitstream": bitstream,
            "--dataset": dataset,
            "--data-dir": data_dir,
            "--split": split,
            "--counter-bits": counter_bits,
            "--seed": seed,
            "--epochs": epochs,
            "--resume": trained,
            "--stalls": stalls or None,
            "--netlist": netlist,
            "--live": live or None,
            **written(reading),
        }
        what = Simulated(netlist, None if built is None else built.file)
        show_simulation(console, opened, samples, command_line(again), what, json)
    if waves is not None:
        show_waves(console, waves)
