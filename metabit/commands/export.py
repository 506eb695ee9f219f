"""`metabit export`: a trained network for other programs and for memories of devices."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from metabit.errors import MetabitError
from metabit.golden.checkpoints.again import data_of, dataset_of
from metabit.golden.checkpoints.hardware import Checkpoint, load_checkpoint

from . import options
from .devices import SimulatedDeviceOption
from .options import check_folder

EPILOG = """
**Examples**

metabit export run.npz --format c --out network.h                  C99, whole numbers only

metabit export run.npz --format c --out network.h --self-test 20   with samples to test it with

metabit export run.npz --format memory --device up5k --out images  words of the device's memories

metabit export run.npz --format qonnx --out network.onnx           a graph; onnx: standard operators

Every export predicts what golden predicts.
"""

_C = "Format c"
_MEMORY = "Format memory"


def export(
    checkpoint: Annotated[
        Path, typer.Argument(metavar="FILE.npz", help="Checkpoint of a training.")
    ],
    format: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="c|memory|onnx|qonnx", help="What to write.", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="PATH",
            help="File; of memory a folder. [default: the checkpoint's name, here]",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="NAME",
            help="What names in C begin with. [default: the name of the file]",
            show_default=False,
            rich_help_panel=_C,
        ),
    ] = None,
    self_test: Annotated[
        int | None,
        typer.Option(
            "--self-test",
            metavar="N",
            min=1,
            help="Test samples to write into the header, with a function that tries them.",
            show_default=False,
            rich_help_panel=_C,
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            metavar="PATH",
            help="Where the data set of the training is now, if it has moved; for --self-test.",
            show_default=False,
            rich_help_panel=_C,
        ),
    ] = None,
    data_dir: options.DataDirOption = None,
    device: SimulatedDeviceOption = None,
) -> None:
    """Write a trained network in another format."""
    if format is None or format not in _FORMATS:
        raise MetabitError(
            f"--format says what to write, {', '.join(_FORMATS)}"
            + ("" if format is None else f", not {format!r}")
        )
    suffix, write, own = _FORMATS[format]
    given: dict[str, Any] = {
        "name": name,
        "self-test": self_test,
        "dataset": dataset,
        "data-dir": data_dir,
        "device": device,
    }
    wrong = [f"--{option}" for option, value in given.items() if value and option not in own]
    if wrong:
        raise MetabitError(f"{', '.join(wrong)} means nothing for --format {format}")
    loaded = load_checkpoint(checkpoint)
    path = out or Path(checkpoint.stem + suffix)
    if suffix and path.suffix != suffix:
        raise MetabitError(f"--out must end in {suffix} for --format {format}, not {path.name!r}")
    check_folder("--out", path)
    console = Console(soft_wrap=True)
    for text in write(path, loaded, given):
        console.print(escape(text), highlight=False)
    if loaded.config.views > 1:
        console.print(
            f"judges one view of a sample; metabit predict judges {loaded.config.views}",
            highlight=False,
        )


def _write_c(path: Path, checkpoint: Checkpoint, given: dict[str, Any]) -> list[str]:
    """Write a C header, and say what is in it."""
    from metabit.export.c_header import c_header

    tests = None
    if given["self-test"]:
        record = checkpoint.record
        data = data_of(record, dataset_of(record, given["dataset"], given["data-dir"]))
        data.check_same(record.data_sha256)
        tests = data.split.test_images[: given["self-test"]]
    name = given["name"] or "".join(c if c.isalnum() and c.isascii() else "_" for c in path.stem)
    header = c_header(checkpoint, name, tests)
    path.write_text(header.text, encoding="ascii")
    lines = [f"saved {path}: int {name}_predict(const {name}_value *sample), of {header.value}"]
    if header.digits:
        lines.append(f"numbers are given times 10^{header.digits}, rounded up")
    if tests is not None:
        lines.append(f"{len(tests)} test samples: int {name}_self_test(void) returns 0")
    return lines


def _write_memory(path: Path, checkpoint: Checkpoint, given: dict[str, Any]) -> list[str]:
    """Write memory images, and say how many."""
    from metabit.export.memory import write_memory
    from metabit.hdl.placement import smallest_shape
    from metabit.hdl.shape import find_shape

    device = given["device"]
    shape = find_shape(device) if device else smallest_shape(checkpoint.config)
    files = write_memory(path, checkpoint, shape)
    return [f"saved {len(files) - 1} memories of device {shape.name} and {files[0]}"]


def _write_onnx(path: Path, checkpoint: Checkpoint, given: dict[str, Any]) -> list[str]:
    """Write an ONNX file of standard operators."""
    return _write_graph(path, checkpoint, qonnx=False)


def _write_qonnx(path: Path, checkpoint: Checkpoint, given: dict[str, Any]) -> list[str]:
    """Write an ONNX file with QONNX's operators."""
    return _write_graph(path, checkpoint, qonnx=True)


def _write_graph(path: Path, checkpoint: Checkpoint, *, qonnx: bool) -> list[str]:
    import onnx

    from metabit.export.onnx_write import CLASS, INPUT, SCORES, checkpoint_model

    onnx.save(checkpoint_model(checkpoint, qonnx=qonnx), path)
    inputs = checkpoint.config.inputs
    return [
        f"saved {path}: input {INPUT}, encoded samples of {inputs} numbers +1 and -1; outputs "
        f"{SCORES} and {CLASS}"
    ]


_Writer = Callable[[Path, Checkpoint, dict[str, Any]], list[str]]

_FORMATS: dict[str, tuple[str, _Writer, tuple[str, ...]]] = {
    "c": (".h", _write_c, ("name", "self-test", "dataset", "data-dir")),
    "memory": ("", _write_memory, ("device",)),
    "onnx": (".onnx", _write_onnx, ()),
    "qonnx": (".onnx", _write_qonnx, ()),
}
"""Ending of the file, what writes it, and the options that it knows."""
