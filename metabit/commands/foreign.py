"""Networks in ONNX files, trained here or elsewhere: what commands do with one."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.markup import escape

from metabit.errors import MetabitError
from metabit.golden.checkpoints.file import versions
from metabit.golden.data.datasets import Dataset, load_dataset
from metabit.golden.data.options import DataOptions
from metabit.golden.data.splits import split as split_dataset
from metabit.golden.data.trained import Trained
from metabit.golden.encoding.encoders import Bits, Encoder
from metabit.golden.errors import DataError

from .on_device import predict_both
from .options import write_json

if TYPE_CHECKING:
    from metabit.export.about import About
    from metabit.export.threshold_network import ThresholdNetwork
    from metabit.hdl.shape import Shape
    from metabit.host.driver import Driver

SUFFIX = ".onnx"
"""How the names of such files end."""


def is_foreign(path: Path) -> bool:
    """Whether a file is one of these rather than a checkpoint."""
    return path.suffix == SUFFIX


@dataclass(frozen=True)
class Foreign:
    """A network of a file, and how its samples become bits.

    Attributes
    ----------
    path : Path
        The file.
    network : ThresholdNetwork
        The network.
    encoder : Encoder
        Fitted; for files of others, what was asked for, or none.
    about : About or None
        What the file says besides, if Metabit has written it.
    trained : Trained
        What it was trained on, as far as the file says.
    """

    path: Path
    network: "ThresholdNetwork"
    encoder: Encoder
    about: "About | None"
    trained: Trained

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, if the file has some."""
        return () if self.about is None else self.about.class_names

    def bits(self, images: npt.NDArray) -> Bits:
        """Return encoded samples; samples of +1 and -1 are bits, too.

        Raises
        ------
        DataError
            If they do not become the inputs of the network.
        """
        if self.encoder.spec == "none" and images.dtype != bool and np.isin(images, (-1, 1)).all():
            images = images > 0
        count = self.encoder.bits(images.shape[1:])
        if count != self.network.inputs:
            raise DataError(
                f"samples of {' x '.join(map(str, images.shape[1:]))} become {count} bits "
                f"(encoder {self.encoder.spec!r}), and the network of {self.path} has "
                f"{self.network.inputs} inputs; choose another encoder with --encoder"
            )
        return self.encoder.encode(images)


def open_foreign(path: Path, encoder: str | None = None) -> Foreign:
    """Read the network of a file.

    Parameters
    ----------
    path : Path
        An ``.onnx`` file.
    encoder : str, optional
        How samples become its bits, if the file does not say; nothing of it may be fitted.

    Raises
    ------
    MetabitError
        If the file holds something else.
    """
    from metabit.export.onnx_read import read_onnx

    found = read_onnx(path)
    about = found.about
    if about is not None:
        if encoder is not None:
            raise MetabitError(f"--encoder cannot be given: {path} has its own, {about.encoder!r}")
        return Foreign(path, found.network, about.fitted_encoder(), about, about.trained())
    chosen = Encoder(encoder or "none")
    if not chosen.ready:
        raise MetabitError(
            f"encoder {chosen.spec!r} takes something from training data, which {path} does not "
            "hold; encode the samples yourself, or choose one without, such as thermometer:0,128"
        )
    return Foreign(path, found.network, chosen, None, Trained("", (), None, DataOptions(), None))


@dataclass(frozen=True)
class Labelled:
    """Samples to test on.

    Attributes
    ----------
    bits : ndarray of bool, shape (n, inputs)
        Encoded samples.
    labels : ndarray of int64, shape (n,)
        Their classes.
    name : str
        What was tested on.
    """

    bits: Bits
    labels: npt.NDArray[np.int64]
    name: str


def labelled(
    foreign: Foreign,
    dataset: str | None,
    split: str | None,
    data_dir: Path | None,
    reading: DataOptions,
) -> tuple[Dataset, Labelled]:
    """Return a data set, and its samples to test a network of a file on.

    All are taken, or the test set if it has one, or that of a split: if the file says what it was
    trained on, and nothing else is given, the one of the training.

    Raises
    ------
    MetabitError
        If there is no data set, or it does not suit the network.
    """
    name = dataset or foreign.trained.dataset
    if not name:
        raise MetabitError(f"{foreign.path} does not say what to test on: --dataset does")
    given = foreign.trained.options if foreign.trained.dataset and not reading.given() else reading
    loaded = load_dataset(name, data_dir, given)
    seed = 0
    if foreign.about is not None and dataset is None:
        # The test set that the training has kept aside.
        split, seed = split or foreign.about.split, foreign.about.seed
    if split is not None:
        parts = split_dataset(loaded, split, seed)
        images, labels, title = parts.test_images, parts.test_labels, f"split {parts.name}"
    elif loaded.test_images is not None and loaded.test_labels is not None:
        images, labels, title = loaded.test_images, loaded.test_labels, "its test set"
    else:
        images, labels, title = loaded.images, loaded.labels, "all"
    names = foreign.class_names
    if names and loaded.class_names and names != loaded.class_names:
        raise DataError(
            f"data set {loaded.name} has the classes {', '.join(loaded.class_names)}; "
            f"the network was trained on {', '.join(names)}"
        )
    if loaded.classes > foreign.network.classes:
        raise DataError(
            f"data set {loaded.name} has labels up to {loaded.classes - 1}, and the network of "
            f"{foreign.path} {foreign.network.classes} classes"
        )
    return loaded, Labelled(foreign.bits(images), labels, f"{loaded.name}, {title}")


def fitting_shape(foreign: Foreign, device: str | None) -> "Shape":
    """Return the device that is meant, else the smallest that holds a network of a file.

    Raises
    ------
    MetabitError
        If there is none.
    """
    from metabit.export.threshold_network import for_device
    from metabit.hdl.placement import CapacityError, Placement
    from metabit.hdl.shape import SHAPES, find_shape

    if device is not None:
        return find_shape(device)
    error: CapacityError | None = None
    shapes = [shape for shape in SHAPES.values() if shape.encodes is None]
    for shape in sorted(shapes, key=lambda shape: shape.elements):
        config = for_device(foreign.network, shape, foreign.path.stem).config
        try:
            Placement(config, shape)
        except CapacityError as found:
            error = found
        else:
            return shape
    raise MetabitError(f"no device holds the network of {foreign.path}: {error}") from error


def run_foreign(
    console: Console,
    foreign: Foreign,
    driver: "Driver",
    samples: Labelled,
    count: int | None,
    json: Path | None,
) -> None:
    """Test a network of a file on a device.

    Parameters
    ----------
    console : Console
        Screen.
    foreign : Foreign
        The network.
    driver : Driver
        The device; is closed.
    samples : Labelled
        What to test on.
    count : int or None
        Samples at most; None: all.
    json : Path or None
        File for the results.

    Raises
    ------
    MetabitError
        If the device cannot compute it, or device and host differ.
    """
    from metabit.export.threshold_network import for_device

    bits, labels = samples.bits[:count], samples.labels[:count]
    expected = foreign.network.predict(bits)
    with driver:
        network = for_device(foreign.network, driver.shape, foreign.path.stem)
        driver.load_state(
            network.config, network.classifier, network.counters, _ANY_GENERATOR_STATE
        )
        predict_both(driver, bits, expected)
        device = driver.shape.name
    accuracy = float(np.mean(expected == labels))
    if json is not None:
        results: dict[str, Any] = {
            "test_accuracy": accuracy,
            "samples": len(labels),
            "tested_on": samples.name,
            "device": device,
            "bit_exact": True,
            "config": network.config.model_dump(mode="json"),
            "versions": versions(),
        }
        write_json(json, results)
    console.print(f"network {foreign.path.stem} on device {device}", highlight=False)
    console.print(
        f"test accuracy [bold]{accuracy * 100:.2f} %[/] "
        f"({escape(samples.name)}, {len(labels)} samples)",
        highlight=False,
    )
    console.print("[green]device and host predict the same[/]")


_ANY_GENERATOR_STATE = 1
"""Nothing is trained, so that no random number is drawn."""
