"""All that helps to find a fault from afar, in one file."""

import json
import platform
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

from ..diagnosis import diagnose

_PACKAGES = ("amaranth", "numpy", "pyserial", "cobs")


def versions() -> dict[str, str]:
    """Return the versions of what speaks to a device, and of the system."""
    found = {name: _version(name) for name in ("metabit", *_PACKAGES)}
    return found | {"python": platform.python_version(), "system": platform.platform()}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def write_archive(path: Path, results: dict[str, Any], log: str) -> None:
    """Write results, log, versions and what ``metabit doctor`` finds to a ZIP file.

    Parameters
    ----------
    path : Path
    results : dict
        As ``--json`` writes them.
    log : str
        Of all frames.
    """
    doctor = [check.to_dict() for check in diagnose()]
    files = {
        "results.json": _json(results),
        "versions.json": _json(versions()),
        "doctor.json": _json(doctor),
        "log.txt": log,
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2) + "\n"
