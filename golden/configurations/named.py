"""Named configurations, and configurations from files."""

import warnings
from pathlib import Path
from typing import Any

from ..config import OBSOLETE, Config
from ..errors import ConfigurationError, ObsoleteFieldWarning
from .strict_json import parse

_CONFIGS = {
    config.name: config
    for config in (
        Config(
            name="tiny",
            dataset="digits",
            encoder="thermometer:0,4,8,12",
            inputs=256,
            hidden=(64,),
            group=32,
        ),
        # What their devices hold, all 256 and 512 sign words: the most accurate network of a UP5K;
        # of an ECP5, the widest whose updates keep up with its forward passes. Half of the bits
        # that they choose from are hand-made, half learnt from the images.
        Config(
            name="up5k",
            encoder="select:1536,steps=4:edges-6992+comparisons:9000",
            inputs=1536,
            hidden=(64,),
            group=64,
            margin=0.2,
            head_offset=24,
            views=5,
        ),
        Config(
            name="ecp5",
            encoder="select:3072,steps=3:edges-2548+comparisons:5632",
            inputs=3072,
            hidden=(128,),
            group=64,
            counter_bits=7,
            margin=0.15,
            head_offset=40,
            views=5,
        ),
        # One bit a counter more fills the same FPGA to its last block RAM.
        Config(
            name="ecp5-8bit",
            encoder="select:3072,steps=4:edges-6992+comparisons:9000",
            inputs=3072,
            hidden=(128,),
            group=64,
            counter_bits=8,
            margin=0.15,
            head_offset=40,
            views=5,
        ),
        # For devices that play samples from memory of their own, in one view: the most bits that
        # such a memory delivers as fast as the device learns.
        Config(
            name="up5k-flash",
            encoder="select:1536,steps=4:edges-6992+comparisons:9000",
            inputs=1536,
            hidden=(64,),
            group=64,
            head_offset=24,
            order="strides",
        ),
        Config(
            name="ecp5-sdram",
            encoder="select:1536,steps=4:edges-6992+comparisons:9000",
            inputs=1536,
            hidden=(256,),
            group=64,
            counter_bits=7,
            head_offset=24,
            order="strides",
        ),
        # 2 * 224 + 64 sign words fill an ECP5 device, too.
        # What a UP5K holds beside the encoder of its own bits; in one view, as a sensor has it.
        Config(
            name="up5k-live",
            encoder="select:576,steps=4:edges-6992+comparisons:9000",
            inputs=576,
            hidden=(64,),
            group=64,
            margin=0.2,
            head_offset=24,
        ),
        Config(
            name="multi",
            encoder="select:1536,steps=3:edges-2548+comparisons:5120",
            inputs=1536,
            hidden=(224, 64),
            group=64,
            counter_bits=7,
            margin=0.15,
            head_offset=24,
            views=5,
        ),
        Config(
            name="paper-135",
            encoder="median",
            inputs=784,
            hidden=(135, 135),
            group=45,
            rival_selection=False,
            annealing=(),
            summed_scores=False,
        ),
    )
}

_RENAMED = {"up5k-best": "up5k", "ecp5-best": "ecp5"}
"""Names of former configurations, and of what has taken their place."""

NAMES = tuple(_CONFIGS)
"""Names of the named configurations."""


def named(name: str) -> Config:
    """Return a named configuration.

    Raises
    ------
    ConfigurationError
        If there is none of this name.
    """
    if name in _RENAMED:
        raise ConfigurationError(
            f"there is no configuration {name!r} any more: {_RENAMED[name]!r} is the most accurate "
            "network that its device holds"
        )
    if name not in _CONFIGS:
        raise ConfigurationError(
            f"unknown configuration {name!r}; known: {', '.join(NAMES)}, or a path to a JSON file"
        )
    return _CONFIGS[name]


def load_config(name: str | Path) -> Config:
    """Return the configuration of a name or of a JSON file.

    What earlier versions wrote of hardware into such a file is ignored, with a warning.

    Parameters
    ----------
    name : str or Path
        One of :data:`NAMES`, or a path that ends in ``.json``.

    Raises
    ------
    ConfigurationError
        If there is none of this name, or the file holds no valid configuration.
    """
    path = Path(name)
    if path.suffix != ".json":
        return named(str(name))
    try:
        fields = parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigurationError(f"configuration {path} does not exist") from error
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"configuration {path} cannot be read: {error}") from error
    if not isinstance(fields, dict):
        raise ConfigurationError(f"configuration {path} must be a JSON object of fields")
    fields.setdefault("name", path.stem)
    for field in set(OBSOLETE) & set(fields):
        del fields[field]
        warnings.warn(
            f"configuration {path}: {field!r} is ignored; a network has no hardware of its own "
            "any more, a device is chosen when it is simulated or built",
            ObsoleteFieldWarning,
            stacklevel=2,
        )
    try:
        return make_config(fields)
    except ConfigurationError as error:
        raise ConfigurationError(f"configuration {path}: {error}") from error


def make_config(fields: dict[str, Any]) -> Config:
    """Return the configuration of these fields.

    Raises
    ------
    ConfigurationError
        If they are not valid; says which field, what it must be and what it was.
    """
    return Config.make(**fields)


def override(config: Config, **changes: Any) -> Config:
    """Return a configuration with some fields changed, validated again.

    Its name gets the ending ``-custom`` if anything but seed and data set changes, so that no
    table shows a changed configuration under the name of the original.

    Parameters
    ----------
    config : Config
        The original.
    **changes
        Fields and their new values.

    Raises
    ------
    ConfigurationError
        If the result is not valid.
    """
    fields = config.model_dump()
    different = {key for key, value in changes.items() if fields.get(key) != value}
    fields.update(changes)
    if different - {"name", "seed", "dataset"} and not config.name.endswith("-custom"):
        fields["name"] = f"{config.name}-custom"
    return make_config(fields)
