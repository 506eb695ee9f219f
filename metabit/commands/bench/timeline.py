"""`metabit bench timeline`: who is busy when."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .. import options
from ..options import check_folder, write_json

if TYPE_CHECKING:
    from metabit.sim.timeline import Timeline

EPILOG = """
**Examples**

metabit simulate --config up5k --samples 256 --trace tiles.vcd --trace-from 20

metabit bench timeline tiles.vcd --out timeline.svg        draw what it has recorded

metabit bench timeline tiles.vcd --cycles 600              only its first 600 cycles
"""


def timeline(
    waveform: Annotated[
        Path, typer.Argument(metavar="FILE.vcd", help="What metabit simulate --trace recorded.")
    ],
    cycles: Annotated[
        int | None,
        typer.Option(
            "--cycles", metavar="N", min=1, help="Only the first of them.", show_default=False
        ),
    ] = None,
    json: options.JsonOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="Draw a picture, .svg, .png or .pdf.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Say how long each part of the core is busy in a recorded waveform, and draw when."""
    from metabit.sim.timeline import read_timeline

    check_folder("--json", json)
    check_folder("--out", out)
    found = read_timeline(waveform)
    if cycles is not None:
        found = found.first(cycles)
    if json is not None:
        write_json(
            json,
            {
                "cycles": found.cycles,
                "shares": {title: found.share(title) for title in found.spans},
                "spans": found.spans,
            },
        )
    if out is not None:
        _draw(found, waveform, out)
    typer.echo("| busy | cycles | share |\n|---|---|---|")
    for title, spans in found.spans.items():
        busy = sum(length for _, length in spans)
        typer.echo(f"| {title} | {busy:,} | {found.share(title):.1%} |")
    typer.echo(f"\n{found.cycles:,} cycles recorded")
    if out is not None:
        typer.echo(f"drawn in {out}")


def _draw(found: "Timeline", waveform: Path, out: Path) -> None:
    """Write the picture."""
    from metabit.plots.files import save
    from metabit.plots.timeline import draw_timeline

    subtitle = f"{found.cycles:,} cycles of {waveform.name}"
    save(draw_timeline(found, "Who is busy when", subtitle), out, "--out")
