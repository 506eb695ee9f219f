"""Reading .npz files that may be anything."""

import io
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...errors import MetabitError


def read_npz(
    path: Path, kind: type[MetabitError], what: str, wanted: Collection[str] | None = None
) -> tuple[dict[str, npt.NDArray], list[str]]:
    """Return arrays of a file, and the names of all that it holds; never unpickles.

    Parameters
    ----------
    path : Path
        File to read.
    kind : type of MetabitError
        What to raise.
    what : str
        What the file should be, for the message.
    wanted : collection of str, optional
        Names of the arrays to return, those of them that exist; None: all.

    Raises
    ------
    kind
        If the file is missing, damaged, or no .npz file.
    """
    try:
        # Read first: np.load leaves a file open that it fails to understand.
        file = np.load(io.BytesIO(path.read_bytes()), allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ValueError("it holds a single array")
        with file:
            names = list(file.files)
            arrays = {name: file[name] for name in names if wanted is None or name in wanted}
    except FileNotFoundError as error:
        raise kind(f"{path} does not exist") from error
    except (OSError, ValueError, EOFError, KeyError, TypeError, NotImplementedError) as error:
        raise kind(f"{path} is damaged or no {what}: {error}") from error
    except (zipfile.BadZipFile, zlib.error, RuntimeError, SyntaxError) as error:
        raise kind(f"{path} is damaged or no {what}: {error}") from error
    return arrays, names
