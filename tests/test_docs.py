"""What the documents say exists."""

import re
import shlex
import tomllib
from pathlib import Path

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
