"""Verilate an Amaranth component once, then run cocotb benches on it.

The work is done in a process of its own, which is this module run as a script: cocotb's runner
knows no time limit and ends the Python process it runs in when a bench fails under pytest.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from amaranth.back import verilog
from amaranth.lib import wiring

from metabit.golden.config import Config
from metabit.sim.tools import toolchain

CONFIG_VARIABLE = "METABIT_BENCH_CONFIG"
"""Environment variable that tells a bench the configuration, as JSON."""

_TOP = "top"
_ROOT = Path(__file__).resolve().parents[2]
_BUILD_SECONDS, _RUN_SECONDS = 600, 300

_OPTIONS = (
    # Amaranth's Verilog truncates where it means to.
    "-Wno-fatal",
    "-Wno-lint",
    # In one piece: every further source reads the same large headers.
    *("--x-assign", "fast", "--x-initial", "fast", "--noassert", "--output-split", "0"),
)

# The benches are short: a model that compiles fast beats one that runs fast.
_VARIABLES = {"OPT_FAST": "-O0", "OPT_SLOW": "-O0", "OPT_GLOBAL": "-O0"}


class BenchError(AssertionError):
    """A bench failed, hung or did not report; the message ends in what it printed."""


@dataclass(frozen=True)
class Model:
    """A verilated component.

    Attributes
    ----------
    folder : Path
        Build folder.
    config : Config
        What the component was made for.
    """

    folder: Path
    config: Config

    def run(self, bench: str, seed: int) -> int:
        """Run all tests of a bench module, and return how many there were.

        Parameters
        ----------
        bench : str
            Module of ``tests.sim.benches``.
        seed : int
            Determines every random choice of the bench.

        Raises
        ------
        BenchError
            If a test fails, none is found, or the simulation hangs.
        """
        results = self.folder / f"{bench}-{seed}.xml"
        results.unlink(missing_ok=True)
        log = self.folder / f"{bench}-{seed}.log"
        module = f"tests.sim.benches.{bench}"
        _child(
            ["run", str(self.folder), module, str(seed), str(results), str(log)],
            log,
            _RUN_SECONDS,
            {CONFIG_VARIABLE: self.config.model_dump_json()},
        )
        if not results.exists():
            raise BenchError(f"bench {bench!r} left no results:\n{_tail(log)}")
        suites = ElementTree.parse(results).getroot().findall("testsuite")
        count = sum(int(suite.get("tests", 0)) for suite in suites)
        bad = sum(int(suite.get(kind, 0)) for suite in suites for kind in ("failures", "errors"))
        if bad or not count:
            raise BenchError(f"bench {bench!r} failed {bad} of {count} tests:\n{_tail(log)}")
        return count


def build(
    component: wiring.Component, config: Config, folder: Path, runtime: Path | None = None
) -> Model:
    """Convert a component to Verilog and compile it.

    Parameters
    ----------
    component : wiring.Component
    config : Config
        What it was made for.
    folder : Path
        Where to build.
    runtime : Path, optional
        Build folder of another model, whose run-time library is used.

    Raises
    ------
    BenchError
        If a tool fails or hangs.
    """
    folder.mkdir(parents=True)
    source = folder / "top.v"
    source.write_text(verilog.convert(component, emit_src=False, strip_internal_attrs=True))
    options, variables = list(_OPTIONS), dict(_VARIABLES)
    if runtime is not None:
        objects = sorted(str(file) for file in runtime.glob("verilated*.o"))
        options += ["-LDFLAGS", " ".join(objects)]
        variables |= {"VM_GLOBAL_FAST": "", "VM_GLOBAL_SLOW": ""}
    log = folder / "build.log"
    flags = toolchain().environment()["MAKEFLAGS"]
    flags += "".join(f" {name}={value}" for name, value in variables.items())
    arguments = ["build", str(folder), str(source), str(log), *options]
    _child(arguments, log, _BUILD_SECONDS, {"MAKEFLAGS": flags})
    if not (folder / _TOP).exists():
        raise BenchError(f"{type(component).__name__} was not compiled:\n{_tail(log)}")
    return Model(folder, config)


def _tail(log: Path, lines: int = 60) -> str:
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join(text.splitlines()[-lines:])


def _child(arguments: list[str], log: Path, seconds: float, extra: Mapping[str, str]) -> None:
    """Run this module as a script, in a process group that is ended if it takes too long."""
    environment = os.environ | toolchain().environment() | extra
    # Under this variable, cocotb's runner reports to pytest, which the child is not run by.
    environment.pop("PYTEST_CURRENT_TEST", None)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.sim.cocotb_runner", *arguments],
        cwd=_ROOT,
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
        raise BenchError(f"{arguments[0]} took more than {seconds} s:\n{_tail(log)}") from None
    finally:
        # Also when the tests are interrupted: nothing of the group may live on.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    # A bench that fails is told by its results; without any, the child's words are needed.
    if process.returncode:
        raise BenchError(f"{arguments[0]} failed:\n{_tail(log)}\n{output}")


def _main(action: str, folder: str, *arguments: str) -> None:
    from cocotb_tools.runner import get_runner

    runner = get_runner("verilator")
    if action == "build":
        source, log, *options = arguments
        runner.build(
            sources=[source],
            hdl_toplevel=_TOP,
            build_dir=folder,
            build_args=options,
            timescale=("1ns", "1ps"),
            log_file=log,
        )
    else:
        module, seed, results, log = arguments
        runner.test(
            test_module=module,
            hdl_toplevel=_TOP,
            hdl_toplevel_lang="verilog",
            seed=int(seed),
            build_dir=folder,
            test_dir=folder,
            results_xml=results,
            log_file=log,
        )


if __name__ == "__main__":
    _main(*sys.argv[1:])
