"""Links that the documents have by what they name: files of the repository, modules and commands.

A document stays what a git host shows: ``hdl/core.py`` in it is a name. On the site it leads to the
page of the module, and ``metabit plan`` to the page of the command.
"""

import inspect
import re
from pathlib import PurePosixPath
from typing import Any

from commands import commands
from docutils import nodes
from layout import ROOT, module_at, sources
from sphinx import addnodes
from sphinx.application import Sphinx

_COMMAND = re.compile(r"metabit( [a-z]+)+")
_ROOMS = {"machine": "hdl"}
"""Folders of documents that name files of folders of code by their last part."""


_NOT_GIVEN = {"self", "src_loc_at"}
"""Parameters of components that nobody gives."""


class _Links:
    """What may be named, and where it leads."""

    def __init__(self) -> None:
        self._commands = {command.typed: f"commands/{command.page}" for command in commands()}
        self._documents = {
            file.relative_to(ROOT).as_posix(): page.removesuffix(".md")
            for file, page in sources().items()
            if file.suffix == ".md"
        }

    def document(self, text: str, here: str) -> str | None:
        """Return the page of a document or a command that a text names, if it is another one."""
        found = self._documents.get(text)
        words = text.split(" ")
        if _COMMAND.match(text):
            for end in range(len(words), 1, -1):
                found = found or self._commands.get(" ".join(words[:end]))
        return found if found != here else None

    def module(self, text: str, here: str) -> str | None:
        """Return the module that a text names."""
        found = module_at(text) if "/" in text and text.endswith((".py", "/")) else None
        if found is None and "/" not in text and text.endswith(".py"):
            room = PurePosixPath(here)
            if room.parent.name in _ROOMS:
                found = module_at(f"{_ROOMS[room.parent.name]}/{room.name}/{text}")
        return found

    def add(self, app: Sphinx, doctree: nodes.document) -> None:
        """Make links of what a document names."""
        here = app.env.docname
        for literal in list(doctree.findall(nodes.literal)):
            if isinstance(literal.parent, nodes.reference | addnodes.pending_xref | nodes.title):
                continue
            text = literal.astext()
            link: dict[str, Any]
            if module := self.module(text, here):
                link = {"refdomain": "py", "reftype": "mod", "reftarget": module}
            elif page := self.document(text, here):
                link = {"refdomain": "std", "reftype": "doc", "reftarget": f"/{page}"}
            else:
                continue
            reference = addnodes.pending_xref(
                "", refdoc=here, refexplicit=True, refwarn=True, **link
            )
            literal.replace_self(reference)
            reference += literal


def _plainly(
    app: Sphinx, what: str, name: str, it: Any, options: Any, signature: str | None, returns: Any
) -> tuple[str | None, Any] | None:
    """Leave out the options of a command, which its own page explains; show those of components."""
    if signature and "Annotated[" in signature:
        return "(...)", None
    if what == "class" and signature and "src_loc_at" in signature:
        # Amaranth's classes take anything, and hand it on.
        own = inspect.signature(it.__init__)
        given = [each for name, each in own.parameters.items() if name not in _NOT_GIVEN]
        return str(own.replace(parameters=given, return_annotation=own.empty)), None
    return None


def _foreign(app: Sphinx, what: str, name: str, it: Any, skip: bool, options: Any) -> bool | None:
    """Leave out what scikit-learn adds to an estimator, as its own documents say what it is."""
    return True if name.startswith("set_") and name.endswith("_request") else None


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("doctree-read", _Links().add)
    app.connect("autodoc-process-signature", _plainly)
    app.connect("autodoc-skip-member", _foreign)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
