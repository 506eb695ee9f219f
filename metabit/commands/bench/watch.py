"""`metabit bench watch`: what it costs a training to be watched."""

import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console
from rich.table import Table

from metabit.errors import MetabitError
from metabit.golden.data.training_data import TrainingData
from metabit.golden.network import Network
from metabit.golden.runs.run import Run
from metabit.golden.runs.trainer import Trainer

from .. import options
from ..options import check_folder, choose_plan, write_json
from .machine import describe_machine, machine

EPILOG = """
**Examples**

metabit bench watch                              tiny, and a training of no effort at all

metabit bench watch --config up5k --epochs 3     Fashion-MNIST

metabit bench watch --json watch.json
"""

_COPIES = 50
"""Of the samples, for the training of no effort: whose epochs would be over at once otherwise."""

_CLIENT = """
import sys, threading, time, urllib.request
address, received = sys.argv[1], 0
def fields():
    while True:
        urllib.request.urlopen(address + "runs/0/fields/0.png").read()
        time.sleep(1)
threading.Thread(target=fields, daemon=True).start()
for line in urllib.request.urlopen(address + "events"):
    print(len(line), flush=True)
"""
"""A process that is told what a browser is, and asks for what a browser asks for."""


@dataclass(frozen=True)
class Cost:
    """What it costs to be watched.

    Attributes
    ----------
    what : str
        What was trained.
    samples : int
        Trained on in each repeat.
    alone, watched : float
        Samples a second, the median of all repeats.
    slower : float
        What was added to the time that passed, as a share: the median of pairs that were measured
        one after the other.
    added : float
        Nanoseconds of processor time a sample that were added to the training's own thread, the
        median of the same: whatever else the machine does.
    looking : float
        Share of the training's own time that looks have taken.
    looks_per_second, bytes_per_second : float
        What a client was sent.
    """

    what: str
    samples: int
    alone: float
    watched: float
    slower: float
    added: float
    looking: float
    looks_per_second: float
    bytes_per_second: float


class _NoEffort:
    """A learner that learns nothing, and is right about everything."""

    def __init__(self, labels: npt.NDArray[np.int64]) -> None:
        self._labels = labels

    def pack(self, samples: Any) -> Any:
        return samples

    def train_tiles(self, packed: Any, labels: Any, indices: Any, **rule: Any) -> Any:
        return labels[indices]

    def predict(self, samples: Any) -> Any:
        return np.zeros(len(samples), np.int64)


class _NoEffortRun(Run):
    """A run whose training costs nothing, so that all it costs is what is around it."""

    def __init__(self, run: Run) -> None:
        super().__init__(Network(run.network.config), run.data, run.schedule)
        self._trainer = Trainer(_NoEffort(run.data.train_labels), run.data, run.schedule)


def watch(
    config: options.ConfigOption = None,
    epochs: Annotated[
        int, typer.Option("--epochs", metavar="N", min=1, help="Epochs of each repeat.")
    ] = 100,
    repeats: Annotated[
        int, typer.Option("--repeats", metavar="N", min=1, help="Pairs that are measured.")
    ] = 5,
    engine: options.EngineOption = "auto",
    json: options.JsonOption = None,
    dataset: options.DatasetOption = None,
    data_dir: options.DataDirOption = None,
) -> None:
    """Measure how much slower a training is when somebody watches it with metabit watch.

    Each repeat trains alone, and then the same with the page served and a client of it, in a
    process of its own, that is told all and asks for fields every second. A training of no effort,
    of a learner that learns nothing, shows what is around a training alone.
    """
    console = Console(soft_wrap=True)
    check_folder("--json", json)
    planned, loaded = choose_plan(
        config, epochs=epochs, engine=engine, dataset=dataset, data_dir=data_dir
    )
    if planned.mode.name != "hardware":
        raise MetabitError(f"mode {planned.mode.name} is not measured")
    with console.status("preparing data and engine ..."):
        data = planned.prepare(loaded)
        many = _multiplied(data)
    costs = []
    with console.status("training") as status:
        for name, begin, seen in (
            (f"{planned.config.name}, {planned.engine_for(data)}", _begin(planned, data), data),
            ("no effort", _begin_idle(planned, many), many),
        ):
            pairs = []
            for number in range(repeats):
                status.update(f"{name}: {number + 1} of {repeats}")
                pairs.append(_pair(begin))
            costs.append(_cost(name, epochs * seen.samples, pairs))
    table = Table(title="samples a second, alone and watched", title_justify="left")
    headings = ("training", "alone", "watched", "slower", "ns added", "looking", "looks/s")
    for heading in (*headings, "kB/s"):
        table.add_column(heading, justify="left" if heading == "training" else "right")
    for cost in costs:
        table.add_row(
            cost.what,
            f"{cost.alone:,.0f}",
            f"{cost.watched:,.0f}",
            f"{100 * cost.slower:.1f} %",
            f"{cost.added:.0f}",
            f"{100 * cost.looking:.2f} %",
            f"{cost.looks_per_second:.1f}",
            f"{cost.bytes_per_second / 1000:.1f}",
        )
    console.print(table)
    console.print(describe_machine(machine()), highlight=False)
    if json is not None:
        write_json(
            json,
            {
                "costs": [asdict(cost) for cost in costs],
                "epochs": epochs,
                "repeats": repeats,
                "config": planned.config.model_dump(mode="json"),
                "machine": machine(),
            },
        )


@dataclass(frozen=True)
class _Times:
    """Seconds that passed, and processor time of a thread."""

    passed: float
    thread: float

    @classmethod
    def of(cls, work: Callable[[], None]) -> "_Times":
        """Measure work in a thread of its own."""
        found = []

        def timed() -> None:
            passed, thread = time.perf_counter(), time.thread_time()
            work()
            found.append(cls(time.perf_counter() - passed, time.thread_time() - thread))

        thread = threading.Thread(target=timed)
        thread.start()
        thread.join()
        return found[0]


@dataclass(frozen=True)
class _Pair:
    """Times alone and watched, seconds of looks; looks, and bytes that a client was sent."""

    alone: "_Times"
    watched: "_Times"
    looking: float
    looks: int
    received: int


def _begin(planned: Any, data: TrainingData) -> Callable[[], Run]:
    return lambda: planned.start(data)


def _begin_idle(planned: Any, data: TrainingData) -> Callable[[], Run]:
    config = planned.config.model_copy(update={"views": 1})
    return lambda: _NoEffortRun(Run.start(config, data, planned.epochs, observe=False))


def _multiplied(data: TrainingData) -> TrainingData:
    """Return data with each sample many times."""
    split = replace(
        data.split,
        images=np.concatenate([data.split.images] * _COPIES),
        labels=np.tile(data.split.labels, _COPIES),
    )
    one_view = data.train[: data.samples]
    return replace(data, split=split, train=np.concatenate([one_view] * _COPIES), views=1)


def _pair(begin: Callable[[], Run]) -> _Pair:
    """Train alone, and then watched."""
    from metabit.watch.server import Page
    from metabit.watch.serving import Serving
    from metabit.watch.session import Session
    from metabit.watch.source import Source

    run = begin()
    alone = _Times.of(run.finish)
    expected = run.state_sha256
    run = begin()
    session = Session(Source(run, "golden model"))
    page = Page([session])
    with Serving(page, "127.0.0.1", 0) as serving, _client(serving.address) as received:
        while not page.clients:
            time.sleep(0.01)
        watched = _Times.of(session.train)
    if session.error is not None:
        raise session.error
    if run.state_sha256 != expected:
        raise MetabitError("the training that was watched has come to another state")
    return _Pair(alone, watched, session.pace.seconds, session.pace.looks, sum(received))


@contextmanager
def _client(address: str) -> Iterator[list[int]]:
    """Have the page watched by another process; yields how much it is sent, as it comes."""
    received: list[int] = []
    with subprocess.Popen(
        [sys.executable, "-c", _CLIENT, address], stdout=subprocess.PIPE, text=True
    ) as process:

        def read() -> None:
            assert process.stdout is not None
            received.extend(int(line) for line in process.stdout)

        reader = threading.Thread(target=read)
        reader.start()
        try:
            yield received
        finally:
            process.kill()
            reader.join()


def _cost(what: str, samples: int, pairs: list[_Pair]) -> Cost:
    watched = sum(pair.watched.passed for pair in pairs)
    return Cost(
        what,
        samples,
        statistics.median(samples / pair.alone.passed for pair in pairs),
        statistics.median(samples / pair.watched.passed for pair in pairs),
        statistics.median(pair.watched.passed / pair.alone.passed - 1 for pair in pairs),
        statistics.median(
            1e9 * (pair.watched.thread - pair.alone.thread) / samples for pair in pairs
        ),
        sum(pair.looking for pair in pairs) / watched,
        sum(pair.looks for pair in pairs) / watched,
        sum(pair.received for pair in pairs) / watched,
    )
