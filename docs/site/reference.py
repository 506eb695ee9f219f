"""The reference: a page for each package, with all its modules, from their docstrings."""

from collections import defaultdict
from pathlib import Path

from layout import PACKAGES, modules

_ABOUT = {
    "metabit": "The command `metabit`, the estimator, and what they are made of.",
    "metabit.golden": "The truth: the rule in NumPy, its data, encoders and runs.",
    "metabit.hdl": "The hardware in Amaranth.",
    "metabit.sim": "Simulation of devices, and benches for their blocks.",
    "metabit.boards": "Boards and their bitstreams.",
}
"""Of the pages that the first one lists."""


def packages() -> dict[str, list[str]]:
    """Return the modules of every package, the package itself first."""
    found: dict[str, list[str]] = defaultdict(list)
    for name, file in modules().items():
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        found[package].append(name)
    return {
        package: sorted(names, key=lambda name: (name != package, name))
        for package, names in sorted(found.items())
    }


def write(folder: Path) -> dict[Path, str]:
    """Return the pages of the reference, to be written into a folder."""
    found = packages()
    tops = [f"metabit.{name}" for name in PACKAGES if name != "metabit"] + ["metabit"]
    pages = {folder / f"{page_of(package)}.rst": _page(package, found) for package in found}
    pages[folder / "index.md"] = _index(tops, found)
    return pages


def page_of(package: str) -> str:
    """Return the name of the page of a package; not its own, by which its docstring is found."""
    return package.replace(".", "-")


def _inner(package: str, found: dict[str, list[str]]) -> list[str]:
    """Return the packages of a package that stand below it in the list of pages."""
    top = {f"metabit.{name}" for name in PACKAGES}
    return [other for other in found if other.rpartition(".")[0] == package and other not in top]


def _heading(text: str, line: str) -> list[str]:
    return [text, line * len(text), ""]


def _page(package: str, found: dict[str, list[str]]) -> str:
    """Return the page of a package."""
    lines = _heading(package, "=")
    for name in found[package]:
        if name != package:
            lines += _heading(name.rpartition(".")[2], "-")
        lines += [f".. automodule:: {name}", ""]
    if inner := _inner(package, found):
        lines += [".. toctree::", "   :caption: Packages in it", "   :maxdepth: 1", ""]
        lines += [f"   {name} <{page_of(name)}>" for name in inner]
    return "\n".join(lines) + "\n"


def _index(tops: list[str], found: dict[str, list[str]]) -> str:
    """Return the first page: what there is, and the list of all modules."""
    lines = [
        "# Reference",
        "",
        "Every module, from its docstrings. The folders `golden`, `hdl`, `sim` and `boards` are",
        "the packages `metabit.golden`, `metabit.hdl`, `metabit.sim` and `metabit.boards`.",
        "",
        "```{toctree}",
        ":hidden:",
        ":maxdepth: 2",
        "",
        *(f"{top} <{page_of(top)}>" for top in tops),
        "```",
        "",
    ]
    for top in tops:
        lines += [f"## [{top}](#{top})", "", _ABOUT[top], ""]
        for package, names in found.items():
            if _top_of(package) != top:
                continue
            inside = [name for name in names if name != package]
            links = ", ".join(f"[{name.rpartition('.')[2]}](#{name})" for name in inside)
            lines.append(f"- [`{package}`](#{package})" + (f": {links}" if links else ""))
        lines.append("")
    return "\n".join(lines)


def _top_of(package: str) -> str:
    parts = package.split(".")
    return ".".join(parts[:2]) if len(parts) > 1 and parts[1] in PACKAGES else "metabit"
