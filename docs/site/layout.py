"""Where things of the repository are on the site."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"

PACKAGES = ("golden", "hdl", "sim", "boards", "metabit")
"""Top folders with Python modules, in the order in which they build on each other."""

PAGES = {
    ROOT / "README.md": "start.md",
    ROOT / "CONTRIBUTING.md": "contributing.md",
    ROOT / "CHANGELOG.md": "changelog.md",
    ROOT / "LICENSE": "LICENSE",
    ROOT / "CITATION.cff": "CITATION.cff",
}
"""Files at the top of the repository that are part of the site, and what they are called there."""

NOTEBOOK = ".py"
"""What names of notebooks among the documents end with."""

_NO_SOURCES = {"site", "__pycache__", "__marimo__"}
"""Folders of docs that hold no pages."""


def sources() -> dict[Path, str]:
    """Return all files that become part of the site, and what they are called there."""
    inside = {
        file: _page(file.relative_to(DOCS)).as_posix()
        for file in sorted(DOCS.rglob("*"))
        if file.is_file() and not _NO_SOURCES & set(file.relative_to(DOCS).parts)
    }
    return PAGES | inside


def _page(file: Path) -> Path:
    """Return what a file of the documents is called on the site: notebooks become pages."""
    return file.with_suffix(".md") if file.suffix == NOTEBOOK else file


def modules() -> dict[str, Path]:
    """Return the file of every module, by the name under which it is imported."""
    found = {}
    for folder in PACKAGES:
        top = ROOT / folder
        for file in sorted(top.rglob("*.py")):
            # golden, hdl, sim and boards are linked into metabit.
            inner = file.relative_to(top)
            if folder == "metabit" and inner.parts[0] in PACKAGES:
                continue
            names = [*inner.parts[:-1], *([] if inner.stem == "__init__" else [inner.stem])]
            found[".".join(["metabit", *([folder] if folder != "metabit" else []), *names])] = file
    return found


def module_at(path: str) -> str | None:
    """Return the module that a path in the repository, such as ``hdl/core.py``, is the file of."""
    match = re.fullmatch(r"([\w/]+?)(/__init__)?\.py|([\w/]+)", path)
    if match is None:
        return None
    parts = (match[1] or match[3]).strip("/").split("/")
    if parts[0] not in PACKAGES:
        return None
    name = ".".join(parts if parts[0] == "metabit" else ["metabit", *parts])
    return name if name in modules() else None
