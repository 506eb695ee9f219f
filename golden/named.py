"""Named configurations, and configurations from files."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from .config import ArrayShape, Config
from .errors import ConfigurationError
from .validation import describe

_ECP5_ARRAY = ArrayShape(rows=16, lanes=32, samples=8, systolic=True)

_CONFIGS = {
    # The devices that these configurations describe update a tile before they pass the next.
    config.name: config.model_copy(update={"lag": 0})
    for config in (
        Config(
            name="tiny",
            dataset="digits",
            encoder="thermometer:0,4,8,12",
            inputs=256,
            hidden=(64,),
            group=32,
            array=ArrayShape(rows=4, lanes=16, samples=4),
        ),
        Config(
            name="up5k",
            encoder="edges-1568",
            inputs=1568,
            hidden=(64,),
            group=32,
            array=ArrayShape(rows=4, lanes=16, samples=4, memory="spram"),
        ),
        Config(
            name="ecp5",
            encoder="edges-1568",
            inputs=1568,
            hidden=(256,),
            group=64,
            counter_bits=7,
            array=_ECP5_ARRAY,
        ),
        # The two after the accuracy that their devices allow: their memories are full.
        Config(
            name="up5k-best",
            encoder="select:1808:edges-6992",
            inputs=1808,
            hidden=(64,),
            group=32,
            head_offset=24,
            # The three-threshold head takes the logic of two columns.
            array=ArrayShape(rows=4, lanes=16, samples=2, memory="spram"),
        ),
        Config(
            name="ecp5-best",
            encoder="select:4000:edges-6992",
            inputs=4000,
            hidden=(112,),
            group=56,
            counter_bits=7,
            head_offset=24,
            array=_ECP5_ARRAY,
        ),
        Config(
            name="multi",
            encoder="edges-1568",
            inputs=1568,
            hidden=(256, 128),
            group=64,
            array=_ECP5_ARRAY,
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
            array=ArrayShape(rows=8, lanes=16, samples=4),
        ),
    )
}

NAMES = tuple(_CONFIGS)
"""Names of the named configurations."""


def named(name: str) -> Config:
    """Return a named configuration.

    Raises
    ------
    ConfigurationError
        If there is none of this name.
    """
    if name not in _CONFIGS:
        raise ConfigurationError(
            f"unknown configuration {name!r}; known: {', '.join(NAMES)}, or a path to a JSON file"
        )
    return _CONFIGS[name]


def load_config(name: str | Path) -> Config:
    """Return the configuration of a name or of a JSON file.

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
        fields = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigurationError(f"configuration {path} does not exist") from error
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"configuration {path} cannot be read: {error}") from error
    if not isinstance(fields, dict):
        raise ConfigurationError(f"configuration {path} must be a JSON object of fields")
    fields.setdefault("name", path.stem)
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
    try:
        return Config.model_validate(fields)
    except ValidationError as error:
        raise ConfigurationError(describe(error, Config)) from error


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
