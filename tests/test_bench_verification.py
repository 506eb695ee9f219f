"""`metabit bench verification`: each kind of results is known by what is in it, and summed up."""

import json

import pytest
from typer.testing import CliRunner

from metabit.cli import app
from metabit.verification.sections import SECTIONS

MUTANT = {"killed_by": None, "changes_nothing": False}

RESULTS = {
    "proofs": {
        "engine": "a solver",
        "proofs": [
            {
                "block": "head",
                "method": "induction",
                "holds": True,
                "seconds": 1.5,
                "twins": [["a slip", True], ["another", False]],
            },
        ],
    },
    "benches": {"seed": 3, "benches": {"head": {"tests": 2, "bins": 5, "covered": 4, "hits": {}}}},
    "mutants": {
        "device": "small",
        "seed": 1,
        "mutants": [
            MUTANT,
            MUTANT | {"killed_by": "training"},
            MUTANT | {"killed_by": "link"},
            MUTANT | {"changes_nothing": True},
        ],
    },
    "campaign": {
        "seed": 1,
        "networks": 1000,
        "samples": 9,
        "link_bytes": 20,
        "simulated_cycles": 5,
        "failures": [],
        "interrupted": False,
    },
    "soft_errors": {
        "config": {"name": "tiny"},
        "epochs": 10,
        "rows": [
            {"rate": 0.001, "burst_after": 0, "test_accuracy": [0.9, 0.8]},
            {"rate": 0.0, "burst_after": 5, "test_accuracy": [0.5, 0.5]},
        ],
    },
}

SAID = {
    "proofs": "1 of 1 proofs of 1 blocks hold, and 1 of 2 slips",
    "benches": "4 of 5 bins, in 2 tests of 1 benches",
    "mutants": "2 of 4 mutants of `small` noticed, 1 proved to change nothing, 1 survive: 66.7%",
    "campaign": "1,000 random networks, 9 samples, 20 bytes",
    "soft_errors": "85.0 % (0.001)",
}


def metabit(*arguments, status=0):
    result = CliRunner().invoke(app, ["bench", "verification", *map(str, arguments)])
    assert result.exit_code == status, result.output
    return result.output


def write(folder, name):
    path = folder / f"{name}.json"
    path.write_text(json.dumps(RESULTS[name]))
    return path


def test_each_kind_is_known():
    assert [section.name for section in SECTIONS] == list(RESULTS)
    for name, results in RESULTS.items():
        for section in SECTIONS:
            if section.name == name:
                assert SAID[name] in section.say(section.summarise(results))
            else:
                with pytest.raises(LookupError):
                    section.summarise(results)


def test_all_in_one_file_and_on_a_page(tmp_path):
    page, together = tmp_path / "page.md", tmp_path / "verification.json"
    files = [write(tmp_path, name) for name in reversed(RESULTS)]
    printed = metabit(*files, "--out", page, "--json", together)
    assert "no results" not in printed
    found = json.loads(together.read_text())
    assert found["mutants"][0]["share"] == 0.6667
    assert found["versions"]
    rows = [line for line in page.read_text().splitlines() if line.startswith("| ")][1:]
    assert [row.split(" | ")[0][2:] for row in rows] == [section.title for section in SECTIONS]
    for row, said in zip(rows, SAID.values(), strict=True):
        assert said in row


def test_what_is_missing_is_said(tmp_path):
    printed = metabit(write(tmp_path, "proofs"), write(tmp_path, "benches"))
    assert "no results of mutants, campaign, soft errors" in printed


@pytest.mark.parametrize(
    "text", ["{}", "[]", '{"mutants": 3}', "null", '{"device": "small", "seed": 1, "mutants": []}']
)
def test_other_files_are_refused(tmp_path, text):
    file = tmp_path / "other.json"
    file.write_text(text)
    assert "holds the results of none of: metabit bench proofs" in metabit(file, status=1)


def test_files_that_cannot_be_read(tmp_path):
    assert "cannot read" in metabit(tmp_path / "none.json", status=1)
    (tmp_path / "torn.json").write_text("{")
    assert "is no JSON" in metabit(tmp_path / "torn.json", status=1)
