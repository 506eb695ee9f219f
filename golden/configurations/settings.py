"""Settings: fields of a configuration that users write, each declared once, where the field is.

Command lines, sweeps and the estimator derive theirs from here: type and bounds are the field's,
the help is its description. A field of a configuration is a setting unless it is :data:`APART`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ..errors import ConfigurationError
from .validation import permitted

_LETTERS = {int: "N", float: "X", str: "TEXT"}
"""What stands for a value, where a field does not say."""

_EXAMPLES = {int: "256,128", float: "0.6,0.75,0.9", str: "a,b"}


@dataclass(frozen=True)
class Written:
    """How a value of a field is written, beside what its type says.

    Attributes
    ----------
    letter : str or None
        What stands for a value, or for one of several; None: the type's.
    aliases : tuple of str
        Further names of the field.
    """

    letter: str | None = None
    aliases: tuple[str, ...] = ()


class _Apart:
    """Type of :data:`APART`."""


APART: Final = _Apart()
"""Marks a field that is no setting: it follows from something else, or is asked for elsewhere."""


_KNOWN: dict[type[BaseModel], dict[str, "Setting"]] = {}
"""What has been found before."""


@dataclass(frozen=True)
class Setting:
    """A field that users write.

    Attributes
    ----------
    name : str
        Of the field.
    kind : type
        ``bool``, ``int``, ``float`` or ``str``: of the value, or of each of several.
    many : bool
        Whether it has several values.
    default : object
        Value when none is given; None: it must be given.
    help : str
        What it is, and its permitted range, in a sentence.
    metavar : str
        How it is written, e.g. ``"N[,N...]"``; empty for what is on or off.
    aliases : tuple of str
        Further names.
    optional : bool
        Whether it may have no value at all: of several, none is ``off``.
    """

    name: str
    kind: type
    many: bool
    default: Any
    help: str
    metavar: str
    aliases: tuple[str, ...]
    optional: bool

    @property
    def option(self) -> str:
        """Name of the option."""
        return f"--{self.name.replace('_', '-')}"

    def read(self, text: str) -> Any:
        """Return what a text says: several values as a tuple, a single one for pydantic to read.

        Parameters
        ----------
        text : str
            As typed.

        Raises
        ------
        ConfigurationError
            If it is no list of values.
        """
        if not self.many:
            return text
        if self.optional and text == "off":
            return ()
        try:
            return tuple(self.kind(part) for part in text.split(","))
        except ValueError:
            raise ConfigurationError(
                f"{self.option} must be numbers separated by commas, e.g. "
                f"{_EXAMPLES[self.kind]}, not {text!r}"
            ) from None


def settings_of(model: type[BaseModel]) -> dict[str, Setting]:
    """Return the settings of a type of configuration, by name, in the order of its fields.

    What a type does not say of a field of its base, the base does.

    Parameters
    ----------
    model : type of BaseModel
        Configuration.

    Raises
    ------
    TypeError
        If a field can be written in no known way.
    """
    if model not in _KNOWN:
        _KNOWN[model] = _find(model)
    return _KNOWN[model]


def _find(model: type[BaseModel]) -> dict[str, Setting]:
    return {
        name: _setting(model, name, field)
        for name, field in model.model_fields.items()
        if not any(isinstance(mark, _Apart) for mark in _marks(model, name))
    }


def _declared(model: type[BaseModel], name: str) -> Iterator[FieldInfo]:
    """Yield all declarations of a field, the last one first."""
    for base in model.__mro__:
        fields = base.__dict__.get("__pydantic_fields__", {})
        if name in fields:
            yield fields[name]


def _marks(model: type[BaseModel], name: str) -> Iterator[Any]:
    """Yield what a field and those that it replaces are annotated with."""
    for field in _declared(model, name):
        yield from field.metadata


def _setting(model: type[BaseModel], name: str, field: FieldInfo) -> Setting:
    kind, many, choices = _kind(model, name, field.annotation)
    written = next((m for m in _marks(model, name) if isinstance(m, Written)), Written())
    told = (info.description for info in _declared(model, name) if info.description)
    optional = many and not any(getattr(mark, "min_length", 0) for mark in field.metadata)
    letter = "|".join(map(str, choices)) or written.letter or _LETTERS.get(kind, "")
    if many:
        letter = f"{letter}[,{letter}...]" + ("|off" if optional else "")
    required = field.is_required()
    return Setting(
        name,
        kind,
        many,
        None if required else field.default,
        _sentence(next(told, name.replace("_", " ").capitalize()), permitted(model, name)),
        letter,
        written.aliases,
        optional,
    )


def _kind(model: type[BaseModel], name: str, annotation: Any) -> tuple[type, bool, tuple]:
    """Return the type of a field's values, whether there are several, and which it may have."""
    many = get_origin(annotation) is tuple
    if many:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    choices = get_args(annotation) if get_origin(annotation) is Literal else ()
    kind = type(choices[0]) if choices else annotation
    if kind not in (bool, int, float, str):
        raise TypeError(
            f"field {name} of {model.__name__} can be written in no known way: {annotation}; "
            "known: bool, int, float, str, Literal, and tuples of them. Mark it APART, or teach "
            f"{__name__} to read it"
        )
    return kind, many, choices


def _sentence(description: str, bounds: str | None) -> str:
    """Return a description with the permitted range, before what follows a semicolon."""
    first, semicolon, rest = description.partition(";")
    return f"{first}, {bounds}{semicolon}{rest}." if bounds else f"{description}."
