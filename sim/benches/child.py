"""Cocotb's runner in a process of its own: a script that :mod:`.runner` starts.

That runner knows no time limit, and ends the Python process that it runs in when a test fails under
pytest. The script imports nothing of Metabit, which would cost it more than its work.
"""

import sys

from cocotb_tools.runner import get_runner

TOP = "top"
"""Module that is simulated."""


def build(folder: str, waves: str, source: str, log: str, *options: str) -> None:
    """Compile a Verilog file; ``waves`` is 0 or 1."""
    get_runner("verilator").build(
        sources=[source],
        hdl_toplevel=TOP,
        build_dir=folder,
        build_args=options,
        timescale=("1ns", "1ps"),
        waves=bool(int(waves)),
        log_file=log,
    )


def run(folder: str, waves: str, module: str, seed: str, results: str, log: str) -> None:
    """Run the tests of a module in what was built in a folder."""
    get_runner("verilator").test(
        test_module=module,
        hdl_toplevel=TOP,
        hdl_toplevel_lang="verilog",
        seed=int(seed),
        build_dir=folder,
        test_dir=folder,
        results_xml=results,
        waves=bool(int(waves)),
        log_file=log,
    )


if __name__ == "__main__":
    action, *arguments = sys.argv[1:]
    if action == "build":
        build(*arguments)
    else:
        run(*arguments)
