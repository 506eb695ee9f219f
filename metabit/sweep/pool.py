"""Workers: the cores of this machine and clusters of Ray's through joblib, or those of Dask's."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from joblib import Parallel, delayed, parallel_config

from ..errors import MetabitError
from .point import Point
from .work import work

if TYPE_CHECKING:
    from distributed import Client

_DASK = ("tcp://", "tls://", "ucx://", "ws://", "wss://", "inproc://")
"""What an address of Dask's begins with."""

_LIMIT = 3
"""Jobs in a row that end their worker before the workers as such are given up."""

Line = dict[str, Any]


@dataclass(frozen=True)
class Workers:
    """Where jobs go.

    Attributes
    ----------
    name : str
        For people.
    count : int
        How many jobs at a time.
    streams : bool
        Whether results come one by one; otherwise in rounds of as many as there are workers.
    """

    name: str
    count: int
    streams: bool

    def map(self, function: "Callable[[Point], Line]", points: Sequence[Point]) -> "Iterator[Line]":
        """Yield the lines of points as they come."""
        if self.streams:
            found = Parallel(return_as="generator_unordered")
            yield from found(delayed(function)(point) for point in points)
            return
        for start in range(0, len(points), self.count):
            some = points[start : start + self.count]
            yield from Parallel()(delayed(function)(point) for point in some)


@dataclass(frozen=True)
class DaskWorkers(Workers):
    """Threads of Dask's workers.

    Joblib would give them no more than the cluster has threads, whatever it is told, and nothing if
    that is one.

    Attributes
    ----------
    client : Client
        Way to the scheduler.
    """

    client: "Client"

    def map(self, function: "Callable[[Point], Line]", points: Sequence[Point]) -> "Iterator[Line]":
        """Yield the lines of points as they come."""
        from distributed import as_completed

        # Dask would take a function that it has seen for one whose result it knows.
        futures = (self.client.submit(function, point, pure=False) for point in points)
        running = as_completed(islice(futures, self.count), loop=self.client.loop)
        for future in running:
            yield future.result()
            for another in islice(futures, 1):
                running.add(another)


@contextmanager
def workers(cluster: str | None, jobs: int | None) -> Iterator[Workers]:
    """Make a kind of workers the one that is used.

    Parameters
    ----------
    cluster : str or None
        None: processes of this machine. An address of a Dask scheduler (``tcp://...``), its
        scheduler file (``....json``) or ``dask``, which takes the address from
        ``DASK_SCHEDULER_ADDRESS``; ``ray://...`` or ``ray``, the cluster this machine is part of.
    jobs : int or None
        How many at a time; None: as many as there are cores.

    Raises
    ------
    MetabitError
        If the cluster is not understood or does not answer.
    ModuleNotFoundError
        If the package that it needs is not installed.
    """
    if jobs is not None and jobs < 1:
        raise MetabitError(f"--jobs must be at least 1, not {jobs}")
    if cluster is None:
        count = jobs or len(os.sched_getaffinity(0))
        with parallel_config(backend="loky", n_jobs=count):
            yield Workers(f"{count} local processes", count, True)
    elif cluster == "dask" or cluster.endswith(".json") or cluster.startswith(_DASK):
        with _dask(cluster, jobs) as found:
            yield found
    elif cluster == "ray" or cluster.startswith("ray://"):
        with _ray(cluster, jobs) as found:
            yield found
    else:
        raise MetabitError(
            "--cluster must be an address of a Dask scheduler such as tcp://host:8786, its "
            "scheduler file, dask, an address of Ray's such as ray://host:10001, or ray, "
            f"not {cluster!r}"
        )


@contextmanager
def _dask(cluster: str, jobs: int | None) -> Iterator[Workers]:
    """Connect with a Dask scheduler."""
    import dask
    from distributed import Client

    where: dict[str, Any] = {"address": cluster}
    if cluster == "dask":
        address = dask.config.get("scheduler-address", None)
        if address is None:
            raise MetabitError(
                "--cluster dask needs the scheduler's address in DASK_SCHEDULER_ADDRESS; "
                "or give it: --cluster tcp://host:8786"
            )
        where = {"address": address}
    elif cluster.endswith(".json"):
        where = {"scheduler_file": cluster}
    try:
        client = Client(**where, set_as_default=False)
    except OSError as error:
        raise MetabitError(f"no Dask scheduler answers at {cluster}: {error}") from error
    with client:
        count = jobs or sum(client.nthreads().values())
        if not count:
            raise MetabitError(f"the Dask scheduler at {cluster} has no workers")
        yield DaskWorkers(f"{count} threads of Dask's workers", count, True, client)


@contextmanager
def _ray(cluster: str, jobs: int | None) -> Iterator[Workers]:
    """Connect with a Ray cluster."""
    import ray
    from ray.util.joblib import register_ray

    try:
        ray.init(address="auto" if cluster == "ray" else cluster, log_to_driver=False)
    except (ConnectionError, OSError) as error:
        raise MetabitError(f"no Ray cluster answers at {cluster}: {error}") from error
    try:
        register_ray()
        count = jobs or int(ray.cluster_resources().get("CPU", 1))
        with parallel_config(backend="ray", n_jobs=count):
            yield Workers(f"{count} processes of Ray's", count, False)
    finally:
        ray.shutdown()


def run_all(
    points: Sequence[Point], found: Workers, function: Callable[[Point], Line] = work
) -> Iterator[Line]:
    """Do all points, and yield what each comes to, in the order in which they end.

    Points that are the same are done once.

    If a worker dies, which the memory it takes may be the reason of, the points that may have been
    its own are done one at a time, so that the one at fault is found; all others go on.

    Parameters
    ----------
    points : sequence of Point
        What to do.
    found : Workers
        From :func:`workers`.
    function : callable
        Does one; replaced in tests.

    Raises
    ------
    MetabitError
        If workers die whatever they do.
    """
    left = {point.key: point for point in points}
    in_a_row = 0
    while left:
        try:
            for line in found.map(function, list(left.values())):
                del left[line["key"]]
                in_a_row = 0
                yield line
            return
        except Exception:
            # The function does not raise: this is about the workers.
            suspects = list(left.values())[: 2 * found.count]
        for point in suspects:
            try:
                (line,) = found.map(function, [point])
                in_a_row = 0
            except Exception as error:
                in_a_row += 1
                if in_a_row > _LIMIT:
                    raise MetabitError(
                        f"{found.name} die whatever they do: {type(error).__name__}: {error}; "
                        "the same command goes on with the rest"
                    ) from error
                line = _died(point, error)
            del left[point.key]
            yield line


def _died(point: Point, error: Exception) -> Line:
    """Return the line of a point that took its worker with it."""
    said = " ".join(str(error).split())
    return {
        **point.describe(),
        "started": time.time(),
        "status": "failed",
        "error": f"its worker died, perhaps for lack of memory: {type(error).__name__}: {said}",
        "traceback": "",
    }
