"""Options that several commands share, and what follows from them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from metabit.errors import MetabitError
from metabit.golden.config import Config
from metabit.golden.configurations.named import NAMES, load_config, override
from metabit.golden.configurations.settings import settings_of
from metabit.golden.data.datasets import DATASETS, Dataset, load_dataset
from metabit.golden.data.options import DataOptions
from metabit.golden.data.splits import SPLITS
from metabit.golden.data.training_data import adapt, encoder_for
from metabit.golden.encoding.axes import is_image
from metabit.golden.engines import ENGINES
from metabit.golden.errors import ConfigurationError
from metabit.golden.modes.registry import DEFAULT, MODES
from metabit.golden.runs.plan import Plan

from .json_file import JsonOption, write_json
from .network_options import option, read, refuse_others

__all__ = ["JsonOption", "write_json"]

_DATA = "Data"

ConfigOption = Annotated[
    str | None,
    typer.Option(
        "--config",
        metavar="NAME|PATH",
        help=f"Configuration: {', '.join(NAMES)}, or a JSON file. [default: tiny]",
        show_default=False,
    ),
]
DatasetOption = Annotated[
    str | None,
    typer.Option(
        "--dataset",
        metavar="NAME|PATH",
        help=f"Data set: {', '.join(DATASETS)}; or your own: FILE.csv, FILE.npz (x, y "
        "and perhaps x_test, y_test), X.npy,Y.npy or a folder of pictures or IDX files. "
        "[default: the configuration's]",
        show_default=False,
        rich_help_panel=_DATA,
    ),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="FOLDER",
        help="Folder with the IDX files of mnist or fashion-mnist.",
        show_default=False,
        rich_help_panel=_DATA,
    ),
]
SplitOption = Annotated[
    str | None,
    typer.Option(
        "--split",
        metavar="|".join(SPLITS),
        help="Test on the last of the shuffled training samples, on the official test set, or on a "
        "part of what paper trains on. "
        "[default: paper; official for your own data with x_test]",
        show_default=False,
        rich_help_panel=_DATA,
    ),
]
SeedOption = Annotated[
    int | None,
    typer.Option(
        "--seed",
        metavar="N",
        help="Seed of everything random. [default: the configuration's, 0]",
        show_default=False,
    ),
]
EngineOption = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="|".join(ENGINES),
        help="What computes; all give the same result, bit for bit. auto: compiled code (numba) "
        "if it is installed and pays.",
    ),
]
BAUD = 1_000_000
"""Rate that bitstreams are built for."""

BaudOption = Annotated[
    int,
    typer.Option(
        "--baud", metavar="N", min=1, help="Rate that the bitstream was built for, in bits/s."
    ),
]
TimeoutOption = Annotated[
    float,
    typer.Option("--timeout", metavar="S", min=0.01, help="Seconds to wait for an answer."),
]
ForeignEncoderOption = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        metavar="SPEC",
        help="Of an .onnx file of others: how samples become its bits. [default: none]",
        show_default=False,
    ),
]
CheckpointArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="[FILE]",
        help="Checkpoint: goes on with its training, or tests one that has come to its end. Or an "
        ".onnx file, which is tested.",
        show_default=False,
    ),
]
EncoderOption = Annotated[str | None, option("encoder")]
CounterBitsOption = Annotated[int | None, option("counter_bits")]
ModeOption = Annotated[
    str | None,
    typer.Option(
        "--mode",
        metavar="|".join(MODES),
        help="The rule of the hardware, the paper's own, or that of its baseline. "
        "[default: hardware]",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Choice:
    """What configuration and data a command is to use.

    Attributes
    ----------
    config : Config
        Configuration, fitted to the data set.
    dataset : Dataset
        Loaded, not split yet.
    """

    config: Config
    dataset: Dataset


def choose(
    config_name: str | None,
    *,
    dataset: str | Dataset | None = None,
    data_dir: Path | None = None,
    reading: DataOptions | None = None,
    **changes: Any,
) -> Choice:
    """Return the configuration that options describe, and its data set.

    Inputs and classes follow from the data if a data set or an encoder is given.

    Parameters
    ----------
    config_name : str or None
        Name or path; None: `tiny`.
    dataset : str or Dataset or None
        Name, or what is loaded already.
    reading : DataOptions, optional
        How the user's own data are read.
    data_dir : Path or None
        Folder with the files of `mnist` or `fashion-mnist`.
    **changes
        Options that change the configuration, as typed or as Typer has read them; None: not given.

    Raises
    ------
    MetabitError
        If something of it is not valid.
    """
    config, fields = load_config(config_name or "tiny"), read(changes)
    encoder = fields.pop("encoder", None)
    # What a file says is the user's choice as much as an option is; a named one's are defaults.
    asked = set(fields) | (set() if config_name in (None, *NAMES) else config.model_fields_set)
    if fields:
        config = override(config, **fields)
    if isinstance(dataset, Dataset):
        loaded = dataset
    else:
        loaded = load_dataset(dataset or config.dataset, data_dir, reading)
    if "views" not in fields and not is_image(loaded.images.shape[1:]):
        # The configuration's are those of images.
        config = override(config, views=1)
    if dataset is not None or encoder is not None:
        if encoder is None:
            found = encoder_for(config, loaded)
            encoder = found.spec
            if found.reason is not None:
                summary = (*loaded.summary, ("encoder", found.reason))
                loaded = replace(loaded, summary=summary)
        config = adapt(config, loaded, encoder, asked)
    return Choice(config, loaded)


def choose_plan(
    config_name: str | None,
    *,
    mode: str | None = None,
    epochs: int | None = None,
    split: str | None = None,
    engine: str = "auto",
    data_dir: Path | None = None,
    **options: Any,
) -> tuple[Plan, Dataset]:
    """Return the plan that options describe, and its data set, which is loaded already.

    What a named configuration shares with the mode is taken from it.

    Parameters
    ----------
    config_name : str or None
        Name or path; None: `tiny`.
    mode : str or None
        Name of the mode; None: that of the hardware.
    epochs : int or None
        Length of the training; None: that of the mode.
    split, engine, data_dir
        See :class:`~metabit.golden.runs.plan.Plan`.
    **options
        What :func:`choose` takes, and fields that only other modes than the hardware's have.

    Raises
    ------
    ConfigurationError
        If there is no such mode, something of it is not valid, or means nothing in this mode.
    """
    name = mode or DEFAULT
    if name not in MODES:
        raise ConfigurationError(f"--mode must be one of {', '.join(MODES)}, not {name!r}")
    chosen_mode = MODES[name]
    refuse_others(name, options)
    fields = read(options)
    own = set(settings_of(chosen_mode.config_type)) - set(settings_of(Config))
    of_mode = {field: fields.pop(field) for field in own & set(fields)}
    chosen = choose(config_name, data_dir=data_dir, **fields)
    config = chosen_mode.configure(chosen.config, epochs, **of_mode)
    length, reading = epochs or chosen_mode.epochs, chosen.dataset.options
    return Plan(config, length, split, reading, engine, data_dir), chosen.dataset


def check_folder(option: str, path: Path | None) -> None:
    """Check that the folder of a file to be written exists.

    Parameters
    ----------
    option : str
        Name of the option, for the message.
    path : Path or None
        Its value.

    Raises
    ------
    MetabitError
        If it does not.
    """
    if path is not None and not path.parent.is_dir():
        raise MetabitError(f"{option} {path}: folder {path.parent} does not exist")
