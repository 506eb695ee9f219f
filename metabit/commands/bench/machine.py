"""What a measurement was taken with."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from metabit.golden.checkpoints.file import versions

_PACKAGES = ("numba", "llvmlite", "scipy", "scikit-learn")
"""Packages whose version may matter, beside those of :func:`versions`."""


def machine() -> dict[str, Any]:
    """Return processor, cores, system, versions and limits of threads, for --json."""
    limits = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS")
    return {
        "cpu": _processor(),
        "cores": cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {**versions(), **_installed()},
        "threads": {name: os.environ[name] for name in limits if name in os.environ},
    }


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def describe_machine(found: dict[str, Any]) -> str:
    """Return :func:`machine` in a line."""
    packages = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    return f"{found['cpu']}, {found['cores']} cores, {found['system']}; {packages}"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    except OSError:
        # Not Linux.
        pass
    return platform.processor() or platform.machine()


def _installed() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
