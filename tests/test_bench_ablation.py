"""`metabit bench ablation`, on next to nothing."""

import json

import pytest
from typer.testing import CliRunner

from metabit.cli import app
from metabit.commands.bench import ablation
from metabit.golden import network
from metabit.golden.config import Config
from metabit.golden.configurations.named import make_config, override
from metabit.golden.studies.ablation import Variant
from metabit.golden.studies.variations import start
from metabit.sweep import work

CONFIG = Config(
    dataset="digits",
    encoder="thermometer:8",
    inputs=64,
    hidden=(12,),
    group=4,
    rival_selection=False,
    annealing=(),
)


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """Run the command on two rows a table, with a cache of the test's own."""
    rows = {
        "steps": (
            Variant("steps", "paper", CONFIG, 0),
            Variant("steps", "hardware", CONFIG),
            Variant("steps", "rival selection", override(CONFIG, rival_selection=True)),
        ),
        "changes": (
            Variant("changes", "as it is", CONFIG),
            Variant("changes", "start at 0", CONFIG, alternative="zero-start"),
        ),
    }
    monkeypatch.setattr(ablation, "variants", lambda table, dataset: rows[table])

    def run(*arguments, status=0):
        words = ["bench", "ablation", "--jobs", 1, "--cache", tmp_path / "cache", *arguments]
        result = CliRunner().invoke(app, [str(word) for word in words])
        assert result.exit_code == status, result.output
        return result.output

    return run


def test_tables_files_and_cache(bench, tmp_path, monkeypatch):
    json_file, markdown = tmp_path / "rows.json", tmp_path / "rows.md"
    options = ("--tables", "steps,changes", "--split", "paper", "--seeds", 2, "--epochs", 1)
    printed = bench(*options, "--json", json_file, "--markdown", markdown)
    assert "steps: fashion-mnist, split paper, 1 epochs, 2 seeds" in printed
    rows = json.loads(json_file.read_text())["rows"]
    names = ["paper", "hardware", "rival selection", "as it is", "start at 0"]
    assert [row["name"] for row in rows] == names
    for row in rows:
        rule = row["deviations"], row["alternative"]
        variant = Variant("", "", make_config(row["config"]), *rule)
        for seed, accuracy in enumerate(row["test_accuracy"]):
            plan = variant.plan(seed, 1, "paper")
            run = start(plan, plan.prepare(), variant.variation)
            run.finish()
            assert accuracy == pytest.approx(run.test_accuracy[-1])
    # Each step is compared with the one before, a change with the first row.
    means = [sum(row["test_accuracy"]) / 2 for row in rows]
    differences = [row["difference"] for row in rows]
    assert differences == pytest.approx(
        [0, means[1] - means[0], means[2] - means[1], 0, means[4] - means[3]]
    )
    lines = markdown.read_text().splitlines()
    assert lines[0] == "steps: fashion-mnist, split paper, 1 epochs, 2 seeds"
    assert lines[4].startswith("| paper | ")
    assert lines[4].endswith(" |  |")
    assert f"| {100 * differences[1]:+.2f} ± " in lines[5]

    # Everything is there now: nothing is trained.
    monkeypatch.setattr(work, "_train", lambda point: 1 / 0)
    again = bench(*options)
    assert "8 runs, 8 of them done already" in again
    assert again.split("steps:")[1] == printed.split("steps:")[1]

    # Unless a rule has changed since.
    monkeypatch.setattr(network, "RULE_VERSION", network.RULE_VERSION + 1)
    assert "8 of 8 runs failed" in bench(*options, status=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--tables", "step"),
            "unknown table 'step'; known: widths, steps, changes, encoders, views",
        ),
        (("--split", "all"), "--split must be one of paper, official, validation, not 'all'"),
        (("--dataset", "digits"), "--dataset must be fashion-mnist or prototypes, not 'digits'"),
        (
            ("--dataset", "prototypes", "--tables", "encoders"),
            "table encoders is about images, and prototypes has none",
        ),
        (("--markdown", "no/where"), "folder no does not exist"),
    ],
)
def test_errors(bench, options, message):
    assert message in bench(*options, status=1).replace("\n", " ")
