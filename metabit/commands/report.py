"""`metabit report`: one HTML file that shows it all."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

EPILOG = """
**Examples**

metabit report build/demo                    what make demo has left there

metabit report results --out results.html
"""


def report(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="Folder with train.json, run.npz, simulate.json and build.json, or some of them.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE.html",
            help="File to write. [default: FOLDER/report.html]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Make a self-contained HTML report of training, simulation and bitstream."""
    from metabit.report.collect import collect
    from metabit.report.render import FILE_NAME, write_report

    file = out or folder / FILE_NAME
    write_report(collect(folder), file)
    Console().print(f"report [bold]{file}[/]", highlight=False, soft_wrap=True)
