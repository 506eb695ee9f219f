"""All modes, and how to find the one that something belongs to."""

from pathlib import Path
from typing import Any

from ..checkpoints.file import read_file
from ..checkpoints.layers import Saved
from ..configurations.configuration import NetworkConfig
from ..errors import CheckpointError
from .hardware import HardwareMode
from .mode import Mode
from .paper import PaperMode

AnyMode = Mode[Any, Any]

MODES: dict[str, AnyMode] = {
    mode.name: mode
    for mode in (HardwareMode(), PaperMode("paper"), PaperMode("baldassi"), PaperMode("bep"))
}
"""Every mode by its name; a new one is a new line here, and nothing elsewhere."""

DEFAULT = "hardware"
"""The mode that is meant when none is named."""


def mode_of(config: NetworkConfig) -> AnyMode:
    """Return the mode of a configuration."""
    return MODES[config.mode]


def load_any_checkpoint(path: Path) -> Saved:
    """Read a checkpoint of any mode, and check all of it.

    Parameters
    ----------
    path : Path
        File to read.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, no checkpoint, too new, or contradicts itself; or if it is
        of another version of a rule, or of a mode that there is not.
    """
    fields, arrays = read_file(path)
    kind = fields.get("mode")
    for mode in MODES.values():
        if mode.file_mode == kind:
            return mode.read(path, fields, arrays)
    raise CheckpointError(
        f"checkpoint {path} is of mode {kind!r}; known: hardware, "
        f"{', '.join(dict.fromkeys(mode.file_mode for mode in MODES.values() if mode.file_mode))}"
    )
