"""Every reader of files, given valid files with something wrong in them: they are read, or refused.

Refused means an error of Metabit, which names the file; soon, and without much memory.
"""

import json
import re
import signal
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metabit.boards.results import BuildResult, Usage, load_result
from metabit.campaign import regressions
from metabit.errors import MetabitError
from metabit.export.memory import DESCRIPTION, read_memory, write_memory
from metabit.export.onnx_read import read_onnx
from metabit.export.onnx_write import checkpoint_model
from metabit.golden.configurations.named import load_config, named, override
from metabit.golden.data.datasets import load_dataset
from metabit.golden.data.npz import read_npy
from metabit.golden.data.samples import load_samples
from metabit.golden.data.trained import Trained
from metabit.golden.data.training_data import adapt, prepare
from metabit.golden.errors import DataError
from metabit.golden.modes.registry import load_any_checkpoint
from metabit.golden.runs.plan import Plan, read_plan
from metabit.golden.runs.run import Run
from metabit.hdl.shape import SHAPES
from metabit.report.collect import collect
from metabit.report.render import write_report
from metabit.sim.bitstream import unpack
from metabit.sim.bitstream.built import find_built
from metabit.sim.timeline import read_timeline
from metabit.sweep.ledger import Ledger
from tests.mutating import mutations
from tests.sim import packing_bits, test_timeline

COUNT = 40
"""Mutations of each file."""

SECONDS = 20
MEMORY = 400 << 20
"""Most bytes that reading a small file may take."""


@dataclass(frozen=True)
class Reader:
    """A reader, and a file that it reads.

    Attributes
    ----------
    write : callable
        Writes valid files into a folder, and returns the one that is spoilt.
    read : callable
        Reads it, or the folder that it is in.
    change : {"raw", "json", "lines", "npz", "record"}
        See :func:`tests.mutating.mutations`.
    count : int
        Mutations.
    """

    write: Callable[[Path], Path]
    read: Callable[[Path], Any]
    change: str = "raw"
    count: int = COUNT


def a_run(folder: Path) -> Any:
    """Return a run that has come half way, of data in a file."""
    data = folder / "data.npz"
    rng = np.random.default_rng(1)
    np.savez(data, x=rng.random((60, 33)) < 0.5, y=np.arange(60) % 3)
    dataset = load_dataset(str(data))
    config = override(adapt(named("tiny"), dataset, "none"), hidden=(6,), group=3, tile=4)
    run = Run.start(config, prepare(config, dataset=dataset), 2)
    run.finish()
    return run


def checkpoint(folder: Path) -> Path:
    a_run(folder).checkpoint().save(folder / "run.npz")
    return folder / "run.npz"


def paper_checkpoint(folder: Path) -> Path:
    from metabit.golden.paper.config import make_paper_config

    run = a_run(folder)
    fields = {"inputs": 33, "hidden": (6, 4), "classes": 3, "dataset": run.data.dataset}
    config = make_paper_config(**fields, group=2, encoder="none")
    plan = Plan(config, 1)
    paper = plan.start(plan.prepare())
    paper.finish()
    paper.checkpoint().save(folder / "run.npz")
    return folder / "run.npz"


def open_checkpoint(path: Path) -> None:
    found = load_any_checkpoint(path)
    found.network()
    found.schedule()


def configuration(folder: Path) -> Path:
    path = folder / "mine.json"
    path.write_text(named("tiny").model_dump_json())
    return path


def arrays(folder: Path) -> Path:
    rng = np.random.default_rng(2)
    images, labels = rng.integers(0, 256, (40, 5, 6), np.uint8), np.arange(40) % 4
    np.savez(folder / "own.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    return folder / "own.npz"


def array(folder: Path) -> Path:
    np.save(folder / "x.npy", np.arange(240, dtype=np.float32).reshape(20, 12))
    return folder / "x.npy"


def idx(part: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        images = struct.pack(">4B3I", 0, 0, 8, 3, 12, 4, 4) + bytes(range(192))
        labels = struct.pack(">4BI", 0, 0, 8, 1, 12) + bytes(n % 3 for n in range(12))
        (folder / "train-images-idx3-ubyte").write_bytes(images)
        (folder / "train-labels-idx1-ubyte").write_bytes(labels)
        return folder / part

    return write


def table(folder: Path) -> Path:
    lines = ["length,colour,wide,species"]
    for n in range(30):
        colour, kind = ("red", "blue", "green")[n % 3], "abc"[n % 2]
        lines.append(f'{n * 0.25},{colour},{1.5 * n:.1f},"{kind}, old"')
    (folder / "own.csv").write_text("\n".join(lines) + "\n")
    return folder / "own.csv"


def new_table(folder: Path) -> Path:
    lines = ["long,wide"] + [f"{n * 0.5},{n}" for n in range(20)]
    (folder / "new.csv").write_text("\n".join(lines) + "\n")
    return folder / "new.csv"


def read_new(path: Path) -> None:
    from metabit.golden.data.options import DataOptions

    load_samples(str(path), Trained("own.csv", ("long", "wide"), 2, DataOptions(), None))


def pictures(folder: Path) -> Path:
    from PIL import Image

    rng = np.random.default_rng(3)
    for name in ("a", "b"):
        (folder / "photos" / name).mkdir(parents=True)
        for number in range(4):
            image = Image.fromarray(rng.integers(0, 256, (6, 6), np.uint8))
            image.save(folder / "photos" / name / f"{number}.png")
    return folder / "photos" / "a" / "0.png"


def graph(folder: Path) -> Path:
    import onnx

    onnx.save(checkpoint_model(a_run(folder).checkpoint(), qonnx=True), folder / "net.onnx")
    return folder / "net.onnx"


def images_of_memories(file: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        write_memory(folder, a_run(folder).checkpoint(), SHAPES["small-spram"])
        return folder / file

    return write


def plan(folder: Path) -> Path:
    run = a_run(folder)
    written = Plan(run.network.config.model_copy(update={"dataset": str(folder)}), 3)
    (folder / "plan.json").write_text(json.dumps(written.to_dict()))
    return folder / "plan.json"


def build(folder: Path) -> Path:
    shape = SHAPES["up5k"]
    result = BuildResult(
        board="icebreaker",
        device="iCE40UP5K-SG48",
        shape=shape.name,
        shape_digest=shape.digest.hex(),
        resources={"logic cells": Usage(10, 5280)},
        fmax_mhz={"sync": 41.0},
        target_mhz={"sync": 36.0},
        bitstream=str(folder / "x.bin"),
        bytes=12,
        baud=1_000_000,
        seconds={"route": 1.5},
        tools={"yosys": "0.60"},
        blocks={"core": {"logic cells": 5}},
    )
    (folder / "build.json").write_text(result.to_json())
    return folder / "build.json"


def trained_results(folder: Path) -> Path:
    results = {
        "test_accuracy": 0.75,
        "train_accuracy": [0.5, 0.75],
        "test_accuracy_per_epoch": [0.5, 0.75],
        "dataset": "digits",
        "seconds_per_epoch": 1.0,
        "state_sha256": "0" * 64,
        "split": "paper",
        "config": named("tiny").model_dump(mode="json"),
    }
    (folder / "train.json").write_text(json.dumps({"runs": [results], "test_accuracy": 0.75}))
    return folder / "train.json"


def simulated_results(folder: Path) -> Path:
    results = {
        "samples": 100,
        "bit_exact": True,
        "cycles": 1000,
        "cycles_by_phase": {"run": 1000, "forward": 400},
        "cycles_per_sample": 10.0,
        "cycles_per_second": 1e5,
        "state_sha256": "0" * 64,
        "device": "small",
    }
    (folder / "simulate.json").write_text(json.dumps(results))
    return folder / "simulate.json"


def report(path: Path) -> None:
    write_report(collect(path.parent), path.parent / "report.html")


def ledger(folder: Path) -> Path:
    lines = [
        {"key": f"{number:024x}", "status": "done", "test_accuracy": 0.5, "label": {"row": "a"}}
        for number in range(4)
    ]
    (folder / "runs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder / "runs.jsonl"


def bitstream(folder: Path) -> Path:
    rng = np.random.default_rng(4)
    banks = {number: rng.random((16, 24)) < 0.5 for number in range(2)}
    (folder / "x.bin").write_bytes(packing_bits.pack(unpack.Unpacked(banks, banks)))
    return folder / "x.bin"


def waveform(folder: Path) -> Path:
    rng = np.random.default_rng(5)
    cycles = [{name: int(rng.integers(2)) for name in test_timeline.WIRES} for _ in range(12)]
    return test_timeline.write(folder / "tiles.vcd", cycles)


def failures(folder: Path) -> Path:
    network = regressions.NetworkFailure(
        device="small", config=named("tiny"), seed=1, number=2, runs=3, error="x"
    )
    link = regressions.LinkFailure(
        device="small",
        session="flood",
        pieces=(("noise", "00ff"),),
        stall=(0, 0.0, 0.5),
        error="x",
    )
    regressions.add(folder / "failures.json", [network, link])
    return folder / "failures.json"


READERS = {
    "checkpoint": Reader(checkpoint, open_checkpoint, "record"),
    "paper checkpoint": Reader(paper_checkpoint, open_checkpoint, "record"),
    "configuration": Reader(configuration, lambda path: load_config(str(path)), "json"),
    "arrays": Reader(arrays, lambda path: load_dataset(str(path)), "npz"),
    "array": Reader(array, lambda path: read_npy(path, DataError)),
    "idx images": Reader(
        idx("train-images-idx3-ubyte"), lambda path: load_dataset(str(path.parent))
    ),
    "idx labels": Reader(
        idx("train-labels-idx1-ubyte"), lambda path: load_dataset(str(path.parent))
    ),
    "table": Reader(table, lambda path: load_dataset(str(path))),
    "new table": Reader(new_table, read_new),
    "picture": Reader(pictures, lambda path: load_dataset(str(path.parent.parent))),
    "graph": Reader(graph, read_onnx),
    "memories": Reader(
        images_of_memories(DESCRIPTION), lambda path: read_memory(path.parent), "json"
    ),
    "memory": Reader(images_of_memories("generator.hex"), lambda path: read_memory(path.parent)),
    "plan": Reader(plan, read_plan, "json"),
    "build": Reader(build, load_result, "json"),
    "build of a bitstream": Reader(build, lambda path: find_built(path.parent), "json"),
    "results of train": Reader(trained_results, report, "json", 10),
    "results of simulate": Reader(simulated_results, report, "json", 10),
    "results of build": Reader(build, report, "json", 10),
    "ledger": Reader(ledger, Ledger.read, "lines"),
    "bitstream": Reader(bitstream, unpack.read),
    "waveform": Reader(waveform, read_timeline),
    "failures": Reader(failures, regressions.read, "json"),
}


class TooSlowError(Exception):
    """A reader takes too long."""


@contextmanager
def bounded() -> Iterator[None]:
    """Raise what takes too long, and see what memory it takes."""

    def stop(number: int, frame: object) -> None:
        raise TooSlowError

    before = signal.signal(signal.SIGALRM, stop)
    # The most that this process has used counts from here.
    Path("/proc/self/clear_refs").write_text("5")
    start = peak()
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert peak() - start < MEMORY


def peak() -> int:
    """Return the most bytes that this process has used."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10


def judge(reader: Reader, path: Path) -> str:
    """Read a file, and return what became of it; nothing but an error of Metabit may be raised."""
    with bounded(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            reader.read(path)
        except MetabitError:
            return "refused"
    return "read"


@pytest.mark.parametrize("name", READERS)
def test_files_with_something_wrong_are_read_or_refused(name, tmp_path):
    reader = READERS[name]
    path = reader.write(tmp_path)
    assert judge(reader, path) == "read"
    whole = path.read_bytes()
    found = set()
    for data in mutations(whole, reader.change, reader.count, zlib.crc32(name.encode())):
        path.write_bytes(data)
        found.add(judge(reader, path))
    assert "refused" in found


def changed(path: Path, old: str, new: str) -> Path:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return path


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("waveform", "#1000", "#1000x", "'#1000x' is no time"),
        ("waveform", "#1005", "#1000", "its times do not go on"),
        ("memories", '"space": "generator"', '"space": "other"', "1 words of generator"),
        ("memories", '"device": "small-spram"', '"device": []', "device must be a text"),
        ("results of train", '"runs": [{', '"runs": [], "x": [{', "runs must be a list of results"),
        ("results of train", '"train_accuracy": [0.5', '"train_accuracy": ["0.5"', "a number"),
        ("results of simulate", '"cycles": 1000', '"cycles": null', "lacks cycles"),
        ("build of a bitstream", '"sync": 36.0', '"sync": 36.0, "x": 1', "fmax_mhz is of sync"),
        ("build", '"board": "icebreaker"', '"board": {}', "board: Input should be a valid string"),
        ("ledger", f'"key": "{1:024x}"', '"key": []', "line 2 is no result of a run"),
        ("failures", '"seed": 1', '"seed": "x"', "seed must be an integer"),
    ],
)
def test_what_once_went_wrong_is_refused_by_name(name, old, new, message, tmp_path):
    reader = READERS[name]
    path = changed(reader.write(tmp_path), old, new)
    with pytest.raises(MetabitError, match=re.escape(message)):
        reader.read(path)


def test_texts_of_numbers_that_are_no_characters_are_refused(tmp_path):
    path = checkpoint(tmp_path)
    with np.load(path) as file:
        arrays = dict(file)
    codes = np.array(arrays["record"]).reshape(1).view(np.uint32)
    codes[5] = 0x110000
    np.savez(path, **arrays | {"record": codes.view(arrays["record"].dtype).reshape(())})
    with pytest.raises(MetabitError, match="the character 0x110000, which is none"):
        load_any_checkpoint(path)
