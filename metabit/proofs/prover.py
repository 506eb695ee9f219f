"""Yosys and an SMT solver: whether what a harness claims holds."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..tools.errors import ToolFailedError
from ..tools.find import find_tool, tool_version
from ..tools.run import run_tool
from .harness import Harness
from .proof import Proof, Result

SOLVER = "yices-smt2"
CHECKER = "yosys-smtbmc"

_TIMEOUT_S = 600

_MAKE_SYSTEM = (
    "read_rtlil {name}.il",
    "hierarchy -top top",
    "proc -norom",  # a memory with contents would be any in an induction
    "flatten",
    "opt_clean",
    "memory -nomap",
    "memory_nordff",
    "async2sync",
    "chformal -lower",
    "opt -full",
    "dffunmap",
    "write_smt2 -wires {name}.smt2",
    "design -reset",
)
"""From a design to its transition system."""

_START = "initial\nassume [first]\n"
"""For runs that begin in any state: the harness knows that they begin."""

_LAST_WORDS = 12
"""Lines that are quoted of a run in which a claim fails."""


def engine() -> str:
    """Return who proves, and which versions of them.

    Raises
    ------
    ToolNotFoundError
        If one is not installed.
    """
    return f"{tool_version('yosys')}, {tool_version(SOLVER)}"


def prove(proof: Proof) -> Result:
    """Prove a property, and refute it for each of its twins.

    Raises
    ------
    ToolError
        If a tool is missing, or fails.
    LookupError
        If the slip of a twin is not in the block.
    """
    begun = time.monotonic()
    designs = {"proof": proof.build(proof.source)}
    for number, twin in enumerate(proof.twins):
        designs[f"twin_{number}"] = proof.build(proof.planted(twin))
    runs = ["--noinit", "--smtc", "start.smtc"] if proof.any_start else []
    with tempfile.TemporaryDirectory(prefix="metabit-proof-") as name:
        folder = Path(name)
        _write(designs, folder)
        (folder / "start.smtc").write_text(_START)
        said = _complaint(folder, "proof", [*runs, "-t", str(proof.depth)])
        if not said and not proof.bounded:
            said = _complaint(folder, "proof", ["-i", "-t", str(proof.depth)])
        longest = f"{proof.twin_start}:{proof.twin_depth or proof.depth}"
        twins = tuple(
            (str(twin), bool(_complaint(folder, f"twin_{number}", [*runs, "-t", longest])))
            for number, twin in enumerate(proof.twins)
        )
    return Result(
        name=proof.name,
        block=proof.source.__name__.removeprefix("metabit."),
        claim=proof.claim,
        sizes=proof.sizes,
        method=proof.method,
        depth=proof.depth,
        engine=engine(),
        holds=not said,
        seconds=round(time.monotonic() - begun, 2),
        twins=twins,
        said=said,
    )


def prove_all(proofs: Iterable[Proof], jobs: int) -> Iterator[Result]:
    """Prove many, so many at a time, and yield their results in order."""
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(prove, proofs)


def _write(designs: Mapping[str, Harness], folder: Path) -> None:
    """Write the transition systems of designs to a folder."""
    lines = []
    for name, design in designs.items():
        (folder / f"{name}.il").write_text(design.rtlil(lemmas=name == "proof"))
        lines += [line.format(name=name) for line in _MAKE_SYSTEM]
    (folder / "make.ys").write_text("\n".join(lines) + "\n")
    run_tool(["yosys", "-q", "-s", "make.ys"], folder, folder / "make.log")


def _complaint(folder: Path, name: str, options: list[str]) -> str:
    """Let the solver look for a run in which a claim fails; return its last words, or nothing."""
    solver = Path(find_tool(SOLVER)[0]).parent
    done = subprocess.run(
        [*find_tool(CHECKER), "-s", "yices", *options, f"{name}.smt2"],
        cwd=folder,
        env=os.environ | {"PATH": os.pathsep.join([str(solver), os.environ.get("PATH", "")])},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_TIMEOUT_S,
        check=False,
    )
    # Whatever the solver's progress is drawn with stands behind.
    lines = [line for line in done.stdout.splitlines() if line.startswith("##")]
    if lines and lines[-1].endswith("Status: PASSED"):
        return ""
    words = "\n".join((lines or done.stderr.splitlines())[-_LAST_WORDS:])
    if lines and lines[-1].endswith("Status: FAILED"):
        return words
    raise ToolFailedError(f"{CHECKER} has come to no end: {words}")
