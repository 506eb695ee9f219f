"""The notebooks of docs/class: each runs to its end, and becomes a page with all its exercises."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

pytest.importorskip("marimo")

DOCS = Path(__file__).parent.parent / "docs"
FOLDER = DOCS / "class"
NOTEBOOKS = sorted(FOLDER.glob("*.py"))
EXERCISES = 3


@pytest.fixture
def notebooks(monkeypatch):
    """What makes pages of the site of notebooks."""
    monkeypatch.syspath_prepend(DOCS / "site")
    for name in ("layout", "notebooks"):  # other tests have modules of these names
        monkeypatch.delitem(sys.modules, name, raising=False)
    return import_module("notebooks")


def test_all_are_listed():
    listed = re.findall(r"^\d\. \[.*?\]\((.*?)\)", (FOLDER / "README.md").read_text(), re.M)
    assert sorted(listed) == [notebook.name for notebook in NOTEBOOKS]
    assert len(listed) == 4


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_a_notebook_runs_and_becomes_a_page(notebook, notebooks, tmp_path):
    made = notebooks.page(notebook, tmp_path / f"{notebook.stem}.md")
    page, *pictures = made
    text = made[page].decode()
    assert text.startswith("# "), "a page begins with its title"
    assert re.findall(r"^\*\*(\d)\. ", text, re.M) == [str(n + 1) for n in range(EXERCISES)]
    assert text.count("<details><summary>Solution</summary>") == EXERCISES
    assert "marimo-" not in text, "nothing is left that needs marimo's scripts"
    shown = re.findall(r"!\[.*?\]\((.*?)\)", text)
    assert sorted(shown) == sorted(picture.name for picture in pictures)
    assert all(made[picture].startswith(b"<?xml") for picture in pictures)


def test_they_are_what_marimo_would_write():
    line = [sys.executable, "-m", "marimo", "check", "--strict", *map(str, NOTEBOOKS)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


NOTEBOOK = '''import marimo

app = marimo.App()

with app.setup:
    import marimo as mo


@app.cell(hide_code=True)
def _():
    mo.md("""
    # Small
    """)
    return


@app.cell
def _():
    # A remark.
    number = 6 * 7
    number
    return (number,)


@app.cell(hide_code=True)
def solution_why(number):
    mo.accordion({"Solution": mo.md(f"Because it is {number}.")})
    return


@app.cell
def _():
    mo.ui.dictionary({"speed": mo.ui.slider(1, 9, value=3)})
    return
'''


def test_what_a_page_is_made_of(notebooks, tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "ROOT", tmp_path)
    file = tmp_path / "small.py"
    file.write_text(NOTEBOOK)
    ((place, content),) = notebooks.page(file, tmp_path / "small.md").items()
    assert place == tmp_path / "small.md"
    title, about, setup, code, number, solution, answer, *rest = content.decode().split("\n\n")
    assert title == "# Small"
    assert "`small.py` as it has run" in about
    assert setup == "```python\nimport marimo as mo\n```"
    assert code == "```python\n# A remark.\nnumber = 6 * 7\nnumber\n```"
    assert number == "```text\n42\n```"
    assert solution == "<details><summary>Solution</summary>"
    assert answer == "Because it is 42."
    assert "> *Controls, in the notebook: speed 3.*" in "\n".join(rest)


def test_a_cell_that_fails_fails_the_page(notebooks, tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "ROOT", tmp_path)
    file = tmp_path / "small.py"
    file.write_text(NOTEBOOK.replace("6 * 7", "6 / 0"))
    with pytest.raises(ZeroDivisionError):
        notebooks.page(file, tmp_path / "small.md")
