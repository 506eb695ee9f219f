"""Options that say how the user's own data are read, the same for every command that takes some."""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from metabit.golden.data.datasets import DATASETS
from metabit.golden.data.options import DataOptions, parse_shape
from metabit.golden.data.tables import is_table
from metabit.golden.errors import ConfigurationError

_PANEL = "Data of your own"

_OPTIONS = {
    "target": Annotated[
        str | None,
        typer.Option(
            "--target",
            metavar="COLUMN",
            help="Column of the classes, by name or number (from 1). "
            "[default: one called label, class, target, species, y, ...; else the last]",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ],
    "drop": Annotated[
        list[str] | None,
        typer.Option(
            "--drop",
            metavar="COLUMN",
            help="Column to leave out; may be given several times.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ],
    "keep": Annotated[
        list[str] | None,
        typer.Option(
            "--keep",
            metavar="COLUMN",
            help="Column to use although it looks like row numbers or never changes; may be given "
            "several times.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ],
    "header": Annotated[
        str | None,
        typer.Option(
            "--header",
            metavar="yes|no|auto",
            help="Whether the first line names the columns. [default: auto]",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ],
    "missing": Annotated[
        str | None,
        typer.Option(
            "--missing",
            metavar="error|drop|keep",
            help="What to do about missing cells (empty, ?, NA, nan): refuse the file, leave their "
            "rows out, or take them as a category. [default: error]",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ],
    "decimal": Annotated[
        str | None,
        typer.Option(
            "--decimal",
            metavar=".|,|auto",
            help="Sign before decimals. [default: auto]",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ],
    "image_shape": Annotated[
        str | None,
        typer.Option(
            "--image-shape",
            metavar="HxW",
            help="Height and width of images whose pixels come in one row, e.g. 28x28.",
            show_default=False,
            rich_help_panel=_PANEL,
        ),
    ],
}
"""The options, by the field of :class:`.DataOptions` that each sets."""


def takes_data_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of data of one's own.

    The command has a parameter `reading`, of type :class:`.DataOptions`, in place of them all,
    and `dataset`, which is given the target.

    Parameters
    ----------
    command : callable
        Function of a command.
    """
    signature = inspect.signature(command)
    parameters = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in signature.parameters.items()
        if name != "reading"
    ]
    parameters += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in _OPTIONS.items()
    ]

    @functools.wraps(command)
    def wrapped(**arguments: Any) -> None:
        given = {name: arguments.pop(name, None) for name in _OPTIONS}
        reading = _reading(given)
        dataset = arguments.get("dataset")
        if isinstance(dataset, list):
            arguments["dataset"] = [with_target(name, reading, dataset) for name in dataset]
        else:
            arguments["dataset"] = with_target(dataset, reading, [dataset])
        command(reading=reading, **arguments)

    # What Typer reads.
    wrapped.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return wrapped


def _reading(given: dict[str, Any]) -> DataOptions:
    """Return the options as one value."""
    fields = {name: value for name, value in given.items() if value is not None}
    for name in ("drop", "keep"):
        if name in fields:
            fields[name] = tuple(fields[name])
    if "image_shape" in fields:
        fields["image_shape"] = parse_shape(fields["image_shape"])
    return DataOptions(**fields)


def with_target(
    dataset: str | None, reading: DataOptions, all_of_them: Iterable[str | None]
) -> str | None:
    """Return the name of a data set, with its target.

    Parameters
    ----------
    dataset : str or None
        The option `--dataset`.
    reading : DataOptions
        How it is to be read.
    all_of_them : iterable of str or None
        All data sets, if there are several: options must mean something for one of them.

    Raises
    ------
    ConfigurationError
        If an option means nothing for any data set, or the data set names a target already.
    """
    names = [name for name in all_of_them if name is not None]
    for name in reading.given():
        own = any(is_table(each) for each in names)
        needed = "--dataset FILE.csv"
        if name == "image_shape":
            own, needed = any(each not in DATASETS for each in names), "--dataset with your own"
        if not own:
            raise ConfigurationError(f"--{name.replace('_', '-')} needs {needed}")
    if reading.target is None or dataset is None or not is_table(dataset):
        return dataset
    if "#" in dataset:
        raise ConfigurationError(
            f"--target cannot be given with --dataset {dataset}, which has one"
        )
    return f"{dataset}#{reading.target}"


def written(reading: DataOptions) -> dict[str, Any]:
    """Return the options as they are written, the target excepted, which the data set names.

    Parameters
    ----------
    reading : DataOptions
        What was given.
    """
    found = reading.given()
    found.pop("target", None)
    if reading.image_shape is not None:
        found["image_shape"] = "x".join(map(str, reading.image_shape))
    return {f"--{name.replace('_', '-')}": value for name, value in found.items()}


def print_summary(console: Console, summary: tuple[tuple[str, str], ...]) -> None:
    """Say what was found in the user's own data.

    Parameters
    ----------
    console : Console
        Where to.
    summary : tuple of tuple of str and str
        A heading and a text each.
    """
    for heading, text in summary:
        console.print(f"[bold]{heading:10}[/]  {escape(text)}", highlight=False)
