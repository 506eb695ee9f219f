"""Project IceStorm's database of the iCE40, a Python module that no package index has."""

import importlib
import os
import shutil
import sys
import warnings
from functools import cache
from pathlib import Path
from types import ModuleType

from .errors import ToolNotFoundError

VARIABLE = "ICEBOX"
"""Environment variable that names the folder of the module."""

FIX = "sudo apt-get install fpga-icestorm"

_MODULE = "icebox"

_FOLDERS = (
    "/usr/share/fpga-icestorm/python",
    "/usr/share/icebox",
    "/usr/local/share/icebox",
)
"""Where Debian has it, and Project IceStorm's own installation."""

_BESIDE = "icebox_vlog"
"""A program that lies beside the module where there is no folder of its own."""


def icebox_folder() -> Path:
    """Return the folder with the module.

    Raises
    ------
    ToolNotFoundError
        If it is nowhere, or not where the variable says.
    """
    if override := os.environ.get(VARIABLE):
        if not _has_module(Path(override)):
            raise ToolNotFoundError(
                f"{VARIABLE}={override!r} is no folder with {_MODULE}.py; unset it or correct it"
            )
        return Path(override)
    program = shutil.which(_BESIDE)
    beside = [Path(program).resolve().parent] if program else []
    for folder in [*map(Path, _FOLDERS), *beside]:
        if _has_module(folder):
            return folder
    raise ToolNotFoundError(
        f"{_MODULE}, which knows what the bits of an iCE40 mean, is not installed; run: {FIX} "
        f"(or set {VARIABLE} to the folder of {_MODULE}.py)"
    )


def _has_module(folder: Path) -> bool:
    return (folder / f"{_MODULE}.py").exists()


def load_icebox() -> ModuleType:
    """Return the module.

    Raises
    ------
    ToolNotFoundError
        If it is not there or cannot be loaded.
    """
    return _load(icebox_folder())


@cache
def _load(folder: Path) -> ModuleType:
    with warnings.catch_warnings():
        # It is older than what newer releases of Python warn of.
        warnings.simplefilter("ignore")
        sys.path.insert(0, str(folder))
        try:
            return importlib.import_module(_MODULE)
        except Exception as error:
            raise ToolNotFoundError(
                f"{folder / _MODULE}.py cannot be loaded: {error!r}; run: {FIX}"
            ) from error
        finally:
            sys.path.remove(str(folder))
