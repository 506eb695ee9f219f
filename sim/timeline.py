"""Who is busy when, read from a waveform that the simulation has recorded."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import MetabitError
from .vcd import changes, wires


@dataclass(frozen=True)
class Activity:
    """Something that a part of the core does.

    Attributes
    ----------
    title : str
        What it is called in a picture.
    signals : tuple of str
        Wires of the core, ``block.name``. It is done in the cycles in which none of them is zero:
        a state machine is in no other state than its first, a stream is valid and ready.
    """

    title: str
    signals: tuple[str, ...]


ACTIVITIES = (
    Activity("samples come in", ("store.loader.samples__valid", "store.loader.samples__ready")),
    Activity("samples come in", ("store.port.samples__valid", "store.port.samples__ready")),
    Activity("neurons pass the array", ("forward.passing",)),
    Activity("array waits for a commit", ("forward.waiting",)),
    Activity("head finds classes", ("head.head_state",)),
    Activity("search finds winners", ("search.search_state",)),
    Activity("rows are updated", ("store.rows.busy",)),
    Activity("signs are committed", ("store.commit.busy",)),
    Activity("signs are committed", ("store.signs.write__valid",)),
)
"""What is drawn, as far as a device has it: the two stores take samples and commit in ways of their
own. Only blocks without blocks in them are asked: their ports have their names to themselves."""


@dataclass(frozen=True)
class Timeline:
    """What was done in a stretch of time.

    Attributes
    ----------
    cycles : int
        Cycles recorded.
    spans : dict of str to list of (int, int)
        By title: first cycles and lengths, from the start of the recording.
    """

    cycles: int
    spans: dict[str, list[tuple[int, int]]]

    def share(self, title: str) -> float:
        """Return the share of the cycles in which something was done."""
        return sum(length for _, length in self.spans[title]) / self.cycles

    def first(self, cycles: int) -> "Timeline":
        """Return what was done in the first of the cycles."""
        return self.part(0, cycles)

    def part(self, start: int, cycles: int) -> "Timeline":
        """Return what was done in so many cycles from ``start`` on, counted from there."""
        end = min(start + cycles, self.cycles)
        return Timeline(
            max(end - start, 0),
            {
                title: [
                    (max(at, start) - start, min(at + length, end) - max(at, start))
                    for at, length in spans
                    if at < end and at + length > start
                ]
                for title, spans in self.spans.items()
            },
        )


@dataclass
class _Watch:
    """The values of an activity's wires, and when it was done."""

    activity: Activity
    values: dict[str, bool]
    since: int | None = None
    spans: list[tuple[int, int]] = field(default_factory=list)

    def look(self, now: int) -> None:
        """Note whether it is done from now on."""
        done = all(self.values.values())
        if done and self.since is None:
            self.since = now
        elif not done and self.since is not None:
            self.spans.append((self.since, now - self.since))
            self.since = None


def read_timeline(path: Path) -> Timeline:
    """Read a waveform of the simulated device.

    Parameters
    ----------
    path : Path
        A ``.vcd`` file that ``metabit simulate --trace`` has written.

    Raises
    ------
    MetabitError
        If it cannot be read, is none, or has no training core in it.
    """
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            codes = {wire.name: wire.code for wire in wires(path, file)}
            return _follow(path, file, codes)
    except OSError as error:
        raise MetabitError(f"cannot read {path}: {error.strerror}") from error


def _follow(path: Path, file: Iterable[str], codes: dict[str, str]) -> Timeline:
    """Return when each activity was done, from the changes of its wires."""
    watches = [
        _Watch(activity, {codes[name]: False for name in activity.signals})
        for activity in ACTIVITIES
        if all(name in codes for name in activity.signals)
    ]
    if not watches:
        raise MetabitError(
            f"{path} has no training core in it; metabit simulate --trace writes one"
        )
    watching: dict[str, list[_Watch]] = {}
    for watch in watches:
        for code in watch.values:
            watching.setdefault(code, []).append(watch)
    times: list[int] = []
    now = 0
    for now, changed in changes(path, file):
        if len(times) < 2:
            times.append(now)
        looking = False
        for code, value in changed:
            for watch in watching.get(code, ()):
                watch.values[code] = "1" in value
                looking = True
        if looking:
            for watch in watches:
                watch.look(now)
    return _in_cycles(path, watches, times, now)


def _in_cycles(path: Path, watches: list[_Watch], times: list[int], last: int) -> Timeline:
    """Return spans in cycles; the clock changes twice a cycle."""
    if len(times) < 2 or last == times[1]:
        raise MetabitError(f"{path} has no cycle in it; record a tile that is trained on")
    first, cycle = times[0], 2 * (times[1] - times[0])
    if cycle <= 0 or last < first:
        raise MetabitError(f"{path} is damaged: its times do not go on")
    # The last change on record may be that in the middle of a cycle.
    end = first + -(-(last - first) // cycle) * cycle
    spans: dict[str, list[tuple[int, int]]] = {}
    for watch in watches:
        if watch.since is not None:
            watch.spans.append((watch.since, end - watch.since))
        spans[watch.activity.title] = [
            ((since - first) // cycle, -(-length // cycle)) for since, length in watch.spans
        ]
    return Timeline((end - first) // cycle, spans)
