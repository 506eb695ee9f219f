"""Lay out the sources of the documentation site: ``python docs/site/assemble.py FOLDER``.

The documents of the repository are copied, with their links as they are on the site; pages of
commands, figures and modules are written. What has not changed keeps its time, so that Sphinx reads
only what is new.
"""

import argparse
import os
import re
import sys
from pathlib import Path

import figures
import notebooks
import reference
from layout import DOCS, NOTEBOOK, ROOT, module_at, sources

_LINK = re.compile(r"(!?\[(?:[^\[\]]|\[[^\]]*\])*\])\(([^)\s#]*)(#[^)\s]*)?\)")
_FENCE = re.compile(r"^(```.*?^```)", re.M | re.S)
_SECTION = re.compile(r"^## (.+)$", re.M)

_FIGURES = "Figures"
"""Section of docs/index.md whose documents state figures."""

_GENERATED = {
    _FIGURES: ["Figures and their commands <figures>"],
    "Commands": ["commands/index"],
    "Reference": ["reference/index"],
}
"""Pages that are written, by the section of docs/index.md that lists them."""


def on_site(text: str, file: Path, pages: dict[Path, str]) -> str:
    """Return a document with its links as they are on the site.

    Parameters
    ----------
    text : str
        A Markdown document.
    file : Path
        Where it is in the repository.
    pages : dict
        What its files are called on the site.

    Raises
    ------
    SystemExit
        If it links to a file that is no part of the site.
    """
    here = Path(pages[file]).parent

    def link(match: re.Match[str]) -> str:
        label, target, anchor = match[1], match[2], match[3] or ""
        if "://" in target or target.startswith("mailto:") or not target:
            return match[0]
        found = (file.parent / target).resolve()
        if found in pages:
            return f"{label}({os.path.relpath(pages[found], here)}{anchor})"
        if module := module_at(found.relative_to(ROOT).as_posix()):
            return f"{label}(#{module})"
        raise SystemExit(f"error: {file.relative_to(ROOT)} links to {target}, no part of the site")

    return "".join(
        part if part.startswith("```") else _LINK.sub(link, part) for part in _FENCE.split(text)
    )


def index(text: str, pages: dict[Path, str]) -> str:
    """Return docs/index.md with a list of pages, for the side of each page, behind each section."""
    title, *rest = _SECTION.split(text)
    parts = [title]
    listed: set[str] = set()
    for heading, body in zip(rest[::2], rest[1::2], strict=True):
        entries = []
        for label, target, _ in _LINK.findall(body):
            page = pages.get((DOCS / target).resolve(), "")
            # Where it stands first: a page has one place.
            if page.endswith(".md") and page not in listed:
                listed.add(page)
                entries.append(f"{label[1:-1]} <{page.removesuffix('.md')}>")
        entries += _GENERATED.get(heading, [])
        tree = ["```{toctree}", ":hidden:", f":caption: {heading}", "", *entries, "```", ""]
        parts += [f"## {heading}{body.rstrip()}\n\n", "\n".join(tree), "\n"]
    return "".join(parts)


def stating_figures(text: str, pages: dict[Path, str]) -> dict[str, Path]:
    """Return the documents that docs/index.md lists in its section of figures, by page."""
    _, *rest = _SECTION.split(text)
    body = dict(zip(rest[::2], rest[1::2], strict=True))[_FIGURES]
    found = [(DOCS / target).resolve() for _, target, _ in _LINK.findall(body)]
    return {pages[file]: file for file in found}


def assemble(folder: Path) -> None:
    """Write all sources of the site into a folder, and remove what is no part of it any more."""
    import commands

    pages = sources()
    executed = {file: folder / page for file, page in pages.items() if file.suffix == NOTEBOOK}
    written = notebooks.write(executed)
    # Pictures of notebooks are where their pages are.
    pages |= {
        DOCS / picture.relative_to(folder): picture.relative_to(folder).as_posix()
        for picture in written.keys() - set(executed.values())
    }
    for file, page in pages.items():
        if file in executed:
            text = written[folder / page].decode()
            written[folder / page] = on_site(text, file, pages).encode()
        if folder / page in written:
            continue
        content = file.read_bytes()
        if file.suffix == ".md":
            text = content.decode()
            if file == DOCS / "index.md":
                text = index(text, pages)
            content = on_site(text, file, pages).encode()
        written[folder / page] = content
    overview = (DOCS / "index.md").read_text()
    made = {folder / "figures.md": figures.page(stating_figures(overview, pages))}
    made |= reference.write(folder / "reference")
    made |= commands.write(folder / "commands")
    written |= {file: text.encode() for file, text in made.items()}
    for file, content in written.items():
        if not file.exists() or file.read_bytes() != content:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    for file in folder.rglob("*"):
        if file.is_file() and file not in written:
            file.unlink()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    sys.path.insert(0, str(ROOT))
    assemble(parser.parse_args().folder)
