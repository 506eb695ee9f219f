"""Files of checkpoints: written in one step, and read with suspicion."""

import contextlib
import fcntl
import glob
import io
import os
import platform
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from ... import __version__
from ..configurations.strict_json import parse
from ..configurations.validation import describe
from ..data.npz import read_npz
from ..errors import CheckpointError
from .record import RunRecord

FORMAT = "metabit-checkpoint"
VERSION = 6
"""Version of the file format; a newer one is refused. Version 1 had no observations, version 2
had them in hardware mode only, version 3 knew no lag, version 4 no options of the data, version 5
neither the range of the data, nor runs that were made longer, nor comparisons."""

_UNFINISHED = ".tmp"
_YOUNG_S = 60

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
    _clean(path)
    buffer = io.BytesIO()
    contents: dict[str, Any] = {"record": np.array(record.model_dump_json()), **arrays}
    np.savez_compressed(buffer, **contents)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}{_UNFINISHED}")
    try:
        # Unlike those of tempfile, a file that is made so has the rights that the umask leaves.
        with temporary.open("xb") as file:
            # Where there are no locks, nothing is cleaned either.
            with contextlib.suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_SH)
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise CheckpointError(f"cannot write checkpoint {path}: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _clean(path: Path) -> None:
    """Remove what writers of this file have left that were killed.

    A writer holds a lock on what it writes. It has not taken it yet at once, so that what is young
    is let be.
    """
    for left in path.parent.glob(f".{glob.escape(path.name)}.*{_UNFINISHED}"):
        with contextlib.suppress(OSError), left.open("rb") as file:
            if time.time() - left.stat().st_mtime > _YOUNG_S:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()


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
