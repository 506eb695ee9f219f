"""`metabit watch`: a live page of trainings."""

import threading
import time
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.console import Console
from rich.markup import escape

from metabit.errors import INTERRUPTED, MetabitError
from metabit.golden.data.options import DataOptions
from metabit.golden.modes.registry import DEFAULT
from metabit.golden.runs.results import results_of

from . import options
from .data_options import takes_data_options
from .devices import SimulatedDeviceOption
from .interrupt import interruptible
from .network_options import takes_network_options
from .options import check_folder, choose_plan, write_json
from .overwriting import ForceOption, reserved
from .train import combine
from .training import describe

if TYPE_CHECKING:
    from metabit.golden.engines import EngineName
    from metabit.golden.runs.run import Run
    from metabit.golden.runs.training_run import TrainingRun
    from metabit.watch.session import Session
    from metabit.watch.source import Source

HOST = "127.0.0.1"
"""Where the page listens unless told otherwise: who is on this machine can see it."""

WEB_PORT = 8642
"""Where it does, unless told otherwise."""

_DEVICE = "On a device"
_PAGE = "Page"

EPILOG = """
**Examples**

metabit watch                                   the embedded digits; open the address it prints

metabit watch --config up5k --out run.npz       Fashion-MNIST, with a checkpoint every epoch

metabit watch --seeds 3 --epochs 20             three trainings side by side

metabit watch old.npz --margin 0.5              a checkpoint, and a training with another margin

metabit watch run.npz                           go on, or look at one that has finished

metabit watch --simulate --paused               the simulated device; step through it by tiles

metabit watch --port /dev/ttyUSB1 --config up5k    a board

metabit watch --host 0.0.0.0                    for others, who need the token that is printed

metabit watch --end --export page.html          train, write the page as a file, and end
"""


@dataclass(frozen=True)
class Wanted:
    """Where a training is to run.

    Attributes
    ----------
    simulate : bool
        On the simulated device.
    device : str or None
        Which one.
    port : str or None
        On the board there.
    baud, timeout : int, float
        Of its line.
    verify : bool
        With golden alongside.
    engine : str
        The option `--engine`.
    """

    simulate: bool
    device: str | None
    port: str | None
    baud: int
    timeout: float
    verify: bool
    engine: str

    @property
    def on_device(self) -> bool:
        """Whether it is one of them."""
        return self.simulate or self.port is not None


@takes_data_options
@takes_network_options
def watch(
    *,
    reading: DataOptions,
    changes: dict[str, Any],
    checkpoints: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE]...",
            help="Checkpoints: go on with their trainings, or show those that have finished. With "
            "options of a training beside them, that is begun, too.",
            show_default=False,
        ),
    ] = None,
    config: options.ConfigOption = None,
    mode: options.ModeOption = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs",
            metavar="N",
            min=1,
            help="Epochs; of checkpoints more than at first. [default: as metabit train]",
            show_default=False,
        ),
    ] = None,
    seed: options.SeedOption = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            "--seeds",
            metavar="N",
            min=1,
            help="Train with N seeds, side by side, in a thread each.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE.npz",
            help="Checkpoint to write after every epoch and when asked to; with --seeds one for "
            "each. [default: the page offers it as a download]",
            show_default=False,
        ),
    ] = None,
    force: ForceOption = False,
    engine: options.EngineOption = "auto",
    simulate: Annotated[
        bool,
        typer.Option(
            "--simulate",
            help="Train the simulated device, and compare every bit with golden.",
            rich_help_panel=_DEVICE,
        ),
    ] = False,
    device: SimulatedDeviceOption = None,
    port: Annotated[
        str | None,
        typer.Option(
            "--port",
            metavar="PORT",
            help="Train the board at this serial port.",
            show_default=False,
            rich_help_panel=_DEVICE,
        ),
    ] = None,
    baud: options.BaudOption = options.BAUD,
    timeout: options.TimeoutOption = 1.0,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Train golden alongside a board, and stop where the two differ.",
            rich_help_panel=_DEVICE,
        ),
    ] = False,
    paused: Annotated[
        bool,
        typer.Option("--paused", help="Wait for the page's buttons.", rich_help_panel=_PAGE),
    ] = False,
    host: Annotated[
        str,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="Address to listen on. Any but this machine's own is open to others, and needs "
            "the token that is printed.",
            rich_help_panel=_PAGE,
        ),
    ] = HOST,
    web_port: Annotated[
        int,
        typer.Option(
            "--web-port",
            metavar="N",
            min=0,
            max=65535,
            help="Port to listen on; 0: one that is free.",
            rich_help_panel=_PAGE,
        ),
    ] = WEB_PORT,
    open_browser: Annotated[
        bool,
        typer.Option("--open", help="Open the page in a browser.", rich_help_panel=_PAGE),
    ] = False,
    end: Annotated[
        bool,
        typer.Option(
            "--end",
            help="End when all trainings are over, not with Ctrl-C.",
            rich_help_panel=_PAGE,
        ),
    ] = False,
    export: Annotated[
        Path | None,
        typer.Option(
            "--export",
            metavar="FILE.html",
            help="Write the page as a file in the end, as metabit report does; of several "
            "trainings one for each.",
            show_default=False,
            rich_help_panel=_PAGE,
        ),
    ] = None,
    json: options.JsonOption = None,
    dataset: options.DatasetOption = None,
    split: options.SplitOption = None,
    data_dir: options.DataDirOption = None,
) -> None:
    """Watch trainings in a browser: what moves, what neurons look for, what is hard, how fast.

    Pause, go on tile by tile, save. A training gives the same, bit for bit, as with metabit train,
    metabit simulate or metabit run.
    """
    from threadpoolctl import threadpool_limits

    from metabit.watch.server import Page
    from metabit.watch.serving import Serving
    from metabit.watch.session import Session

    console = Console(soft_wrap=True)
    if out is not None and out.suffix != ".npz":
        raise MetabitError(f"--out must end in .npz, not {out.name!r}")
    check_folder("--out", out)
    check_folder("--export", export)
    check_folder("--json", json)
    wanted = Wanted(simulate or device is not None, device, port, baud, timeout, verify, engine)
    given = {**changes, **reading.given(), "config": config, "mode": mode, "seed": seed}
    given |= {"seeds": seeds, "split": split}
    begin = not checkpoints or any(value is not None for value in given.values())
    _check(wanted, mode, seeds, [*(checkpoints or ()), *(["a new training"] if begin else [])])
    if out is not None and checkpoints and (begin or len(checkpoints) > 1):
        raise MetabitError("--out is for one training, or those of --seeds, without checkpoints")
    runs: list[tuple[TrainingRun, Path | None, Path | None]] = []
    with console.status("preparing data and engine ..."):
        for file in checkpoints or ():
            run = _reopened(file, data_dir, wanted, dataset if not begin else None, epochs)
            runs.append((run, out, file))
        if begin:
            planned, loaded = choose_plan(
                config,
                mode=mode,
                epochs=epochs,
                split=split,
                engine=engine,
                dataset=dataset,
                data_dir=data_dir,
                reading=reading,
                seed=seed,
                **changes,
            )
            for number in range(planned.seed, planned.seed + (seeds or 1)):
                plan = planned.with_seed(number)
                data = plan.prepare(loaded)
                run = _begun(plan, data, wanted)
                path = out.with_stem(f"{out.stem}-{number}") if out and seeds else out
                runs.append((run, path, None))
    with ExitStack() as stack:
        sessions = []
        for run, path, resumed in runs:
            describe(console, run)
            stack.enter_context(reserved(path, run, force=force, resumed=resumed))
            source = _source(console, stack, run, wanted)
            sessions.append(Session(source, out=path, paused=paused))
        page = Page(sessions)
        serving = stack.enter_context(Serving(page, host, web_port))
        console.print(f"open [bold]{escape(serving.address)}[/]", highlight=False)
        if serving.gate.token is not None:
            console.print(
                "[yellow]others on the network can see it, too, if they know this address; it is "
                "not encrypted[/]"
            )
        if not end:
            console.print("Ctrl-C ends it")
        if open_browser:
            webbrowser.open(serving.address)
        with interruptible() as pressed, threadpool_limits(1, "blas"):
            pressed_early = _train(sessions, pressed, end=end)
        _summarise(console, sessions)
        if json is not None:
            _write_results(json, sessions, seeds=bool(seeds) and not checkpoints)
        if export is not None:
            _export(console, page, export)
        _raise_failures(sessions)
    if pressed_early:
        raise typer.Exit(INTERRUPTED)


def _check(wanted: Wanted, mode: str | None, seeds: int | None, trainings: Sequence[Any]) -> None:
    """Check that a device has one training, which it can do.

    Raises
    ------
    MetabitError
        If not.
    """
    if wanted.simulate and wanted.port is not None:
        raise MetabitError("--port is a board, --simulate and --device are no board: give one")
    if wanted.verify and wanted.port is None:
        raise MetabitError("--verify needs --port; a simulated device is always compared")
    if not wanted.on_device:
        return
    if mode not in (None, DEFAULT):
        raise MetabitError(f"no device trains in mode {mode}")
    if len(trainings) > 1 or (seeds or 1) > 1:
        raise MetabitError(
            f"a device trains one network at a time, not {max(len(trainings), seeds or 1)}: leave "
            "out --seeds, and all checkpoints but one"
        )


def _begun(plan: Any, data: Any, wanted: Wanted) -> "TrainingRun":
    """Return a run at its beginning."""
    if not wanted.on_device:
        return plan.start(data)
    from metabit.golden.runs.run import Run

    # What is trained is on the device; golden alongside computes with an engine of its own.
    engine: EngineName = plan.engine_for(data) if wanted.verify else "numpy"
    return Run.start(plan.config, data, plan.epochs, engine=engine)


def _reopened(
    path: Path, data_dir: Path | None, wanted: Wanted, dataset: str | None, epochs: int | None
) -> "TrainingRun":
    """Return a run at the position of a checkpoint, be it at its end."""
    from metabit.golden.runs.run import Run

    from .training import open_any_run, open_checkpoint, refuse_finished

    if wanted.on_device:
        opened, data = open_checkpoint(path, data_dir, dataset, epochs)
        refuse_finished(path, opened.record)
        return Run.resume(opened, data)
    return open_any_run(path, data_dir, wanted.engine, dataset, epochs)


def _source(console: Console, stack: ExitStack, run: "TrainingRun", wanted: Wanted) -> "Source":
    """Return a run where it is to be trained; what that needs is closed with the stack."""
    from metabit.watch.source import BoardSource, SimulatedSource, Source

    if wanted.port is not None:
        from metabit.boards.run import DeviceRun
        from metabit.host.driver import Driver
        from metabit.host.transport import SerialTransport
        from metabit.planning.line import SpeedOf

        from .played import plays

        hardware = cast("Run", run)
        transport = stack.enter_context(
            closing(SerialTransport(wanted.port, wanted.baud, wanted.timeout))
        )
        if transport.notice:
            console.print(f"[yellow]{escape(transport.notice)}[/]", highlight=False)
        driver = Driver.find(transport)
        _refuse_playing(driver.shape.name, playing=plays(driver, hardware))
        speed = SpeedOf(hardware.network.config, driver.shape, wanted.baud)
        on_device = DeviceRun(driver, hardware, verify=wanted.verify)
        place = f"device {driver.shape.name} at {wanted.port}"
        return BoardSource(on_device, f"{place}, compared" if wanted.verify else place, speed)
    if wanted.simulate:
        return SimulatedSource(*_simulated(console, stack, run, wanted))
    return Source(run, f"golden model, {run.engine}")


def _simulated(console: Console, stack: ExitStack, run: Any, wanted: Wanted) -> tuple[Any, str]:
    """Return a simulation that is not begun yet, and what it is called."""
    from metabit.golden.engines import choose_engine
    from metabit.hdl.placement import Placement, smallest_shape
    from metabit.hdl.shape import find_shape
    from metabit.sim.simulate import build_device, simulation

    from .simulation import building, samples_to_train

    config = run.network.config
    shape = find_shape(wanted.device) if wanted.device else smallest_shape(config)
    Placement(config, shape)
    _refuse_playing(shape.name, playing=shape.stored != "none")
    # Where its cycles go is worth seeing, whether or not the device that is built counts them.
    shape = shape.model_copy(update={"phases": True})
    with building(console) as report:
        library = build_device(shape, report=report)
    engine = choose_engine(wanted.engine, samples_to_train(run, None))
    opened = stack.enter_context(simulation(run, shape, library, engine=engine))
    return opened, f"simulated device {shape.name}, compared"


def _refuse_playing(name: str, *, playing: bool) -> None:
    if playing:
        raise MetabitError(
            f"device {name} plays samples from memory of its own, whole epochs on end, and nobody "
            "can look in between; use metabit run or metabit simulate"
        )


def _train(sessions: "Sequence[Session]", pressed: Any, *, end: bool) -> bool:
    """Train all side by side until they are over and nobody looks any more.

    Returns
    -------
    bool
        Whether a training was stopped before its end.
    """
    from metabit.watch.server import finished

    threads = [
        threading.Thread(target=session.train, name=session.name, daemon=True)
        for session in sessions
    ]
    for thread in threads:
        thread.start()
    while not pressed() and not (end and finished(sessions)):
        time.sleep(0.05)
    early = not finished(sessions)
    for session in sessions:
        session.stop()
    for thread in threads:
        thread.join()
    return early


def _summarise(console: Console, sessions: "Sequence[Session]") -> None:
    """Say how each training stands."""
    for session in sessions:
        run = session.source.run
        done = f"{len(run.schedule.history)} of {run.schedule.epochs} epochs"
        tested = f", test accuracy {100 * run.test_accuracy[-1]:.2f} %" if run.test_accuracy else ""
        console.print(
            f"{escape(session.name)}: {session.state}, {done}[bold]{tested}[/]", highlight=False
        )
        if session.source.results().get("bit_exact"):
            console.print("[green]device and golden agree in every bit[/]")
        if session.out is not None and session.saved is not None:
            console.print(f"saved {escape(str(session.out))}", highlight=False)


def _results(session: "Session") -> dict[str, Any]:
    """Return what --json says of a training."""
    run = session.source.run
    found = session.source.results()
    if run.test_accuracy:
        found = results_of(run) | found
    pace = session.pace
    return {**found, "watching": {"looks": pace.looks, "seconds": pace.seconds}}


def _write_results(json: Path, sessions: "Sequence[Session]", *, seeds: bool) -> None:
    """Write what is known of all trainings; of seeds of one as ``metabit train`` does."""
    results = [_results(session) for session in sessions if session.error is None]
    early = any(session.state == "stopped" for session in sessions)
    whole: dict[str, Any]
    if len(sessions) == 1 and results:
        whole = results[0]
    elif seeds and all("test_accuracy" in result for result in results):
        whole = combine(results)
    else:
        whole = {"trainings": results}
    write_json(json, whole | ({"interrupted": True} if early else {}))


def _export(console: Console, page: Any, file: Path) -> None:
    """Write the page of each training."""
    several = len(page.reports) > 1
    for number, report in enumerate(page.reports):
        path = file.with_stem(f"{file.stem}-{number}") if several else file
        report.write(path)
        console.print(f"report [bold]{escape(str(path))}[/]", highlight=False)


def _raise_failures(sessions: "Sequence[Session]") -> None:
    """Raise what has ended a training."""
    for session in _failures(sessions):
        assert session.error is not None
        raise _explained(session) from session.error


def _failures(sessions: "Sequence[Session]") -> "Iterator[Session]":
    return (session for session in sessions if session.error is not None)


def _explained(session: "Session") -> Exception:
    """Return the error of a training, with what can be done about it."""
    from metabit.host.compare import DivergenceError
    from metabit.host.pinpoint import pinpoint
    from metabit.watch.source import SimulatedSource

    from .simulation import explain_divergence

    error, source = session.error, session.source
    assert error is not None
    if isinstance(error, DivergenceError) and isinstance(source, SimulatedSource):
        finding = pinpoint(source.simulation.side, error)
        return MetabitError(explain_divergence(finding, "metabit simulate"))
    if isinstance(error, (MetabitError, OSError, ValueError)):
        return MetabitError(f"{session.name}: {error}")
    return error
