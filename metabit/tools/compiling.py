"""Verilator and the C++ compiler: where they are, and the environment that they need."""

import ctypes
import os
import shlex
import shutil
import sys
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from .errors import ToolError, ToolNotFoundError
from .find import environment_variable, find_tool, said_version
from .run import run

_HEADER = "verilated.h"

_PROBE = """\
#include <string>
extern "C" int metabit_probe(const char *text) { return std::string(text).size(); }
"""
"""Takes the standard library to compile, to link and to load."""


@dataclass(frozen=True)
class Toolchain:
    """Verilator and a C++ compiler.

    Attributes
    ----------
    root : Path
        ``VERILATOR_ROOT``: the folder of ``bin`` and ``include``.
    verilator : tuple of str
        Command of the simulator compiler itself, without its Perl wrapper where it is the wheel's.
    compiler : tuple of str
        Command of the C++ compiler.
    version : str
        Names both, and their versions; models built by different ones do not mix.
    """

    root: Path
    verilator: tuple[str, ...]
    compiler: tuple[str, ...]
    version: str

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
        program, *arguments = self.compiler
        compiler = shlex.join([shutil.which(program) or program, *arguments])
        variables = {
            "CXX": compiler,
            "LINK": compiler,
            "AR": shlex.join(find_tool("ar")),
            "PERL": shutil.which("perl") or "perl",
            "PYTHON3": sys.executable,
            "CFG_CXXFLAGS_PCH_I": "-include",
        }
        return {
            "VERILATOR_ROOT": str(self.root),
            "PATH": os.pathsep.join([str(self.root / "bin"), os.environ.get("PATH", os.defpath)]),
            "MAKEFLAGS": " ".join(
                f"{name}={_for_make(value)}" for name, value in variables.items()
            ),
        }

    def check(self) -> None:
        """Compile, link and load a few lines, before minutes are spent on a model.

        Raises
        ------
        ToolError
            If the compiler is of no use; the message ends in its own words.
        """
        with tempfile.TemporaryDirectory(prefix="metabit-") as name:
            source, library = Path(name) / "probe.cpp", Path(name) / "probe.so"
            source.write_text(_PROBE)
            try:
                run([*self.compiler, "-std=c++20", "-fPIC", "-shared", "-o", library, source])
            except ToolError as error:
                raise ToolError(
                    f"the C++ compiler {shlex.join(self.compiler)!r} cannot make a shared "
                    f"library; mend it, or name another in CXX: {error}"
                ) from error
            check_loads(library, self.compiler)


def check_loads(library: Path, compiler: tuple[str, ...]) -> None:
    """Check that this process can load a shared library.

    Raises
    ------
    ToolError
        If it cannot; the message ends in the loader's own words.
    """
    try:
        ctypes.CDLL(str(library), mode=os.RTLD_NOW)
    except OSError as error:
        raise ToolError(
            f"what the C++ compiler {shlex.join(compiler)!r} makes cannot be loaded here; "
            f"does it compile for another machine? {error}"
        ) from error


def _for_make(value: str) -> str:
    """Return a value as it stands in ``MAKEFLAGS``."""
    return value.replace("\\", "\\\\").replace(" ", "\\ ").replace("$", "$$")


@lru_cache(maxsize=1)
def toolchain() -> Toolchain:
    """Find Verilator and the C++ compiler.

    Raises
    ------
    ToolNotFoundError
        If one of them is missing, or does not start.
    """
    verilator, compiler = find_tool("verilator"), find_tool("g++")
    if environment_variable("verilator") in os.environ:
        root = Path(run([*verilator, "--getenv", "VERILATOR_ROOT"]).stdout.strip())
        version = said_version(verilator)
    else:
        root = Path(verilator[0]).parents[1]
        verilator = [str(root / "bin" / "verilator_bin")]
        version = f"verilator {metadata.version('verilator')}"
    if not (root / "include" / _HEADER).exists():
        raise ToolNotFoundError(
            f"Verilator ({shlex.join(verilator)}) has no {_HEADER} in {root / 'include'}; "
            "set VERILATOR_ROOT to the folder that holds its include folder, or unset VERILATOR"
        )
    # Arguments change what a compiler makes, and which of its name is taken does, too.
    named = "" if len(compiler) == 1 else f"{shlex.join(compiler)}\n"
    return Toolchain(
        root=root,
        verilator=tuple(verilator),
        compiler=tuple(compiler),
        version=f"{version}\n{named}{run([*compiler, '--version']).stdout}",
    )
