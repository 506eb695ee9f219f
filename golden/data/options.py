"""What a user says about data of his own."""

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from ..errors import ConfigurationError

Header = Literal["auto", "yes", "no"]
Missing = Literal["error", "drop", "keep"]
Decimal = Literal["auto", ".", ","]


@dataclass(frozen=True)
class DataOptions:
    """How the user's own data are to be read; it goes unchanged from a command to the reader.

    Attributes
    ----------
    target : str or None
        Column of the classes, by name or number (from 1); None: found by its name, else the last.
    drop, keep : tuple of str
        Columns to leave out, and columns that are not left out although they look like row
        numbers or tell nothing.
    header : {"auto", "yes", "no"}
        Whether the first line of a table names its columns.
    missing : {"error", "drop", "keep"}
        What becomes of missing cells: refused; their rows are left out; in columns of texts they
        are a category of their own.
    decimal : {"auto", ".", ","}
        Sign before the decimals.
    image_shape : tuple of int, or None
        Height and width of images whose pixels come in one row; pictures are scaled to it.
    automatic : bool
        Whether columns that tell nothing are left out and doubtful ones refused. Not so where a
        checkpoint says which columns it was trained on.

    Raises
    ------
    ConfigurationError
        If a value is none of these.
    """

    target: str | None = None
    drop: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    header: Header = "auto"
    missing: Missing = "error"
    decimal: Decimal = "auto"
    image_shape: tuple[int, int] | None = None
    automatic: bool = True

    def __post_init__(self) -> None:
        for name, kind in (("header", Header), ("missing", Missing), ("decimal", Decimal)):
            value = getattr(self, name)
            if value not in get_args(kind):
                raise ConfigurationError(
                    f"--{name} must be one of {' '.join(get_args(kind))}, not {value!r}"
                )
        if self.image_shape is not None and min(self.image_shape) < 1:
            raise ConfigurationError(f"--image-shape must be at least 1x1, not {self.image_shape}")

    def given(self) -> dict[str, Any]:
        """Return what was said, by the names of the fields; nothing else is in it."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) != field.default
        }


AS_BEFORE = DataOptions(missing="keep", automatic=False)
"""How data were read before there were options: the last column is the target, and every other
one is used."""


def parse_shape(text: str | None) -> tuple[int, int] | None:
    """Return height and width that are written ``28x28``.

    Raises
    ------
    ConfigurationError
        If they are written otherwise.
    """
    if text is None:
        return None
    height, _, width = text.lower().partition("x")
    if not (height.isascii() and height.isdecimal() and width.isascii() and width.isdecimal()):
        raise ConfigurationError(
            f"--image-shape must be height x width in pixels, such as 28x28, not {text!r}"
        )
    return int(height), int(width)
