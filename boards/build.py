"""From a device to a bitstream."""

import hashlib
import json
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from amaranth.build.run import BuildPlan

from ..errors import MetabitError
from ..hdl.shape import Shape
from ..locking import only_writer
from ..tools.errors import ToolFailedError
from ..tools.find import tool_version
from ..tools.run import run_tool
from .clocking import clock_mhz
from .floorplan import place_memories
from .placement import count_blocks, read_placement
from .registry import Board, check_memory
from .results import BuildResult, Report, load_result, parse_report
from .synthesis import OPTIONS, PLACER, PLACER_BY_HAND, ROUTER, preparation
from .top import Top

RESULT_NAME = "build.json"
"""File in the build folder that holds the result."""

_TOP = "top"
_CACHE_KEY = "cache-key"
_LOCK = ".lock"
_REPORT = "report.json"
_PLACED = "placed.json"

_STEPS = {"yosys": "synthesis", "nextpnr": "place and route"}

Progress = Callable[[str, int, int, Path], None]
"""Called before each step: what, its number from 1, how many there are, the log file."""


@dataclass(frozen=True)
class BuildOptions:
    """What can be chosen about a build besides the device.

    Parameters
    ----------
    clock_mhz : float, optional
        Clock of the device; the board's own choice if none is given.
    seed : int, optional
        Of place and route; the board's own choice if none is given.
    force : bool
        Build anew even if nothing has changed.
    """

    clock_mhz: float | None = None
    seed: int | None = None
    force: bool = False


def _quiet(_step: str, _number: int, _count: int, _log: Path) -> None:
    pass


def build(
    board: Board,
    shape: Shape,
    folder: Path,
    options: BuildOptions = BuildOptions(),
    progress: Progress = _quiet,
) -> BuildResult:
    """Build the bitstream of a device for a board.

    Networks are no part of it; they are loaded through the link.

    Parameters
    ----------
    board : Board
    shape : Shape
        Device.
    folder : pathlib.Path
        Where all files go; the bitstream, ``build.json`` and ``placement.png`` among them.
    options : BuildOptions
    progress : callable
        Called before each step.

    Returns
    -------
    BuildResult

    Raises
    ------
    DesignTooLargeError, TimingError
        If the design is too large or too slow for the board.
    MetabitError
        If a tool is missing or fails, or the options make no sense.
    """
    check_memory(board, shape)
    mhz = clock_mhz(board, options.clock_mhz or board.clock_of(shape.name))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MetabitError(f"cannot make the folder {folder}: {error.strerror}") from error
    busy = f"another build is writing {folder}; wait for its end, or choose another with --out"
    with only_writer(folder / _LOCK, busy):
        seed = board.seed_of(shape.name) if options.seed is None else options.seed
        return _build(board, shape, mhz, seed, folder, options.force, progress)


def _build(
    board: Board,
    shape: Shape,
    mhz: float,
    seed: int,
    folder: Path,
    force: bool,
    progress: Progress,
) -> BuildResult:
    """Build in a folder that nobody else builds in."""
    plan = _plan(board, shape, Top(board, shape, mhz), seed)
    commands: list[list[str]] = json.loads(plan.files[f"build_{_TOP}.json"])["commands"]
    tools = {command[0]: tool_version(command[0]) for command in commands}
    key = _cache_key(plan, tools)

    kept = folder / _CACHE_KEY
    result_file = folder / RESULT_NAME
    if not force and result_file.exists() and kept.exists() and kept.read_text() == key:
        cached = load_result(result_file)
        if Path(cached.bitstream).exists():
            if not cached.picture and (picture := _draw(folder, board, shape)):
                cached = replace(cached, picture=picture)
                result_file.write_text(cached.to_json())
            # The name of a device is no part of the hardware.
            return replace(cached, shape=shape.name, seconds={})

    kept.unlink(missing_ok=True)
    (folder / _REPORT).unlink(missing_ok=True)
    plan.extract(folder)
    seconds: dict[str, float] = {}
    for number, command in enumerate(commands, 1):
        step = _STEPS.get(command[0].partition("-")[0], "bitstream")
        log = folder / f"{step.replace(' ', '-')}.log"
        progress(step, number, len(commands), log)
        start = time.monotonic()
        try:
            run_tool(command, folder, log)
        except ToolFailedError:
            if step == "place and route":
                _explain(command, folder, board, seed)
            raise
        seconds[step] = round(time.monotonic() - start, 1)

    report = _read_report(folder / _REPORT)
    report.check_timing(seed)
    cells = read_placement(folder / _PLACED, board.family)
    picture = _draw(folder, board, shape)
    bitstream = folder / f"metabit-{board.name}-{shape.name}{board.bitstream_suffix}"
    shutil.copyfile(folder / f"{_TOP}{board.bitstream_suffix}", bitstream)
    result = BuildResult(
        board=board.name,
        device=board.device,
        shape=shape.name,
        shape_digest=shape.digest.hex(),
        resources=report.resources,
        fmax_mhz=report.fmax_mhz,
        target_mhz=report.target_mhz,
        bitstream=str(bitstream),
        bytes=bitstream.stat().st_size,
        baud=board.baud,
        seconds=seconds,
        tools=tools,
        picture=picture,
        blocks=count_blocks(cells),
        critical_path=report.critical_path,
    )
    result_file.write_text(result.to_json())
    # Last of all: a build that was interrupted leaves no key behind.
    kept.write_text(key)
    return result


def _draw(folder: Path, board: Board, shape: Shape) -> str:
    """Draw the placed design, and return the path of the picture; nothing without matplotlib."""
    try:
        from .drawing import draw
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "matplotlib":
            raise
        return ""
    cells = read_placement(folder / _PLACED, board.family)
    picture = folder / "placement.png"
    draw(cells, board.tiles, picture, f"{shape.name} on {board.title} ({board.device})")
    return str(picture)


def _plan(board: Board, shape: Shape, top: Top, seed: int) -> BuildPlan:
    """Return the files and commands that Amaranth prepares for the board."""
    platform = board.create_platform()
    memories = place_memories(board, shape)
    options = (
        f"--seed {seed}",
        f"--report {_REPORT}",
        f"--write {_PLACED}",
        PLACER_BY_HAND if memories else PLACER[board.family],
        ROUTER[board.family],
    )
    return platform.prepare(
        top,
        _TOP,
        # Source locations would make the same design differ from machine to machine.
        emit_src=False,
        # The tools say in the logs that are announced how far they are, instead of in others.
        verbose=True,
        script_after_read=preparation(board.family, shape),
        synth_opts=OPTIONS[board.family],
        script_after_synth=memories,
        nextpnr_opts=" ".join(filter(None, options)),
    )


def _cache_key(plan: BuildPlan, tools: dict[str, str]) -> str:
    """Return what two builds share iff they would make the same bitstream."""
    versions = json.dumps(tools, sort_keys=True).encode()
    return hashlib.sha256(plan.digest() + versions).hexdigest()


def _read_report(file: Path) -> Report:
    try:
        return parse_report(file.read_text())
    except (OSError, ValueError, KeyError) as error:
        raise MetabitError(f"{file} is no report of nextpnr: {error!r}; try --force") from error


def _explain(command: list[str], folder: Path, board: Board, seed: int) -> None:
    """Raise the plain reason why place and route failed, if there is one.

    A report is written when routing succeeded and timing failed. If there is none, the
    resources are counted by packing once more, without placing.
    """
    report_file = folder / _REPORT
    if report_file.exists():
        _read_report(report_file).check_timing(seed)
        return
    with suppress(ToolFailedError):
        run_tool([*command, "--pack-only"], folder, folder / "packing.log")
        _read_report(report_file).check_fit(board.name)
