"""Files of checkpoints: written in one step, and read with suspicion."""

import io
import os
import platform
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from ... import __version__
from ..data.npz import read_npz
from ..errors import CheckpointError
from ..strict_json import parse
from ..validation import describe
from .record import RunRecord

FORMAT = "metabit-checkpoint"
VERSION = 6
"""Version of the file format; a newer one is refused. Version 1 had no observations, version 2
had them in hardware mode only, version 3 knew no lag, version 4 no options of the data, version 5
no comparisons."""

Arrays = dict[str, npt.NDArray]
R = TypeVar("R", bound="RunRecord")


def versions() -> dict[str, str]:
    """Versions of the tools that results may depend on."""
    return {
        "metabit": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def write_file(path: Path, record: RunRecord, arrays: Mapping[str, npt.NDArray]) -> None:
    """Write a checkpoint; an older file of that name is replaced in one step or not at all.

    Parameters
    ----------
    path : Path
        File to write.
    record : RunRecord
        All but the arrays.
    arrays : mapping of str to ndarray
        Arrays and their names.

    Raises
    ------
    CheckpointError
        If the file cannot be written.
    """
    buffer = io.BytesIO()
    contents: dict[str, Any] = {"record": np.array(record.model_dump_json()), **arrays}
    np.savez_compressed(buffer, **contents)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    except OSError as error:
        raise CheckpointError(f"cannot write checkpoint {path}: {error.strerror}") from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise CheckpointError(f"cannot write checkpoint {path}: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


def read_file(path: Path) -> tuple[dict[str, Any], Arrays]:
    """Read a file, and return the fields of its record, and its arrays.

    Parameters
    ----------
    path : Path
        File to read.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, no checkpoint or too new.
    """
    arrays, _ = read_npz(path, CheckpointError, "checkpoint")
    array = arrays.pop("record", None)
    fields = None
    if array is not None and array.dtype.kind == "U" and array.ndim == 0:
        try:
            fields = parse(str(array[()]))
        except ValueError as error:
            raise CheckpointError(f"{path} is no checkpoint of Metabit: {error}") from error
    if not isinstance(fields, dict) or fields.get("format") != FORMAT:
        raise CheckpointError(f"{path} is no checkpoint of Metabit")
    version = fields.get("version")
    if isinstance(version, int) and version > VERSION:
        raise CheckpointError(
            f"checkpoint {path} has format {version}, written by a newer Metabit; "
            f"this one reads formats up to {VERSION}: update Metabit"
        )
    return fields, arrays


def make_record(path: Path, fields: dict[str, Any], model: type[R]) -> R:
    """Return the record of these fields.

    Raises
    ------
    CheckpointError
        If they are not valid.
    """
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise CheckpointError(f"checkpoint {path}: {describe(error, model)}") from error


def check_arrays(path: Path, arrays: Arrays, expected: list[str], integers: list[str]) -> None:
    """Check that a file has the arrays that it should, and no others.

    Raises
    ------
    CheckpointError
        If it has not, or if those that must be integers are not.
    """
    if sorted(arrays) != sorted(expected):
        raise CheckpointError(
            f"checkpoint {path} must hold {', '.join(expected)}, "
            f"not {', '.join(arrays) or 'nothing'}"
        )
    for name in integers:
        if arrays[name].dtype.kind != "i":
            raise CheckpointError(
                f"checkpoint {path}: {name} must be integers, not {arrays[name].dtype}"
            )
