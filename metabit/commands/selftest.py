"""`metabit selftest`: look whether a device works."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from metabit.errors import MetabitError
from metabit.hdl.shape import SHAPES

from . import options
from .options import check_folder, write_json

if TYPE_CHECKING:
    from metabit.host.transport import Transport
    from metabit.selftest.outcome import Result

EPILOG = """
**Examples**

metabit selftest --port /dev/ttyUSB1                        a board

metabit selftest --port /dev/ttyUSB1 --report fault.zip     all that helps to find a fault

metabit selftest --device small                             the same with a simulated device

The bitstream must be on the board: metabit build, then metabit program. What the device holds is
lost.
"""


def selftest(
    port: Annotated[
        str | None,
        typer.Option(
            "--port",
            metavar="PORT",
            help="Serial port of the board, such as /dev/ttyUSB1.",
            show_default=False,
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            "--device",
            metavar="NAME",
            help=f"Test a simulated device instead: {', '.join(SHAPES)}.",
            show_default=False,
        ),
    ] = None,
    baud: options.BaudOption = options.BAUD,
    timeout: options.TimeoutOption = 1.0,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FILE.zip",
            help="Pack results, versions, a log of all frames and what metabit doctor finds.",
            show_default=False,
        ),
    ] = None,
    json: options.JsonOption = None,
) -> None:
    """Test a device: its link, its memories, a short training, aborts. Takes under a minute.

    Training is compared with golden bit by bit. Fails if anything is wrong, and says what.
    """
    from metabit.selftest.archive import versions, write_archive
    from metabit.selftest.run import selftest as test

    if (port is None) == (device is None):
        raise MetabitError("--port names the board to test, or --device a simulated device")
    check_folder("--json", json)
    check_folder("--report", report)
    console = Console()
    transport = _simulated(console, device) if device else _serial(console, port, baud, timeout)
    with console.status("") as status:
        result, log = test(transport, None if device else baud, status.update)
    results: dict[str, Any] = {
        **result.to_dict(),
        "port": port,
        "baud": None if device else baud,
        "simulated": device is not None,
        "versions": versions(),
    }
    if json is not None:
        write_json(json, results)
    if report is not None:
        write_archive(report, results, log)
    _show(console, result)
    if report is not None:
        console.print(f"{report} has all that a report of a fault needs", soft_wrap=True)
    if not result.ok:
        raise typer.Exit(1)


def _serial(console: Console, port: str | None, baud: int, timeout: float) -> "Transport":
    """Open a serial port."""
    from metabit.host.transport import SerialTransport

    assert port is not None
    transport = SerialTransport(port, baud, timeout)
    if transport.notice:
        console.print(f"[yellow]{escape(transport.notice)}[/]", highlight=False, soft_wrap=True)
    return transport


def _simulated(console: Console, device: str) -> "Transport":
    """Build and start a simulated device, all of whose samples come through the link."""
    from metabit.hdl.shape import find_shape
    from metabit.sim.model import SimulatedDevice
    from metabit.sim.simulate import build_device
    from metabit.sim.transport import SimulatedTransport, patience

    from .simulation import building

    shape = find_shape(device)
    with building(console) as steps:
        library = build_device(shape, report=steps)
    simulated = SimulatedDevice(library)
    return SimulatedTransport(simulated, patience(shape))


def _show(console: Console, result: "Result") -> None:
    """Print a line for each check, and the verdict."""
    table = Table(title="metabit selftest", title_justify="left")
    for heading in ("", "what", "found"):
        table.add_column(heading, overflow="fold")
    table.add_column("s", justify="right")
    group = ""
    for outcome in result.outcomes:
        if outcome.group != group:
            table.add_section()
            group = outcome.group
        mark = "[green]pass[/]" if outcome.ok else "[red]FAIL[/]"
        what = f"[bold]{outcome.group}: {outcome.name}[/]"
        table.add_row(mark, what, escape(outcome.found), f"{outcome.seconds:.1f}")
    console.print(table)
    seconds = sum(outcome.seconds for outcome in result.outcomes)
    wrong = [outcome for outcome in result.outcomes if not outcome.ok]
    if result.ok:
        console.print(f"[green]all is well[/], {seconds:.0f} s", highlight=False)
        return
    names = ", ".join(f"{outcome.group}: {outcome.name}" for outcome in wrong)
    console.print(f"[red]wrong: {names}[/], {seconds:.0f} s", highlight=False, soft_wrap=True)
    if not result.complete:
        console.print("nothing else could be tried", highlight=False)
