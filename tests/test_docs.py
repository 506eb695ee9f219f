"""What the documents say exists."""

import importlib.util
import re
import shlex
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.main import get_command

from metabit.cli import app

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

_LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
_COMMAND = re.compile(r"(?:^|`)((?:\w+=\S+ )?(?:\.venv/bin/)?(?:metabit|make) [^`\n|]+)", re.M)


def commands(document):
    """Command lines in code blocks and spans."""
    return [shlex.split(line) for line in _COMMAND.findall(document.read_text())]


def test_all_documents_are_read():
    names = {str(document.relative_to(ROOT)) for document in DOCUMENTS}
    assert {"README.md", "CONTRIBUTING.md", "docs/using.md", "docs/machine/link.md"} <= names


def test_commands_are_found():
    lines = commands(ROOT / "README.md")
    assert ["make", "demo"] in lines
    assert ["metabit", "build", "icebreaker"] in lines


def test_the_citation_is_of_this_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {project['version']}\n" in citation
    assert f"\nlicense: {project['license']}\n" in citation


@pytest.mark.parametrize("form", ["wrong", "board", "wish"])
def test_forms_ask_for_what_helps(form):
    text = (ROOT / ".github" / "ISSUE_TEMPLATE" / f"{form}.yml").read_text()
    for command in ("doctor", "selftest"):
        assert command in get_command(app).commands
        assert f"metabit {command}" in text


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_links(document):
    for target in _LINK.findall(document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), target


def slugs(document):
    """Anchors of the headings of a document, as git hosts and the site make them."""
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.M | re.S)
    found = []
    for heading in re.findall(r"^#+ +(.+)$", text, re.M):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        slug = re.sub(r"[^\w\- ]", "", shown).replace(" ", "-")
        found.append(f"{slug}-{found.count(slug)}" if slug in found else slug)
    return found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_anchors(document):
    for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]*)\)", document.read_text()):
        linked = document.parent / target if target else document
        assert anchor in slugs(linked), f"{target}#{anchor}"


def test_the_first_page_lists_every_document():
    first = ROOT / "docs" / "index.md"
    listed = {(first.parent / target).resolve() for target in _LINK.findall(first.read_text())}
    assert {first, *DOCUMENTS} - {first} == {file for file in listed if file.suffix == ".md"}


@pytest.fixture
def site(monkeypatch):
    """The modules that make the site's pages."""
    monkeypatch.syspath_prepend(ROOT / "docs" / "site")
    names = ("layout", "reference", "figures", "assemble")
    for name in names:  # other tests have modules of these names
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield SimpleNamespace(**{name: importlib.import_module(name) for name in names})
    for name in names:
        sys.modules.pop(name, None)


def test_every_module_is_in_the_reference(site):
    pages = "".join(site.reference.write(Path("reference")).values())
    named = re.findall(r"^\.\. automodule:: (\S+)$", pages, re.M)
    files = [
        file.relative_to(ROOT)
        for folder in ("golden", "hdl", "sim", "boards", "metabit")
        for file in (ROOT / folder).rglob("*.py")
    ]
    # Through the links in metabit, the other folders are found there as well.
    parts = {".".join(["metabit", *file.with_suffix("").parts]) for file in files}
    expected = {name.replace("metabit.metabit", "metabit", 1) for name in parts}
    assert sorted(named) == sorted({name.removesuffix(".__init__") for name in expected})
    for name in named:
        assert importlib.util.find_spec(name), name


def test_links_lead_to_the_same_place_on_the_site(site):
    pages = site.layout.sources()
    file = ROOT / "docs" / "machine" / "play.md"
    text = "[a](../algorithm.md#one-tile) [b](../../README.md) [c](../../hdl/core.py) [d](#e)"
    shown = site.assemble.on_site(text, file, pages)
    assert shown == "[a](../algorithm.md#one-tile) [b](../start.md) [c](#metabit.hdl.core) [d](#e)"
    with pytest.raises(SystemExit, match=r"play\.md links to \.\./\.\./Makefile, no part"):
        site.assemble.on_site("[Makefile](../../Makefile)", file, pages)


def test_figures_stand_with_their_commands(site):
    text = (ROOT / "docs" / "index.md").read_text()
    stating = site.assemble.stating_figures(text, site.layout.sources())
    page = site.figures.page(stating)
    assert "## [Metabit](start.md)" in page
    assert "metabit simulate --config multi --samples 50000" in page.splitlines()
    assert "metabit bench hardware" in page.splitlines()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_files_exist(document):
    named = re.findall(
        r"`((?:golden|hdl|sim|boards|metabit|tests|docs)/[a-z0-9_/.-]+)`", document.read_text()
    )
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_commands_exist(document):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    known = get_command(app).commands
    for words in commands(document):
        words = [word for word in words if not re.match(r"\w+=", word)]
        tool, *arguments = words
        if tool == "make":
            assert set(arguments) <= targets, words
            continue
        if arguments[0].startswith("-"):
            continue
        command = known.get(arguments[0])
        # Documents may say "metabit BOARD" or such in prose, never a command that is not there.
        assert command is not None, words
        # A group: the command is the word after it.
        if hasattr(command, "commands") and len(arguments) > 1:
            command = command.commands.get(arguments[1])
            assert command is not None, words
        options = {option for parameter in command.params for option in parameter.opts}
        used = {word for word in arguments if word.startswith("--")}
        assert used <= options | {"--help"}, words
