"""Options that change a configuration: derived from its fields, whatever the mode."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from metabit.golden.configurations.settings import Setting, settings_of
from metabit.golden.errors import ConfigurationError
from metabit.golden.modes.registry import DEFAULT, MODES

_PANEL = "Changes to the configuration"

THRESHOLDS = "thresholds"
"""Option that is short for an encoder, and no field."""


def settings() -> dict[str, Setting]:
    """Return the settings of all modes, those of the first mode that has one."""
    found: dict[str, Setting] = {}
    for mode in MODES.values():
        found = settings_of(mode.config_type) | found
    return {name: found[name] for mode in MODES.values() for name in settings_of(mode.config_type)}


def option(name: str) -> Any:
    """Return what Typer needs to know of the option of a setting.

    Parameters
    ----------
    name : str
        Of the setting.
    """
    setting = settings()[name]
    names = (setting.option, *(f"--{alias}" for alias in setting.aliases))
    panel, told = _PANEL, setting.help
    if name not in settings_of(MODES[DEFAULT].config_type):
        # No named configuration says what it is.
        panel, told = _panel_of(name), f"{told} [default: {setting.default}]"
    if setting.kind is bool:
        names = (f"{setting.option}/--no-{setting.option.removeprefix('--')}",)
    return typer.Option(
        *names,
        metavar=setting.metavar or None,
        help=told,
        show_default=False,
        rich_help_panel=panel,
    )


def _panel_of(name: str) -> str:
    """Return the heading over an option that the default mode does not have."""
    modes = [mode.name for mode in MODES.values() if name in settings_of(mode.config_type)]
    return f"Mode{'s' if len(modes) > 1 else ''} {' and '.join(modes)}"


def _options() -> dict[str, Any]:
    """Return the annotation of each option, by name."""
    found: dict[str, Any] = {}
    for name, setting in settings().items():
        # Several values come as one text.
        kind: Any = str if setting.many else setting.kind
        found[name] = Annotated[kind | None, option(name)]
        if name == "encoder":
            found[THRESHOLDS] = Annotated[
                str | None,
                typer.Option(
                    f"--{THRESHOLDS}",
                    metavar="T[,T...]",
                    help="Short for --encoder thermometer:T,T...",
                    rich_help_panel=_PANEL,
                ),
            ]
    return found


def takes_network_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that change a configuration.

    The command has a parameter `changes` in place of them all, a dictionary of what was given.

    Parameters
    ----------
    command : callable
        Function of a command.
    """
    signature, options = inspect.signature(command), _options()
    parameters = [
        parameter for name, parameter in signature.parameters.items() if name != "changes"
    ]
    parameters += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in options.items()
    ]

    @functools.wraps(command)
    def wrapped(**arguments: Any) -> None:
        given = {name: arguments.pop(name, None) for name in options}
        changes = {name: value for name, value in given.items() if value is not None}
        command(changes=changes, **arguments)

    # What Typer reads.
    wrapped.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return wrapped


def varied() -> dict[str, str]:
    """Return what a sweep may vary of a configuration: each name, and the field that it means."""
    names: dict[str, str] = {}
    for name in _options():
        aliases = settings()[name].aliases if name in settings() else ()
        names |= dict.fromkeys((name, *aliases), name)
    return names


def read(changes: dict[str, Any]) -> dict[str, Any]:
    """Return the values of fields that options say.

    Parameters
    ----------
    changes : dict
        Options, as typed or as Typer has read them; None: not given.

    Raises
    ------
    ConfigurationError
        If both an encoder and thresholds are given, or a list cannot be read.
    """
    found = {name: value for name, value in changes.items() if value is not None}
    if THRESHOLDS in found:
        if "encoder" in found:
            raise ConfigurationError("--thresholds and --encoder cannot both be given")
        found["encoder"] = f"thermometer:{found.pop(THRESHOLDS)}"
    known = settings()
    return {
        name: known[name].read(value) if name in known and isinstance(value, str) else value
        for name, value in found.items()
    }


def refuse_others(mode: str, changes: dict[str, Any]) -> None:
    """Check that a mode has all settings that were given.

    Raises
    ------
    ConfigurationError
        If one belongs to other modes.
    """
    own, known = settings_of(MODES[mode].config_type), settings()
    for name, value in changes.items():
        if value is not None and name in known and name not in own:
            raise ConfigurationError(f"{known[name].option} means nothing in mode {mode}")
