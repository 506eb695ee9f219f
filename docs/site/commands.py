"""A page for each command, from its own help; some are run, and what they print is shown."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import typer
from layout import ROOT
from typer.main import get_command

from metabit.cli import app

_PORT = "/dev/ttyUSB1"
"""Port of a board that is simulated."""

_RUNS = (
    ("train", "metabit train --config tiny --epochs 5 --out run.npz"),
    ("boards", "metabit boards"),
    ("plan", "metabit plan --config up5k"),
    ("sweep", 'metabit sweep --vary "margin=0.1 0.25" --seeds 2 --epochs 2'),
    ("evaluate", "metabit evaluate run.npz"),
    ("inspect", "metabit inspect run.npz"),
    ("export", "metabit export run.npz --format c --out network.h --self-test 20"),
    ("simulate", "metabit simulate --config tiny --samples 500"),
    ("selftest", "metabit selftest --device small-spram"),
    ("run", f"metabit run --port {_PORT} --config tiny --epochs 2 --verify"),
)
"""Commands that take seconds, in an order in which each finds what it needs."""

_REMARKS = {
    "run": "The board is a simulated device behind a pseudo-terminal: times are those of the "
    "simulation, and the terminal has no latency to be set.",
}
"""What is to be said of outputs, by the page of their command."""

_COLUMNS = 100
_AT_ONCE = 2
"""Commands under way at the same time, as soon as the first one is over."""


class Command:
    """A command, and where its page is.

    Attributes
    ----------
    words : tuple of str
        What is typed after ``metabit``.
    click : click.Command
        Typer's own description of it.
    """

    def __init__(self, words: tuple[str, ...], click, parent) -> None:
        self.words, self.click = words, click
        self.context = typer.Context(click, info_name=words[-1], parent=parent)

    @property
    def page(self) -> str:
        """Name of its page."""
        return "-".join(self.words)

    @property
    def typed(self) -> str:
        """What is typed."""
        return " ".join(["metabit", *self.words])


def commands() -> Iterator[Command]:
    """All commands, those of groups behind their group."""
    top = get_command(app)
    context = typer.Context(top, info_name="metabit")
    yield from _below((), top, context)


def _below(words: tuple[str, ...], group, context) -> Iterator[Command]:
    for name, click in group.commands.items():
        command = Command((*words, name), click, context)
        yield command
        if hasattr(click, "commands"):
            yield from _below(command.words, click, command.context)


def write(folder: Path) -> dict[Path, str]:
    """Return the pages of all commands, to be written into a folder."""
    shown = _outputs()
    found = list(commands())
    pages = {folder / f"{command.page}.md": _page(command, shown) for command in found}
    pages[folder / "index.md"] = _index(found)
    return pages


def _index(found: list[Command]) -> str:
    lines = ["# Commands", "", "What `metabit COMMAND --help` says, a page a command.", ""]
    for command in found:
        indent = "  " * (len(command.words) - 1)
        about = (command.click.help or "").split("\n\n")[0].replace("\n", " ")
        lines.append(f"{indent}- [`{command.typed}`]({command.page}.md): {about}")
    lines += ["", "```{toctree}", ":hidden:", ""]
    lines += [f"{command.typed} <{command.page}>" for command in found]
    return "\n".join([*lines, "```", ""])


def _page(command: Command, shown: dict[str, tuple[str, str]]) -> str:
    """Return the page of a command."""
    pieces = [
        # Metavariables of arguments that may be left out say so themselves.
        piece.replace("[[", "[").replace("]]", "]")
        for piece in command.click.collect_usage_pieces(command.context)
    ]
    usage = " ".join([command.typed, *pieces])
    lines = [f"# {command.typed}", "", command.click.help or "", "", "```text", usage, "```", ""]
    for panel, records in _panels(command).items():
        lines += [f"## {panel}", ""]
        for name, about in records:
            lines += [f"`{name}`", f": {' '.join(about.split()) or '—'}", ""]
    lines += _examples(command.click.epilog or "")
    if command.page in shown:
        line, output = shown[command.page]
        remark = [_REMARKS[command.page], ""] if command.page in _REMARKS else []
        lines += ["## What it prints", "", *remark, "```console", f"$ {line}", output, "```", ""]
    return "\n".join(lines)


def _panels(command: Command) -> dict[str, list[tuple[str, str]]]:
    """Return names and help of arguments and options, by the panel that they are shown in."""
    panels: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.click.get_params(command.context):
        record = parameter.get_help_record(command.context)
        if record is None:
            continue
        argument = parameter.param_type_name == "argument"
        panel = getattr(parameter, "rich_help_panel", None)
        panel = panel or ("Arguments" if argument else "Options")
        name, about = record
        panels.setdefault(panel, []).append((re.sub(r" <\w+>$", "", name), about))
    return panels


def _examples(epilog: str) -> list[str]:
    """Return the end of a help text, with its commands in blocks and their remarks behind them."""
    lines: list[str] = []
    block: list[tuple[str, str]] = []

    def close() -> None:
        if block:
            width = max((len(typed) for typed, about in block if about), default=0)
            lines.append("```sh")
            lines.extend(
                f"{typed:{width}}  # {about}" if about else typed for typed, about in block
            )
            lines.extend(["```", ""])
            block.clear()

    for paragraph in re.split(r"\n\s*\n", epilog.strip()):
        if heading := re.fullmatch(r"\*\*(.+)\*\*", paragraph):
            close()
            lines += [f"## {heading[1]}", ""]
        elif paragraph.startswith("metabit "):
            typed, _, about = paragraph.partition("  ")
            block.append((typed, " ".join(about.split())))
        elif paragraph:
            close()
            lines += [paragraph, ""]
    close()
    return lines


def _outputs() -> dict[str, tuple[str, str]]:
    """Run commands, and return what was typed and what was printed, by the name of their page."""
    with TemporaryDirectory() as folder, ThreadPoolExecutor(_AT_ONCE) as pool:

        def run(line: str) -> str:
            if _PORT in line:
                with _board() as port:
                    return _output(line.replace(_PORT, port), Path(folder)).replace(port, _PORT)
            return _output(line, Path(folder))

        (first, line), *others = _RUNS
        shown = {first: (line, run(line))}
        outputs = pool.map(run, [line for _, line in others])
        shown |= {
            name: (line, output) for (name, line), output in zip(others, outputs, strict=True)
        }
    return shown


@contextmanager
def _board() -> Iterator[str]:
    """Simulate a board, and yield the name of its port."""
    from metabit.hdl.shape import find_shape
    from metabit.sim.model import SimulatedDevice
    from metabit.sim.simulate import build_device
    from tests.sim.pty_device import PtyDevice

    with SimulatedDevice(build_device(find_shape("small-spram"))) as device:
        board = PtyDevice(device)
        try:
            yield board.port
        finally:
            board.close()


def _output(line: str, folder: Path) -> str:
    """Return what a command prints; one that fails fails the build of the site."""
    environment = os.environ | {
        "COLUMNS": str(_COLUMNS),
        "NO_COLOR": "1",
        "TERM": "dumb",
        "PYTHONPATH": str(ROOT),
        # One thread of linear algebra each.
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(line)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"error: {line!r}, an example of the site, has failed:\n{done.stdout}")
    return "\n".join(text.rstrip() for text in done.stdout.strip("\n").splitlines())
