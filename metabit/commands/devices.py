"""The option that says which device is meant."""

from typing import Annotated, Any

import typer

from metabit.hdl.shape import SHAPES


def _device_option(default: str) -> Any:
    return typer.Option(
        "--device",
        metavar="NAME",
        help=f"Device: {', '.join(SHAPES)}. [default: {default}]",
        show_default=False,
    )


BoardDeviceOption = Annotated[str | None, _device_option("the board's")]
SimulatedDeviceOption = Annotated[
    str | None, _device_option("the one with the fewest elements that holds the network")
]
