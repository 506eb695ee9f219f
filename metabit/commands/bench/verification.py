"""`metabit bench verification`: what verification has found, in one file and on one page."""

import json as jsonlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metabit.errors import MetabitError
from metabit.golden.checkpoints.file import versions

from .. import options
from ..options import check_folder, write_json

if TYPE_CHECKING:
    from metabit.verification.sections import Section

EPILOG = """
**Examples**

metabit bench verification results/*.json --json verification.json

metabit bench verification results/*.json --out page.md     the page, too

Files come from `metabit bench proofs`, `mutants`, `campaign` and `soft-errors` and from `python -m
metabit.sim.benches`, each with `--json`; what each file is of is seen by what is in it.
"""

_PAGE = """\
# Verification in figures

`metabit bench verification` has written this page, from what these commands have written with
`--json`. [How Metabit is verified](verification.md) says what each of them does, and what nobody
has verified.

| what | found | by |
|---|---|---|
"""


def verification(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE.json...", help="Results, in any order.")
    ],
    json: options.JsonOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Write the page, as Markdown.", show_default=False
        ),
    ] = None,
) -> None:
    """Bring results of proofs, benches, mutants, campaigns and soft errors together."""
    from metabit.verification.sections import SECTIONS

    check_folder("--json", json)
    check_folder("--out", out)
    found: dict[str, list[dict[str, Any]]] = {}
    rows: list[tuple[Section, str]] = []
    for file in files:
        section, figures = _read(file)
        found.setdefault(section.name, []).append(figures)
        rows.append((section, section.say(figures)))
    rows.sort(key=lambda row: SECTIONS.index(row[0]))
    lines = [f"| {section.title} | {said} | `{section.command}` |" for section, said in rows]
    if json is not None:
        write_json(json, {"versions": versions(), **found})
    if out is not None:
        out.write_text(_PAGE + "\n".join(lines) + "\n", encoding="utf-8")
    for section, said in rows:
        typer.echo(f"{section.title}: {said}")
    missing = [section.title.lower() for section in SECTIONS if section.name not in found]
    if missing:
        typer.echo(f"no results of {', '.join(missing)}")


def _read(file: Path) -> "tuple[Section, dict[str, Any]]":
    """Return what a file is of, and its figures."""
    from metabit.verification.sections import SECTIONS

    try:
        results = jsonlib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise MetabitError(f"cannot read {file}: {error.strerror}") from error
    except ValueError as error:
        raise MetabitError(f"{file} is no JSON: {error}") from error
    for section in SECTIONS:
        try:
            return section, section.summarise(results)
        except (LookupError, TypeError, AttributeError, ZeroDivisionError):
            continue
    commands = ", ".join(section.command.partition(" --json")[0] for section in SECTIONS)
    raise MetabitError(f"{file} holds the results of none of: {commands}")
