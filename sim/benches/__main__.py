"""Run benches by hand: ``python -m metabit.sim.benches head --seed 7 --waves``."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

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
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was covered")
    options = parser.parse_args()
    try:
        chosen = benches(*options.names)
    except LookupError as error:
        parser.error(str(error))
    failed = False
    found: dict[str, dict[str, Any]] = {}
    for bench in chosen:
        folder = _FOLDER / str(bench)
        try:
            model = build(bench.design(bench.shape), bench.shape, folder, waves=options.waves)
            count = model.run(bench.name, options.seed)
            coverage = model.coverage(bench.name, options.seed)
            covered = coverage.bins - len(coverage.missing)
            print(
                f"{bench}: {count} tests passed, {covered} of {coverage.bins} bins covered; "
                f"see {folder}"
            )
            for missing in coverage.missing:
                print(f"    not covered: {missing}")
            found[str(bench)] = {
                "tests": count,
                "bins": coverage.bins,
                "covered": covered,
                "hits": coverage.hits,
            }
        except (BenchError, ToolError) as error:
            failed = True
            print(f"{bench}: {error}", file=sys.stderr)
    if options.json is not None:
        options.json.write_text(json.dumps({"seed": options.seed, "benches": found}, indent=2))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
