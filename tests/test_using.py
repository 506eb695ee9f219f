"""The examples of docs/using.md."""

import doctest
from pathlib import Path


def test_examples():
    found = doctest.testfile(
        str(Path(__file__).parent.parent / "docs" / "using.md"), module_relative=False
    )
    assert found.attempted == 8
    assert found.failed == 0
