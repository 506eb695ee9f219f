"""Compile a component with Verilator once, then run cocotb tests on it."""

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from amaranth.lib import wiring

from ...cache import make_cache_folder
from ...errors import MetabitError
from ...hdl.shape import Shape
from ...tools.compiling import toolchain
from ...tools.errors import ToolError
from ..source import Rtl
from ..verilate import cache_folder
from .covering import COVERAGE_VARIABLE, Coverage

SHAPE_VARIABLE = "METABIT_BENCH_SHAPE"
"""Environment variable that tells a bench what the design was built for, as JSON."""

_CHILD = Path(__file__).with_name("child.py")
_BUILD_SECONDS, _RUN_SECONDS = 600, 600

_OPTIONS = (
    # Amaranth's Verilog truncates where it means to.
    *("-Wno-fatal", "-Wno-lint", "--noassert"),
    # Ports alone: to reach every signal takes twice as long to compile, and to simulate.
    *("--no-public-flat-rw", "--public-depth", "1"),
    # In one piece: every further source reads the same large headers.
    *("--output-split", "0"),
)

# The tests are short: a model that compiles fast beats one that runs fast.
_VARIABLES = {"OPT_FAST": "-O0", "OPT_SLOW": "-O0", "OPT_GLOBAL": "-O0"}

_NO_RUNTIME = {"VM_GLOBAL_FAST": "", "VM_GLOBAL_SLOW": ""}
"""Makefile variables that leave Verilator's run-time library out."""


class BenchError(MetabitError):
    """A test failed, hung or did not report; the message ends in what was printed."""


@dataclass(frozen=True)
class Model:
    """A compiled component.

    Attributes
    ----------
    folder : Path
        Build folder.
    shape : Shape
        What the component was made for.
    waves : bool
        Runs record waveforms.
    """

    folder: Path
    shape: Shape
    waves: bool = False

    def run(self, bench: str, seed: int) -> int:
        """Run all tests of a bench, and return how many there were.

        Parameters
        ----------
        bench : str
            Module of this package.
        seed : int
            Determines every random choice of the bench.

        Raises
        ------
        BenchError
            If a test fails, none is found, or the simulation hangs.
        ToolError
            If cocotb cannot run here.
        """
        from cocotb_tools.runner import get_results

        results, log = (self.folder / f"{bench}-{seed}.{kind}" for kind in ("xml", "log"))
        results.unlink(missing_ok=True)
        self._coverage(bench, seed).unlink(missing_ok=True)
        module = f"{__package__}.{bench}"
        failure = _child(
            ["run", self.folder, int(self.waves), module, seed, results, log],
            _RUN_SECONDS,
            {
                SHAPE_VARIABLE: self.shape.model_dump_json(),
                COVERAGE_VARIABLE: str(self._coverage(bench, seed)),
                # Values in the messages of the benches' assertions, and of no others.
                "COCOTB_REWRITE_ASSERTION_FILES": f"{_CHILD.parent.name}/*.py",
            },
        )
        if "Unable to find libpython" in failure:
            raise ToolError(
                "cocotb needs Python as a shared library: install it (Debian: "
                "`apt install libpython3-dev`), or build Python with --enable-shared"
            )
        try:
            count, bad = get_results(results)
        except RuntimeError:
            raise BenchError(f"bench {bench} left no results: {failure}\n{_tail(log)}") from None
        if bad or not count:
            raise BenchError(f"bench {bench} failed {bad} of {count} tests:\n{_tail(log)}")
        return count

    def coverage(self, bench: str, seed: int) -> Coverage:
        """Return what the last run of a bench with a seed has come upon."""
        return Coverage.read(self._coverage(bench, seed), bench)

    def _coverage(self, bench: str, seed: int) -> Path:
        return self.folder / f"{bench}-{seed}-coverage.json"


def build(component: wiring.Component, shape: Shape, folder: Path, *, waves: bool = False) -> Model:
    """Convert a component to Verilog and compile it.

    Parameters
    ----------
    component : wiring.Component
    shape : Shape
        What it was made for.
    folder : Path
        Where to build; is emptied first.
    waves : bool
        Let runs record waveforms, ``dump.vcd`` in the folder.

    Raises
    ------
    ToolError
        If a tool is missing, fails or hangs.
    """
    folder = folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    *options, source = Rtl(component).write(folder, lambda step: None)
    variables = dict(_VARIABLES)
    # A model that records waveforms has a run-time library of its own.
    runtime = None if waves else _runtime_folder()
    if runtime is not None and runtime.exists():
        options += ["-LDFLAGS", " ".join(sorted(str(file) for file in runtime.glob("*.o")))]
        variables |= _NO_RUNTIME
    log = folder / "build.log"
    flags = toolchain().environment()["MAKEFLAGS"]
    flags += "".join(f" {name}={value}" for name, value in variables.items())
    failure = _child(
        ["build", folder, int(waves), source, log, *_OPTIONS, *options],
        _BUILD_SECONDS,
        {"MAKEFLAGS": flags},
    )
    if failure:
        raise ToolError(f"{type(component).__name__} was not compiled: {failure}\n{_tail(log)}")
    if runtime is not None and not runtime.exists():
        _keep_runtime(folder, runtime)
    return Model(folder, shape, waves)


def _runtime_folder() -> Path:
    """Return where the run-time library is kept, without which a small model takes seconds."""
    parts = [toolchain().version, *_OPTIONS, *map(str, _VARIABLES.items())]
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
    return cache_folder() / f"bench-runtime-{digest}"


def _keep_runtime(built: Path, runtime: Path) -> None:
    """Keep the run-time library of a model for all others."""
    make_cache_folder(runtime.parent)
    with tempfile.TemporaryDirectory(dir=runtime.parent, prefix="build-") as folder:
        objects = Path(folder) / "objects"
        objects.mkdir()
        for file in built.glob("verilated*.o"):
            shutil.copy(file, objects)
        # Another process may have kept the same meanwhile; either will do.
        with contextlib.suppress(OSError):
            objects.rename(runtime)


def _tail(log: Path, lines: int = 60) -> str:
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join(text.splitlines()[-lines:])


def _child(arguments: list[object], seconds: float, extra: Mapping[str, str]) -> str:
    """Run ``child.py``; return what went wrong, or nothing.

    It runs in a process group, which is ended if it takes too long.
    """
    environment = {**os.environ, **toolchain().environment(), **extra}
    # Under this variable, cocotb's runner reports to pytest, which the child is not run by.
    environment.pop("PYTEST_CURRENT_TEST", None)
    process = subprocess.Popen(
        # Without its folder in the search path, where benches would stand for other modules.
        [sys.executable, "-P", _CHILD, *map(str, arguments)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        return f"it took more than {seconds} s"
    finally:
        # Also when the tests are interrupted: nothing of the group may live on.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if not process.returncode:
        return ""
    return output.strip() or f"status {process.returncode}"
