"""The option that says which column of a table holds the classes."""

from typing import Annotated

import typer

from metabit.golden.data.tables import is_table
from metabit.golden.errors import ConfigurationError

TargetOption = Annotated[
    str | None,
    typer.Option(
        "--target",
        metavar="NAME|N",
        help="Column of a CSV file that holds the classes, by name or number (from 1). "
        "[default: the last]",
        show_default=False,
        rich_help_panel="Data",
    ),
]


def with_target(dataset: str | None, target: str | None) -> str | None:
    """Return the name of a data set, with its target.

    Parameters
    ----------
    dataset, target : str or None
        The options `--dataset` and `--target`.

    Raises
    ------
    ConfigurationError
        If the data set is no table, or names a target already.
    """
    if target is None:
        return dataset
    if dataset is None or not is_table(dataset):
        raise ConfigurationError("--target needs --dataset FILE.csv")
    if "#" in dataset:
        raise ConfigurationError(
            f"--target cannot be given with --dataset {dataset}, which has one"
        )
    return f"{dataset}#{target}"
