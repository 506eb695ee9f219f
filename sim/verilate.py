"""From an Amaranth component to a shared library that simulates it, kept in a cache."""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path
from typing import Literal

from amaranth.lib import wiring

from .. import cache
from ..tools.compiling import Toolchain, check_loads, toolchain
from ..tools.errors import ToolError
from ..tools.run import run
from .source import Report, Rtl, Source

TraceFormat = Literal["vcd", "fst"]

_UNIT_BYTES = 400_000
"""Generated sources are compiled in units of about this size: fewer cost less for the headers
that each of them reads, smaller ones keep all cores busy and the compiler's memory small."""

_PLAIN_UNIT_BYTES = 4_000_000
"""Without optimisation, the headers cost as much as megabytes of generated sources."""

_KEPT_MODELS = 200

_HARNESS = (
    "harness.cpp",
    *(f"memories/{name}.hpp" for name in ("attach", "chip", "flash", "sdram")),
)
"""What is compiled with every model."""


def cache_folder() -> Path:
    """Return the folder where compiled models are kept; it may be deleted at any time."""
    return cache.cache_folder("models")


def build(
    design: wiring.Component | Source,
    *,
    optimise: str = "-O2",
    trace: TraceFormat | None = None,
    report: Report = lambda step: None,
) -> Path:
    """Compile a design with byte streams ``rx`` and ``tx``, or take it from the cache.

    Parameters
    ----------
    design : wiring.Component or Source
        A component is simulated as it is described.
    optimise : str
        Optimisation option of the C++ compiler; ``-O0`` for short simulations.
    trace : {"vcd", "fst"}, optional
        Compile the recording of waveforms in, which slows the model.
    report : callable
        Called with the name of each step that takes time.

    Returns
    -------
    Path
        Shared library with the interface of ``harness.cpp``.

    Raises
    ------
    ToolError
        If a tool is missing or fails.
    """
    tools = toolchain()
    source = Rtl(design) if isinstance(design, wiring.Component) else design
    report("elaborate")
    identity = source.identity()
    flags = _flags(tools, optimise, trace)
    harness = {name: resources.files(__package__).joinpath(name).read_text() for name in _HARNESS}
    name = _digest(
        identity,
        *harness.values(),
        tools.version,
        *_VERILATOR_OPTIONS,
        *flags,
    )
    library = cache_folder() / f"{name}.so"
    if _is_kept(library, tools):
        return library
    cache.make_cache_folder(library.parent)
    report("try the compiler")
    tools.check()
    runtime = _runtime(tools, _flags(tools, "-O2", trace), trace, report)
    with tempfile.TemporaryDirectory(dir=library.parent, prefix="build-") as folder:
        work = Path(folder)
        arguments = source.write(work, report)
        for name, text in harness.items():
            (work / name).parent.mkdir(exist_ok=True)
            (work / name).write_text(text)
        report("verilate")
        _verilate(tools, work, arguments, trace)
        report("compile")
        units = _units(work, _PLAIN_UNIT_BYTES if optimise == "-O0" else _UNIT_BYTES)
        objects = _compile(tools, units, flags, [work, *_includes(tools)])
        report("link")
        libraries = ["-llz4", "-lz"] if trace == "fst" else []
        built = work / "model.so"
        run(
            [*tools.compiler, "-shared", "-pthread", "-o", built, *objects, *runtime, *libraries],
        )
        check_loads(built, tools.compiler)
        # Another process may have built the same model meanwhile; either file will do.
        os.replace(built, library)
    _prune(library.parent)
    return library


def _is_kept(library: Path, tools: Toolchain) -> bool:
    """Whether a model is in the cache, and of use: another machine may share the folder."""
    try:
        check_loads(library, tools.compiler)
        library.touch()
    except (ToolError, OSError):
        return False
    return True


_VERILATOR_OPTIONS = (
    *("--cc", "--prefix", "Vtop", "--top-module", "top"),
    *("-O3", "--noassert"),
    # Amaranth's Verilog truncates where it means to, and Yosys leaves pins open.
    "-Wno-fatal",
    "-Wno-lint",
    *("--output-split", "20000", "--output-split-cfuncs", "5000"),
)


def _flags(tools: Toolchain, optimise: str, trace: TraceFormat | None) -> list[str]:
    """Return compiler options; models of one process must not share symbols."""
    return [
        *("-std=c++20", optimise, "-fPIC", "-pthread", "-fvisibility=hidden"),
        *(["-fno-gnu-unique"] if tools.gnu else []),
        *("-DVL_TIME_CONTEXT", "-DVM_COVERAGE=0", "-DVM_SC=0", f"-DVM_TRACE={int(bool(trace))}"),
        *(f"-DVM_TRACE_{kind.upper()}={int(trace == kind)}" for kind in ("vcd", "fst")),
        *([f"-DMETABIT_TRACE_{trace.upper()}"] if trace else []),
        "-w",
    ]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _includes(tools: Toolchain) -> list[Path]:
    return [tools.include, tools.include / "vltstd"]


def _verilate(
    tools: Toolchain, work: Path, arguments: list[str | Path], trace: TraceFormat | None
) -> None:
    options = [f"--trace-{trace}"] if trace else []
    run(
        [*tools.verilator, *_VERILATOR_OPTIONS, *options, "--Mdir", work, *arguments],
        env=os.environ | tools.environment(),
    )


def _units(work: Path, largest: int) -> list[Path]:
    """Gather the generated sources and the harness into units of fair size.

    In a large model, what runs once to set it up is kept apart: optimising it would be time lost.
    """
    sources = [*sorted(work.glob("Vtop*.cpp")), work / "harness.cpp"]
    slow = [source for source in sources if re.search("__Slow|__Syms", source.name)]
    kinds = {"slow": slow, "fast": [source for source in sources if source not in slow]}
    if sum(source.stat().st_size for source in sources) < largest:
        kinds = {"all": sources}
    units = []
    for kind, members in kinds.items():
        for number, group in enumerate(_groups(members, largest)):
            unit = work / f"{kind}_{number}.cpp"
            unit.write_text("".join(f'#include "{source.name}"\n' for source in group))
            units.append(unit)
    return units


def _groups(sources: Iterable[Path], largest: int) -> Iterable[list[Path]]:
    group: list[Path] = []
    for source in sources:
        if group and sum(s.stat().st_size for s in [*group, source]) > largest:
            yield group
            group = []
        group.append(source)
    if group:
        yield group


def _compile(
    tools: Toolchain, sources: list[Path], flags: list[str], includes: list[Path]
) -> list[Path]:
    """Compile sources side by side; returns the objects, which lie beside them."""

    def compile_one(source: Path) -> Path:
        target = source.with_suffix(".o")
        extra = ["-O0"] if source.stem.startswith("slow") else []
        paths = [f"-I{include}" for include in includes]
        run([*tools.compiler, *flags, *extra, *paths, "-c", source, "-o", target])
        return target

    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        return list(pool.map(compile_one, sources))


def _runtime(
    tools: Toolchain, flags: list[str], trace: TraceFormat | None, report: Report
) -> list[Path]:
    """Return objects of Verilator's run-time library, compiled once for all models."""
    sources = ["verilated.cpp", "verilated_threads.cpp"]
    if trace:
        sources.append(f"verilated_{trace}_c.cpp")
    folder = cache_folder() / f"runtime-{_digest(tools.version, *flags)}"
    objects = [folder / Path(source).with_suffix(".o") for source in sources]
    if all(file.exists() for file in objects):
        return objects
    report("compile run-time library")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="build-") as name:
        work = Path(name)
        for source in sources:
            (work / source).write_text(f'#include "{tools.include / source}"\n')
        try:
            built = _compile(tools, [work / s for s in sources], flags, _includes(tools))
        except ToolError as error:
            if trace == "fst" and re.search(r"(lz4|zlib)\.h", str(error)):
                raise ToolError(
                    "FST waveforms need the headers of lz4 and zlib (Debian: `apt install "
                    "liblz4-dev zlib1g-dev`); a file name that ends in .vcd needs neither"
                ) from error
            raise
        folder.mkdir(exist_ok=True)
        for source_object, target in zip(built, objects, strict=True):
            os.replace(source_object, target)
    return objects


def _prune(folder: Path) -> None:
    """Delete the models that have gone unused longest."""
    models = sorted(folder.glob("*.so"), key=lambda file: file.stat().st_mtime, reverse=True)
    for model in models[_KEPT_MODELS:]:
        model.unlink(missing_ok=True)
