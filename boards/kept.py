"""Checkpoints that a board keeps in its own flash."""

import tempfile
from pathlib import Path

from ..golden.checkpoints.hardware import Checkpoint
from ..host.errors import DeviceError
from ..host.keeping import Keeper


def keep_checkpoint(keeper: Keeper, checkpoint: Checkpoint) -> None:
    """Keep a checkpoint, as its file, in the flash of a board.

    Raises
    ------
    DeviceError
        If it is too large, or the flash does not hold what is written to it.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kept.npz"
        checkpoint.save(file)
        keeper.keep(file.read_bytes())


def write_kept(keeper: Keeper, path: Path) -> None:
    """Write the newest checkpoint that a board keeps to a file.

    Raises
    ------
    DeviceError
        If there is none that is whole; says of every slot why.
    """
    newest = keeper.newest
    if newest is None:
        found = "; ".join(map(str, keeper.slots))
        raise DeviceError(f"nothing that can be used is kept in the flash: {found}")
    path.write_bytes(newest.contents)
