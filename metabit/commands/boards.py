"""`metabit boards`: what bitstreams can be built for."""

from rich.console import Console
from rich.table import Table

from metabit.boards.registry import BOARDS

from . import options

EPILOG = """
**Examples**

metabit boards

metabit boards --json boards.json
"""


def boards(json: options.JsonOption = None) -> None:
    """List the boards that bitstreams can be built for."""
    if json is not None:
        options.write_json(
            json,
            {
                board.name: {
                    "title": board.title,
                    "fpga": board.device,
                    "clock_mhz": board.clock_mhz,
                    "baud": board.baud,
                    "adapter_baud": board.adapter_baud,
                    "device": board.shape,
                }
                for board in BOARDS.values()
            },
        )
    table = Table(title="boards", title_justify="left")
    for heading in ("board", "title", "FPGA", "clock MHz", "device"):
        numeric = heading == "clock MHz"
        # On a narrow screen titles take two lines; names, which are typed, stay whole.
        table.add_column(
            heading,
            justify="right" if numeric else "left",
            no_wrap=heading not in ("title", "FPGA"),
        )
    for board in BOARDS.values():
        table.add_row(
            f"[bold]{board.name}[/]",
            board.title,
            board.device,
            f"{board.clock_mhz:g}",
            board.shape,
        )
    Console().print(table)
