"""Run benches by hand: ``python -m metabit.sim.benches head --seed 7 --waves``."""

import argparse
import sys
from pathlib import Path

from ...tools.errors import ToolError
from . import BENCHES, benches
from .runner import BenchError, build

_FOLDER = Path("build", "benches")


def main() -> int:
    """Run the named benches, or all; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m metabit.sim.benches", description="Run testbenches in cocotb."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all, or of {', '.join(BENCHES)}")
    parser.add_argument("--seed", type=int, default=1, help="of every random choice")
    parser.add_argument("--waves", action="store_true", help="record dump.vcd")
    options = parser.parse_args()
    try:
        chosen = benches(*options.names)
    except LookupError as error:
        parser.error(str(error))
    failed = False
    for bench in chosen:
        folder = _FOLDER / str(bench)
        try:
            model = build(bench.design(bench.shape), bench.shape, folder, waves=options.waves)
            print(f"{bench}: {model.run(bench.name, options.seed)} tests passed; see {folder}")
        except (BenchError, ToolError) as error:
            failed = True
            print(f"{bench}: {error}", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
