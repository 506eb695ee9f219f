"""Boards of a sweep on the screen: what each of them does, and in the end what it has done."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, TaskID

from metabit.planning.line import SpeedOf
from metabit.sweep.fleet import Board, Watcher

from .training import link_line, pace

if TYPE_CHECKING:
    from metabit.boards.run import DeviceRun
    from metabit.golden.runs.trainer import SpanResult
    from metabit.sweep.desk import Job
    from metabit.sweep.on_board import Watch


class FleetView(Watcher):
    """A line for each board, which says what it trains, how fast, why, and how long still.

    Parameters
    ----------
    console : Console
        Where messages go.
    baud : int
        Bits per second of the lines.
    """

    def __init__(self, console: Console, baud: int) -> None:
        self._console = console
        self._baud = baud
        self._progress: Progress | None = None
        self._bars: dict[str, TaskID] = {}

    def show(self, progress: Progress) -> None:
        """Show the boards among bars whose lines end with a field ``note``."""
        self._progress = progress

    def say(self, text: str) -> None:
        """Print a message."""
        self._console.print(f"[yellow]{escape(text)}[/]", highlight=False)

    def span(self, board: Board, job: "Job") -> "Watch":
        """Return what brings the line of a board up to date."""
        speed = SpeedOf(job.config, board.shape, self._baud)

        def update(run: "DeviceRun", result: "SpanResult") -> None:
            schedule = run.schedule
            epoch = f"epoch {result.step.epoch}/{schedule.epochs}"
            done = schedule.samples if result.step.last else schedule.sample
            self._note(
                board,
                f"{job.point.name}, {epoch}  {pace(run, speed)}",
                total=schedule.samples,
                completed=done,
            )

        return update

    def idle(self, board: Board) -> None:
        """Show that a board has no run."""
        self._note(board, board.left_out or "", total=None, completed=0)

    def _note(self, board: Board, note: str, *, total: int | None, completed: int) -> None:
        progress = self._progress
        if progress is None:
            return
        if board.port not in self._bars:
            self._bars[board.port] = progress.add_task(escape(board.port), total=None, note="")
        bar = self._bars[board.port]
        progress.update(bar, note=escape(note), total=total, completed=completed)


def summary(board: Board) -> str:
    """Say what a board has done, as markup."""
    traffic = board.traffic
    said = (
        f"{board.shape.name} at {escape(board.port)}: {_count(board.runs)}, "
        f"{traffic.samples:,} samples, {traffic.samples_per_second:,.0f} samples/s; "
        f"{link_line(board.link)}"
    )
    if board.failures:
        said += f"; [yellow]failed with {_count(board.failures)}[/]"
    return said if board.left_out is None else f"{said}; [red]left out: it {board.left_out}[/]"


def _count(runs: int) -> str:
    return "1 run" if runs == 1 else f"{runs} runs"
