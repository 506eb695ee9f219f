"""Verdicts of an earlier run: what was noticed once need not be played again."""

from pathlib import Path

from ..errors import MetabitError
from ..golden.configurations.strict_json import parse
from .campaign import Verdict
from .design import Mutant


def settled(path: Path, drawn: list[Mutant]) -> dict[int, Verdict]:
    """Return the verdicts of those that were noticed, or that change nothing, by their numbers.

    A tape that has grown at its end notices them as before.

    Parameters
    ----------
    path : Path
        What ``metabit bench mutants --json`` has written.
    drawn : list of Mutant
        The mutants now.

    Raises
    ------
    MetabitError
        If it cannot be read, or is of other mutants.
    """
    try:
        rows = parse(path.read_text(encoding="utf-8"))["mutants"]
        before = {_place(row): row for row in rows}
        known = [before[mutant.mode, mutant.cell, mutant.port, mutant.bit] for mutant in drawn]
    except OSError as error:
        raise MetabitError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise MetabitError(f"{path} is no JSON: {error}") from error
    except (LookupError, TypeError) as error:
        raise MetabitError(
            f"{path} is not of these mutants: give the same --count, --seed and --device, and a "
            "file of this version of the hardware"
        ) from error
    verdicts = (
        Verdict(mutant, row.get("killed_by"), bool(row.get("changes_nothing")))
        for mutant, row in zip(drawn, known, strict=True)
    )
    return {one.mutant.number: one for one in verdicts if one.killed_by or one.changes_nothing}


def _place(row: dict) -> tuple[str, str, str, int]:
    return row["mode"], row["cell"], row["port"], row["bit"]
