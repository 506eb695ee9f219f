"""Live learning on a device with an encoder: what commands that send raw samples share."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from metabit.errors import MetabitError
from metabit.golden.configurations.named import override

if TYPE_CHECKING:
    from metabit.golden.config import Config
    from metabit.golden.data.training_data import TrainingData
    from metabit.host.driver import Driver
    from metabit.host.raw import RawSamples

LiveOption = Annotated[
    bool,
    typer.Option(
        "--live",
        help="Send samples raw, one by one: the device encodes each, predicts it and learns it "
        "before the next. Of devices with an encoder.",
    ),
]

RawOption = Annotated[
    bool,
    typer.Option("--live", help="Send samples raw: the device encodes them, if it has an encoder."),
]


def refuse_with_live(given: dict[str, Any]) -> None:
    """Say that raw samples come from here."""
    wrong = [f"--{name}" for name, value in given.items() if value]
    if wrong:
        raise MetabitError(
            f"{', '.join(wrong)} cannot be given with --live: devices that encode keep no samples"
        )


def live_config(config: "Config") -> "Config":
    """Return a configuration that learns samples one by one, as they are.

    In tiles of one sample, and with no lag: a sample is judged by all that was learnt before it.
    """
    return override(config, tile=1, lag=0, views=1)


def raw_samples(data: "TrainingData", *, training: bool) -> "RawSamples":
    """Return what the samples of a training were before they were encoded.

    Parameters
    ----------
    data : TrainingData
    training : bool
        Training samples, too.

    Raises
    ------
    MetabitError
        If they are learnt in several views.
    """
    from metabit.host.raw import RawSamples

    parts = data.split
    known = [(data.test, parts.test_images)]
    if training:
        if data.views > 1:
            raise MetabitError(
                f"the checkpoint's training learns samples in {data.views} views, and --live sends "
                "them as they are; begin with --live and --config"
            )
        known.append((data.train, parts.images))
    return RawSamples(data.encoder, known)


def show_table(console: Console, driver: "Driver") -> None:
    """Say what has been loaded into a device's encoder."""
    program, sizes = driver.program, driver.shape.encodes
    assert program is not None
    assert sizes is not None
    console.print(
        f"encoder: {len(program.words):,} of {sizes.words:,} words of table, read back; raw "
        f"samples of {program.frame.bytes} bytes",
        highlight=False,
    )
