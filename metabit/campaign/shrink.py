"""Smaller cases that fail still."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import ValidationError

from ..golden.config import Config
from ..hdl.placement import CapacityError, Placement
from ..hdl.shape import Shape
from ..sim.sweep import Case

T = TypeVar("T")

MOST_TRIES = 80
"""Trials that are spent on a failure."""


def shrink_sequence(
    items: Sequence[T], fails: Callable[[tuple[T, ...]], bool], tries: int = MOST_TRIES
) -> tuple[T, ...]:
    """Leave items out as long as what is left fails.

    Halves first, then smaller and smaller parts.

    Parameters
    ----------
    items : sequence
        What fails.
    fails : callable
        Whether some of them do.
    tries : int
        Most calls of ``fails``.
    """
    left = tuple(items)
    size = (len(left) + 1) // 2
    while size and tries:
        start, before = 0, left
        while start < len(left) and tries:
            tries -= 1
            rest = left[:start] + left[start + size :]
            if rest and fails(rest):
                left = rest
            else:
                start += size
        if size == 1 and left == before:
            break
        size = max(1, size // 2)
    return left


def shrink_case(
    case: Case, shape: Shape, fails: Callable[[Case], bool], tries: int = MOST_TRIES
) -> Case:
    """Make a network and its training smaller and plainer as long as it fails.

    Parameters
    ----------
    case : Case
        What fails.
    shape : Shape
        Its device.
    fails : callable
        Whether another case does.
    tries : int
        Most calls of ``fails``.
    """
    progress = True
    while progress:
        progress = False
        for smaller in _smaller(case, shape):
            if not tries:
                return case
            tries -= 1
            if fails(smaller):
                case, progress = smaller, True
                break
    return case


def _smaller(case: Case, shape: Shape) -> Iterator[Case]:
    """Yield cases with one thing less each, those that save most first."""
    if case.runs > 1:
        yield replace(case, runs=1)
        yield replace(case, runs=case.runs - 1)
    for fields in _plainer(case.config):
        try:
            config = Config.model_validate(case.config.model_dump() | fields)
            Placement(config, shape)
        except (ValidationError, CapacityError):
            continue
        if config != case.config:
            yield replace(case, config=config)


def _plainer(config: Config) -> Iterator[dict[str, Any]]:
    """Yield fields of plainer networks; not all are valid, and some change nothing."""
    if config.layers > 1:
        yield {"hidden": config.hidden[:1]}
        yield {"hidden": config.hidden[:-1]}
    for half in (True, False):
        for layer, width in enumerate(config.hidden):
            less = max(1, width // 2 if half else width - 1)
            hidden = (*config.hidden[:layer], less, *config.hidden[layer + 1 :])
            yield {"hidden": hidden, "group": min(config.group, max(hidden))}
        for name, least in (("inputs", 1), ("classes", 2), ("group", 1), ("tile", 1)):
            value = getattr(config, name)
            yield {name: max(least, value // 2 if half else value - 1)}
    yield {"lag": 0}
    yield {"reinforcement": 0.0}
    yield {"head_offset": 0}
    yield {"summed_scores": False}
    yield {"rival_selection": False}
    yield {"margin": 0.0}
