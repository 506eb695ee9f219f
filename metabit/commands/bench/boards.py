"""`metabit bench boards`: the page of boards, from the builds that are there."""

from pathlib import Path
from typing import Annotated

import typer

from metabit.boards.registry import BOARDS

from .. import options
from ..options import check_folder, write_json

EPILOG = """
**Examples**

metabit bench boards                                            what is planned, without builds

metabit bench boards --build build                              and what was built there

metabit bench boards --build build --out docs/board-table.md    the page that is kept

Builds come from metabit build BOARD; nothing is built here.
"""


def boards(
    build: Annotated[
        list[Path] | None,
        typer.Option(
            "--build",
            metavar="FILE|FOLDER",
            help="build.json of a build, or a folder with some; may be repeated. Of several seeds, "
            "the median counts.",
            show_default=False,
        ),
    ] = None,
    json: options.JsonOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Write the whole page, as Markdown.", show_default=False
        ),
    ] = None,
) -> None:
    """Say of every board what was built for it, what fits it and how fast that is, as Markdown."""
    from .boards_tables import describe, page, row, tables
    from .hardware_runs import collect_builds

    check_folder("--json", json)
    check_folder("--out", out)
    found = [describe(board, collect_builds(build or [], board)) for board in BOARDS.values()]
    if out is not None:
        out.write_text(page(found), encoding="utf-8")
    if json is not None:
        write_json(json, {"boards": [row(each) for each in found]})
    typer.echo(tables(found), nl=False)
