"""All checks, one after the other."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict

from ..errors import MetabitError
from ..hdl.shape import SHAPES, Shape
from ..host.errors import DeviceMismatchError, PortError
from ..host.requester import Requester
from ..host.transport import Transport
from . import link, memories, training
from .bench import Bench
from .outcome import Outcome, Result
from .recorder import Recorder

Check = Callable[[Bench], str]
"""Returns what it has found; raises a :class:`~metabit.errors.MetabitError` if that is wrong."""

CHECKS: tuple[tuple[str, str, Check], ...] = (
    ("link", "every byte", link.every_byte),
    ("link", "damaged frames", link.damaged_frames),
    ("link", "refusals", link.refusals),
    ("link", "repeats", link.repeats),
    ("link", "rate", link.rate),
    ("memories", "counters", memories.counters),
    ("memories", "signs", memories.signs),
    ("memories", "generator", memories.generator),
    ("memories", "encoder", memories.table),
    ("training", "training", training.training),
    ("training", "raw samples", training.raw_samples),
    ("training", "abort", training.abort),
    ("link", "errors", link.errors),
)

Report = Callable[[str], None]
"""Called with what is about to be looked at."""


def selftest(
    transport: Transport, baud: int | None = None, report: Report = lambda step: None
) -> tuple[Result, str]:
    """Test the device behind a transport, and return what was found, and a log of all frames.

    Parameters
    ----------
    transport : Transport
        Is closed.
    baud : int, optional
        Rate of its line, if it has one.
    report : callable
        See :data:`Report`.
    """
    result = Result()
    with closing(Recorder(transport)) as recorder:
        shape = _identify(recorder, result, report)
        if shape is not None:
            bench = Bench(recorder, shape, baud)
            result.complete = _run(bench, result, report)
            result.link = asdict(bench.counts)
        return result, recorder.log


def _identify(recorder: Recorder, result: Result, report: Report) -> Shape | None:
    """Ask the device what it is; returns its shape, if it is one."""

    def ask() -> str:
        digest = Requester(recorder).identify()
        result.digest = digest.hex()
        for shape in SHAPES.values():
            if shape.digest == digest:
                result.device = shape.name
                return f"device {shape.name}, {result.digest}"
        raise DeviceMismatchError(
            f"a device with digest {result.digest}, which this Metabit does not know; build and "
            "program a bitstream with it"
        )

    _add(recorder, result, report, "link", "identity", ask)
    return SHAPES.get(result.device)


def _run(bench: Bench, result: Result, report: Report) -> bool:
    """Carry out all checks; returns whether that was possible."""
    assert isinstance(bench.transport, Recorder)
    for group, name, check in CHECKS:
        lost = _add(bench.transport, result, report, group, name, lambda check=check: check(bench))  # type: ignore[misc]
        if lost:
            return False
    return True


def _add(
    recorder: Recorder,
    result: Result,
    report: Report,
    group: str,
    name: str,
    check: Callable[[], str],
) -> bool:
    """Carry out a check; returns whether the port has failed, so that no other makes sense."""
    report(f"{group}: {name}")
    recorder.begin(f"{group}: {name}")
    start, lost = time.perf_counter(), False
    try:
        found, ok = check(), True
    except MetabitError as error:
        found, ok, lost = str(error), False, isinstance(error, PortError)
        recorder.note(f"failed: {found}")
    seconds = time.perf_counter() - start
    result.outcomes.append(Outcome(group, name, ok, found, seconds))
    return lost
