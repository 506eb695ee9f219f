"""Pages of the class: its notebooks, executed, with their code and what it shows.

A notebook of marimo is a module whose cells are functions. Their texts become Markdown, figures
become pictures beside the page, solutions are folded.
"""

import ast
import importlib.util
import multiprocessing
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from html import escape
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from layout import ROOT

_SOLUTION = "solution"
"""What names of cells begin with that hold the solution of an exercise."""

_SETUP = "setup"
"""Name of the cell that imports."""

_AT_ONCE = 2
"""Notebooks that are executed at the same time."""


@dataclass(frozen=True)
class Cell:
    """A cell of a notebook.

    Attributes
    ----------
    name : str
        Of its function; ``_`` if it has none.
    code : str
        What it does.
    hidden : bool
        Whether its code is not shown.
    output : Any
        What it has shown when it was executed.
    """

    name: str
    code: str
    hidden: bool
    output: Any


@dataclass(frozen=True)
class Folded:
    """In place of marimo's accordion, which needs its scripts: what is shown on request.

    Attributes
    ----------
    parts : dict of str to Any
    """

    parts: dict[str, Any]


def write(notebooks: dict[Path, Path]) -> dict[Path, bytes]:
    """Execute notebooks, and return their pages and pictures.

    Parameters
    ----------
    notebooks : dict of Path to Path
        Files, and where their pages are to be.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(_AT_ONCE, context) as pool:
        made = pool.map(page, notebooks, notebooks.values())
        return {file: content for files in made for file, content in files.items()}


def page(file: Path, place: Path) -> dict[Path, bytes]:
    """Return the page of a notebook, and the pictures on it.

    Parameters
    ----------
    file : Path
        Notebook.
    place : Path
        Where the page is to be.

    Raises
    ------
    Exception
        What a cell raises.
    """
    pictures: dict[Path, bytes] = {}
    parts = []
    executed = cells(file)
    if executed[0].name == _SETUP:
        # Behind the title.
        executed[:2] = executed[1::-1]
    for number, cell in enumerate(executed):
        shown = _shown(cell.output, place.with_name(f"{place.stem}-{number}.svg"), pictures)
        code = f"```python\n{cell.code}\n```"
        if cell.name.startswith(_SOLUTION):
            parts.append(_folded("Solution", f"{shown}\n\n{code}"))
        elif cell.hidden:
            parts.append(shown)
        else:
            parts.append(f"{code}\n\n{shown}")
        if number == 0:
            parts.append(_about(file))
    text = "\n\n".join(part.strip() for part in parts if part.strip())
    return {place: f"{text}\n".encode(), **pictures}


def cells(file: Path) -> list[Cell]:
    """Execute a notebook, and return its cells in their order."""
    source = file.read_text()
    module = _load(file)
    with (
        TemporaryDirectory(prefix="metabit-") as folder,
        patch("tempfile.tempdir", folder),
        patch("marimo.accordion", Folded),
    ):
        outputs, _ = module.app.run()
    found = list(_parse(source))
    if found and found[0][0] == _SETUP:
        # Marimo does not count it.
        outputs = (None, *outputs)
    if len(found) != len(outputs):
        raise SystemExit(f"error: {file} has {len(found)} cells, and {len(outputs)} have been run")
    return [Cell(*cell, output) for cell, output in zip(found, outputs, strict=True)]


def _load(file: Path) -> Any:
    name = f"notebook_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise SystemExit(f"error: {file} is no module")
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look for the module that they are in.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _parse(source: str) -> Iterator[tuple[str, str, bool]]:
    """Yield name, code and whether it is hidden, of each cell."""
    lines = source.splitlines()
    for node in ast.parse(source).body:
        if isinstance(node, ast.With) and ast.unparse(node.items[0].context_expr) == "app.setup":
            yield _SETUP, _code(lines, node.lineno, node.end_lineno), False
        elif isinstance(node, ast.FunctionDef | ast.ClassDef) and node.decorator_list:
            decorator = ast.unparse(node.decorator_list[0])
            if not decorator.startswith("app."):
                continue
            hidden = "hide_code=True" in decorator
            if not decorator.startswith("app.cell"):
                start = node.decorator_list[0].lineno
                yield node.name, _code(lines, start, node.end_lineno), hidden
                continue
            assert isinstance(node, ast.FunctionDef)
            yield node.name, _body(lines, node), hidden


def _body(lines: list[str], node: ast.FunctionDef) -> str:
    """Return the code of a cell, without what it gives to others."""
    body = [each for each in node.body if not isinstance(each, ast.Return)]
    start = node.lineno
    while not lines[start - 1].rstrip().endswith("):"):
        start += 1
    return _code(lines, start, body[-1].end_lineno) if body else ""


def _code(lines: list[str], above: int, end: int | None) -> str:
    """Return lines, from the one below ``above``, counted from 1, to ``end``."""
    return textwrap.dedent("\n".join(lines[above:end])).strip("\n")


def _about(file: Path) -> str:
    """Return what the page is, for readers of the site."""
    name = file.relative_to(ROOT).as_posix()
    return (
        f"*This is the notebook `{name}` as it has run. `make class` opens it in a browser, with "
        "its controls.*"
    )


def _shown(output: Any, place: Path, pictures: dict[Path, bytes]) -> str:
    """Return what is to be seen of an output."""
    if output is None:
        return ""
    if hasattr(output, "savefig"):
        from matplotlib import rc_context

        # No date and no random names: equal figures make equal files.
        with rc_context({"svg.hashsalt": "metabit"}), BytesIO() as out:
            output.savefig(out, format="svg", metadata={"Date": None})
            pictures[place] = out.getvalue()
        title = getattr(output, "_suptitle", None)
        return f"![{title.get_text() if title else ''}]({place.name})"
    if hasattr(output, "elements"):
        settings = ", ".join(f"{name} {value}" for name, value in output.value.items())
        return f"> *Controls, in the notebook: {settings}.*"
    if isinstance(output, Folded):
        return "\n\n".join(_shown(part, place, pictures) for part in output.parts.values())
    if hasattr(output, "_repr_markdown_"):
        return str(output._repr_markdown_())
    return f"```text\n{output}\n```"


def _folded(label: str, text: str) -> str:
    """Return a text that is shown on request."""
    return f"<details><summary>{escape(label)}</summary>\n\n{text}\n\n</details>"
