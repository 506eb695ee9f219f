"""Failures that were found, kept in a file, so that they are tried again ever after."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import MetabitError
from ..golden.config import Config
from ..golden.configurations.strict_json import parse
from ..golden.configurations.validation import describe
from ..sim.fuzz.pieces import Piece
from ..sim.fuzz.sessions import Kind, Script
from ..sim.sweep import Case


class NetworkFailure(BaseModel):
    """A network that a device trained otherwise than golden; see :class:`metabit.sim.sweep.Case`.

    Attributes
    ----------
    netlist : {"ice40", "ecp5"} or None
        FPGA family whose cells were simulated.
    error : str
        What was wrong.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["network"] = "network"
    device: str
    netlist: Literal["ice40", "ecp5"] | None = None
    config: Config
    seed: int
    number: int
    runs: int
    error: str

    @property
    def case(self) -> Case:
        """What to try again."""
        return Case(self.device, self.config, self.seed, self.number, self.runs)


class LinkFailure(BaseModel):
    """Bytes after which a device answered wrongly; see :class:`metabit.sim.fuzz.sessions.Script`.

    Attributes
    ----------
    pieces : tuple of (str, str)
        Kind of each piece, and its bytes in hexadecimal.
    error : str
        What was wrong.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["link"] = "link"
    device: str
    session: Kind
    pieces: tuple[tuple[str, str], ...]
    stall: tuple[int, float, float]
    error: str

    @classmethod
    def of(cls, device: str, script: Script, error: str) -> "LinkFailure":
        """Return the failure of a session."""
        pieces = tuple((piece.kind, piece.raw.hex()) for piece in script.pieces)
        return cls(
            device=device, session=script.kind, pieces=pieces, stall=script.stall, error=error
        )

    @property
    def script(self) -> Script:
        """What to send again."""
        pieces = tuple(Piece(kind, bytes.fromhex(raw)) for kind, raw in self.pieces)
        return Script(self.session, pieces, self.stall)


class NoiseFailure(BaseModel):
    """A training over a noisy line that went wrong; see :func:`metabit.sim.fuzz.noise.train`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["noise"] = "noise"
    device: str
    seed: int
    number: int
    error: str


Failure = NetworkFailure | LinkFailure | NoiseFailure


class Failures(BaseModel):
    """What a file of failures holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    failures: list[Annotated[Failure, Field(discriminator="kind")]]


def read(path: Path) -> list[Failure]:
    """Read a file of failures; one that is not there holds none.

    Raises
    ------
    MetabitError
        If the file cannot be read, or holds something else.
    """
    try:
        return list(Failures.model_validate(parse(path.read_text())).failures)
    except FileNotFoundError:
        return []
    except ValidationError as error:
        raise MetabitError(f"{path}: {describe(error, Failures)}") from error
    except (OSError, ValueError) as error:
        raise MetabitError(f"{path} cannot be read: {error}") from error


def add(path: Path, failures: Sequence[Failure]) -> None:
    """Add failures to a file, but those that are there.

    Raises
    ------
    MetabitError
        If the file cannot be read or written.
    """
    kept = read(path)
    kept += [failure for failure in failures if failure not in kept]
    text = Failures(failures=kept).model_dump_json(indent=1) + "\n"
    try:
        path.write_text(text)
    except OSError as error:
        raise MetabitError(f"cannot write {path}: {error.strerror}") from error
