"""A trained network on a device, for predictions alone: a board, or the simulated device."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.markup import escape

from metabit.errors import MetabitError
from metabit.golden.checkpoints.file import versions
from metabit.golden.checkpoints.layers import Saved
from metabit.golden.modes.registry import DEFAULT
from metabit.golden.state import state_sha256

from .options import write_json

if TYPE_CHECKING:
    from metabit.golden.checkpoints.hardware import Checkpoint
    from metabit.golden.config import Config
    from metabit.golden.data.training_data import TrainingData
    from metabit.host.driver import Driver


def hardware_of(checkpoint: Saved) -> "Checkpoint":
    """Return a checkpoint of hardware mode.

    Raises
    ------
    MetabitError
        If it is of another one, which no device has.
    """
    if checkpoint.config.mode != DEFAULT:
        raise MetabitError(
            f"the network was trained in mode {checkpoint.config.mode}, which no device has; "
            "predict on the host: metabit evaluate, or metabit predict without --port, "
            "--simulate and --device"
        )
    return cast("Checkpoint", checkpoint)


def board(port: str, baud: int, timeout: float) -> "Driver":
    """Return the driver of the board at a port."""
    from metabit.host.driver import Driver
    from metabit.host.transport import SerialTransport

    return Driver.find(SerialTransport(port, baud, timeout))


def simulated(
    console: Console, config: "Config", device: str | None, *, encodes: bool = False
) -> "Driver":
    """Return the driver of a simulated device that holds a network, the smallest if none is named.

    With ``encodes``, the smallest with an encoder.

    Raises
    ------
    CapacityError
        If the network does not fit it.
    """
    from metabit.hdl.placement import Placement, smallest_shape
    from metabit.hdl.shape import find_shape
    from metabit.sim.simulate import build_device, open_driver

    from .simulation import building

    shape = find_shape(device) if device else smallest_shape(config, encodes=encodes)
    Placement(config, shape)
    with building(console) as report:
        library = build_device(shape, report=report)
    return open_driver(library, shape)


@contextmanager
def loaded(driver: "Driver", checkpoint: "Checkpoint") -> "Iterator[Driver]":
    """Load the network of a checkpoint into a device, which is closed in the end."""
    with driver:
        driver.load(checkpoint.network())
        yield driver


def predict_both(
    driver: "Driver", bits: npt.NDArray[np.bool_], expected: npt.NDArray[np.int64]
) -> None:
    """Predict on a device, and compare with the host.

    Parameters
    ----------
    driver : Driver
        With the network loaded.
    bits : ndarray of bool, shape (n, inputs)
        Encoded samples.
    expected : ndarray of int64, shape (n,)
        What the host predicts.

    Raises
    ------
    MetabitError
        If they differ.
    """
    found = driver.predict(bits)
    if not np.array_equal(found, expected):
        sample = int(np.argmax(found != expected))
        raise MetabitError(
            f"the device predicts class {found[sample]} for sample {sample} of {len(found)}, the "
            f"host {expected[sample]}; {np.count_nonzero(found != expected)} differ"
        )


def show_test(
    console: Console,
    driver: "Driver",
    checkpoint: "Checkpoint",
    data: "TrainingData",
    samples: int | None,
    json: Path | None,
) -> None:
    """Test a finished training on a device: load it, predict the test set, read its state back.

    Parameters
    ----------
    console : Console
        Screen.
    driver : Driver
        The device; is closed.
    checkpoint : Checkpoint
        The network.
    data : TrainingData
        What it was trained on.
    samples : int or None
        Test samples at most; None: all.
    json : Path or None
        File for the results.

    Raises
    ------
    MetabitError
        If device and host differ.
    """
    record = checkpoint.record
    bits, labels = data.test[:samples], data.test_labels[:samples]
    expected = checkpoint.network().predict(bits)
    with loaded(driver, checkpoint):
        predict_both(driver, bits, expected)
        state = driver.read_state()
        device = driver.shape.name
    found = state_sha256(state.counters, state.generator_state)
    if found != record.state_sha256:
        raise MetabitError(
            f"the device's state is {found} after the predictions, the checkpoint's "
            f"{record.state_sha256}"
        )
    accuracy = float(np.mean(expected == labels))
    if json is not None:
        results: dict[str, Any] = {
            "test_accuracy": accuracy,
            "samples": len(labels),
            "device": device,
            "bit_exact": True,
            "state_sha256": found,
            "dataset": data.dataset,
            "split": data.split.name,
            "config": checkpoint.config.model_dump(mode="json"),
            "versions": versions(),
        }
        write_json(json, results)
    console.print(f"network {checkpoint.config.name} on device {device}", highlight=False)
    console.print(
        f"test accuracy [bold]{accuracy * 100:.2f} %[/] ({escape(data.dataset)}, split "
        f"{data.split.name}, {len(labels)} of {len(data.test)} samples)",
        highlight=False,
    )
    console.print("[green]device and host predict the same, and keep the same state[/]")
    console.print(f"state {found}", highlight=False)
