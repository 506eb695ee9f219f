"""The code of docs/examples, typed in as it stands there: what it prints is what the page shows."""

import doctest
import re
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from metabit.cli import app
from metabit.golden.data import datasets
from metabit.golden.data.mnist import find_local

FOLDER = Path(__file__).parent.parent / "docs" / "examples"
PAGES = sorted(FOLDER.glob("[0-9]-*.md"))

_BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```", re.M | re.S)

SLOW = {"7-continual", "8-personal", "9-lockstep"}
NEEDS = {"4-elsewhere": "onnx", "6-board": "amaranth_boards"}


def type_in(page: Path, text: str, *, compare: bool = True) -> list[str]:
    """Run the blocks of a page, one after the other, and return what was run.

    Parameters
    ----------
    page : Path
        For messages.
    text : str
        What stands on it.
    compare : bool
        Whether Python must print what the page shows; otherwise it must only run.
    """
    names: dict[str, object] = {}
    runner = doctest.DocTestRunner(verbose=False)
    done = []
    for kind, code in _BLOCK.findall(text):
        if kind == "sh":
            for line in code.splitlines():
                tool, *arguments = shlex.split(line)
                assert tool == "metabit"
                result = CliRunner().invoke(app, arguments)
                assert result.exit_code == 0, f"{line}\n{result.output}"
                done.append(line)
            continue
        test = doctest.DocTestParser().get_doctest(code, names, page.stem, str(page), None)
        assert test.examples, "a block of Python is a session at the prompt"
        if compare:
            failed = runner.run(test, clear_globs=False).failed
            assert failed == 0
        else:
            for example in test.examples:
                exec(compile(example.source, str(page), "exec"), test.globs)
        names = test.globs
        done += [example.source for example in test.examples]
    return done


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)


def test_the_ladder_has_all_its_rungs():
    listed = re.findall(r"^\d\. \[.*?\]\((.*?)\)", (FOLDER / "README.md").read_text(), re.M)
    assert listed == [page.name for page in PAGES]
    assert len(listed) == 9


RUNGS = [
    pytest.param(page, id=page.stem, marks=[pytest.mark.slow] if page.stem in SLOW else [])
    for page in PAGES
    if page.stem != "2-fashion"
]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("page", RUNGS)
def test_page(page):
    if page.stem in NEEDS:
        pytest.importorskip(NEEDS[page.stem])
    assert type_in(page, page.read_text())


def stand_in(name):
    """As many images as there are in Fashion-MNIST, of noise."""
    draws = np.random.default_rng(0)
    images = draws.integers(0, 256, (60_000, 28, 28), np.uint8)
    digits = datasets.load_dataset("digits")
    return replace(digits, name=name, images=images, labels=draws.integers(0, 10, 60_000))


@pytest.mark.slow
@pytest.mark.usefixtures("here")
def test_fashion(monkeypatch):
    page = FOLDER / "2-fashion.md"
    there = find_local("fashion-mnist") is not None
    if not there:
        # Nothing is downloaded for a test: without the data, the page must run on others.
        data = stand_in("fashion-mnist")
        monkeypatch.setattr(datasets, "load_dataset", lambda name: data)
    assert len(type_in(page, page.read_text(), compare=there)) > 5


@pytest.mark.usefixtures("here")
def test_a_page_that_is_wrong_is_noticed(capsys):
    page = PAGES[0]
    text = page.read_text()
    with pytest.raises(AssertionError):
        type_in(page, text.replace("94.4%", "94.5%"))
    assert "Expected:\n    94.5%\nGot:\n    94.4%" in capsys.readouterr().out
    with pytest.raises(AssertionError, match=r"metabit plan digits\.npz --device nowhere"):
        type_in(page, text.replace("small-spram", "nowhere"))
