"""Options that several commands share, and what follows from them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from metabit.errors import MetabitError
from metabit.golden.config import Config
from metabit.golden.configuration import NetworkConfig
from metabit.golden.data.datasets import DATASETS, Dataset, load_dataset
from metabit.golden.data.options import DataOptions
from metabit.golden.data.splits import SPLITS
from metabit.golden.data.training_data import adapt
from metabit.golden.engines import ENGINES
from metabit.golden.errors import ConfigurationError
from metabit.golden.modes.registry import DEFAULT, MODES, AnyMode
from metabit.golden.named import NAMES, load_config, override

from .json_file import JsonOption, write_json

__all__ = ["JsonOption", "write_json"]

_NETWORK = "Changes to the configuration"
_PAPER = "Modes paper and baldassi"
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
        "and perhaps x_test, y_test), X.npy,Y.npy or a folder of IDX files. "
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
HiddenOption = Annotated[
    str | None,
    typer.Option(
        "--hidden",
        "--layers",
        metavar="N[,N...]",
        help="Neurons of each hidden layer.",
        rich_help_panel=_NETWORK,
    ),
]
GroupOption = Annotated[
    int | None,
    typer.Option("--group", metavar="N", help="Neurons per group.", rich_help_panel=_NETWORK),
]
EncoderOption = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        metavar="SPEC",
        help="How images become bits: none, median, thermometer:T,T..., quantiles:N, edges-1568, "
        "edges-1960, edges-2548, edges:d=1,t=8,c=0/4, distributive:B, or a sum with '+'.",
        rich_help_panel=_NETWORK,
    ),
]
CounterBitsOption = Annotated[
    int | None,
    typer.Option(
        "--counter-bits", metavar="N", help="Bits of a counter, 2-16.", rich_help_panel=_NETWORK
    ),
]
MarginOption = Annotated[
    float | None,
    typer.Option("--margin", metavar="R", help="Margin r, 0 to 1.", rich_help_panel=_NETWORK),
]
RivalOption = Annotated[
    bool | None,
    typer.Option(
        "--rival-selection/--no-rival-selection",
        help="Whether only neurons that tell the label from its rival may win.",
        rich_help_panel=_NETWORK,
    ),
]
AnnealingOption = Annotated[
    str | None,
    typer.Option(
        "--annealing",
        metavar="F[,F...]|off",
        help="Fractions of the epochs after which fewer words are touched.",
        rich_help_panel=_NETWORK,
    ),
]
ReinforcementOption = Annotated[
    float | None,
    typer.Option(
        "--reinforcement",
        metavar="P",
        help="Reinforcement probability, 0 to 1; 0 is off.",
        rich_help_panel=_NETWORK,
    ),
]
HeadOffsetOption = Annotated[
    int | None,
    typer.Option(
        "--head-offset",
        metavar="T",
        help="Offset of the three-threshold head; 0 is the plain head.",
        rich_help_panel=_NETWORK,
    ),
]
SummedScoresOption = Annotated[
    bool | None,
    typer.Option(
        "--summed-scores/--no-summed-scores",
        help="Whether all layers' scores count for the prediction, or the last layer's alone.",
        rich_help_panel=_NETWORK,
    ),
]
ThresholdsOption = Annotated[
    str | None,
    typer.Option(
        "--thresholds",
        metavar="T[,T...]",
        help="Short for --encoder thermometer:T,T...",
        rich_help_panel=_NETWORK,
    ),
]
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
WeightClipOption = Annotated[
    int | None,
    typer.Option(
        "--weight-clip",
        metavar="N",
        help="Limit of hidden weights; 0 is none. [default: 0]",
        show_default=False,
        rich_help_panel=_PAPER,
    ),
]
BatchOption = Annotated[
    int | None,
    typer.Option(
        "--batch",
        metavar="N",
        help="Samples whose updates are summed. [default: 100]",
        show_default=False,
        rich_help_panel=_PAPER,
    ),
]
TileOption = Annotated[
    int | None,
    typer.Option("--tile", metavar="N", help="Samples per tile, 1-64.", rich_help_panel=_NETWORK),
]
LagOption = Annotated[
    int | None,
    typer.Option(
        "--lag",
        metavar="0|1",
        help="Tiles by which the weights of a forward pass lag behind; 0: they are up to date.",
        rich_help_panel=_NETWORK,
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


@dataclass(frozen=True)
class ModeChoice:
    """What configuration and data a command is to use in a mode.

    Attributes
    ----------
    mode : Mode
        The mode.
    config : NetworkConfig
        Configuration of the mode, fitted to the data set.
    dataset : Dataset
        Loaded, not split yet.
    epochs : int
        Length of the training.
    """

    mode: AnyMode
    config: NetworkConfig
    dataset: Dataset
    epochs: int


def choose(
    config_name: str | None,
    *,
    dataset: str | Dataset | None = None,
    data_dir: Path | None = None,
    reading: DataOptions | None = None,
    encoder: str | None = None,
    thresholds: str | None = None,
    hidden: str | None = None,
    annealing: str | None = None,
    **fields: Any,
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
    data_dir, encoder, thresholds, hidden, annealing
        The options of these names, as typed.
    **fields
        Further fields of the configuration; None: unchanged.

    Raises
    ------
    MetabitError
        If something of it is not valid.
    """
    if thresholds is not None:
        if encoder is not None:
            raise ConfigurationError("--thresholds and --encoder cannot both be given")
        encoder = f"thermometer:{thresholds}"
    config = load_config(config_name or "tiny")
    changes = {name: value for name, value in fields.items() if value is not None}
    if hidden is not None:
        changes["hidden"] = _numbers("--hidden", hidden, int)
    if annealing is not None:
        changes["annealing"] = (
            () if annealing == "off" else _numbers("--annealing", annealing, float)
        )
    if changes:
        config = override(config, **changes)
    if isinstance(dataset, Dataset):
        loaded = dataset
    else:
        loaded = load_dataset(dataset or config.dataset, data_dir, reading)
    if dataset is not None or encoder is not None:
        config = adapt(config, loaded, encoder)
    return Choice(config, loaded)


def choose_in_mode(
    config_name: str | None, mode: str | None, epochs: int | None, **options: Any
) -> ModeChoice:
    """Return what options describe in a mode.

    What a named configuration shares with the mode is taken from it.

    Parameters
    ----------
    config_name : str or None
        Name or path; None: `tiny`.
    mode : str or None
        Name of the mode; None: that of the hardware.
    epochs : int or None
        Length of the training; None: that of the mode.
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
    refused = fields_of_modes() - set(chosen_mode.config_type.model_fields)
    for option, value in options.items():
        if option in refused and value is not None:
            raise ConfigurationError(f"--{option.replace('_', '-')} means nothing in mode {name}")
    own = set(chosen_mode.config_type.model_fields) - set(Config.model_fields)
    of_mode = {option: options[option] for option in own & set(options)}
    known = {option: value for option, value in options.items() if option not in fields_of_modes()}
    base = {option: options[option] for option in set(Config.model_fields) & set(options)}
    chosen = choose(config_name, **{**known, **base})
    return ModeChoice(
        chosen_mode,
        chosen_mode.configure(chosen.config, epochs, **of_mode),
        chosen.dataset,
        epochs or chosen_mode.epochs,
    )


def fields_of_modes() -> set[str]:
    """Return the fields that configurations of any mode have."""
    return {name for mode in MODES.values() for name in mode.config_type.model_fields}


def _numbers(option: str, text: str, kind: type) -> tuple:
    """Return the numbers of a comma-separated list."""
    try:
        return tuple(kind(part) for part in text.split(","))
    except ValueError:
        raise ConfigurationError(
            f"{option} must be numbers separated by commas, e.g. "
            f"{'256,128' if kind is int else '0.6,0.75,0.9'}, not {text!r}"
        ) from None


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
