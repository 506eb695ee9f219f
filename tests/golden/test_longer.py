"""Runs that are made longer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from metabit.cli import app
from metabit.golden.checkpoints.hardware import load_checkpoint
from metabit.golden.config import Config
from metabit.golden.modes.registry import load_any_checkpoint
from metabit.golden.runs.longer import explain, other_epochs

CONFIG = Config(inputs=8, hidden=(4,), group=2)
PLAIN = CONFIG.model_copy(update={"annealing": ()})


def metabit(*arguments, status=0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    return " ".join(result.output.split())


@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=3, unique=True).map(sorted),
    more=st.integers(1, 30),
    data=st.data(),
)
def test_epochs_are_other_ones_where_their_annealing_is_another(lengths, more, data):
    begun, plans, used = 0, [], {}
    for planned in lengths:
        first, begun = begun + 1, data.draw(st.integers(begun, planned))
        used |= dict.fromkeys(range(first, begun + 1), planned)
        plans.append((planned, begun))
    epochs = lengths[-1] + more
    expected = [
        epoch
        for epoch, planned in used.items()
        if CONFIG.annealing_exponent(epoch, planned) != CONFIG.annealing_exponent(epoch, epochs)
    ]
    assert other_epochs(CONFIG, tuple(plans), epochs) == expected
    assert other_epochs(PLAIN, tuple(plans), epochs) == []


def test_it_is_said_by_which_schedule_it_goes_on():
    assert explain(CONFIG, ((10, 10),), 20, 11) == (
        "20 epochs in place of 10; goes on in epoch 11 by the schedule of 20. Not the same as 20 "
        "epochs from the start: epochs 7 to 10 were annealed for 10"
    )
    assert explain(CONFIG, ((10, 7),), 20, 7).endswith("epoch 7 was annealed for 10")
    assert explain(PLAIN, ((10, 10),), 20, 11).endswith(
        "the same, bit for bit, as 20 epochs from the start"
    )


@pytest.mark.parametrize(
    ("options", "same"),
    [
        (("--annealing", "off"), True),
        ((), False),
        (("--mode", "paper"), True),
        (("--mode", "baldassi"), True),
    ],
)
def test_a_longer_run_is_the_undisturbed_one_where_it_says_so(tmp_path, own_npz, options, same):
    network = ("--dataset", own_npz, "--encoder", "none", "--hidden", 12, "--group", 4, *options)
    whole, part = tmp_path / "whole.npz", tmp_path / "part.npz"
    metabit("train", *network, "--epochs", 7, "--out", whole)
    metabit("train", *network, "--epochs", 2, "--out", part)
    metabit("train", "--resume", part, "--epochs", 5)
    printed = metabit("train", "--resume", part, "--epochs", 7)
    assert ("the same, bit for bit, as 7 epochs from the start" in printed) == same
    assert ("Not the same as 7 epochs from the start: epochs 2, 4, 5 were" in printed) != same
    longer, undisturbed = (load_any_checkpoint(path).record for path in (part, whole))
    assert (longer.state_sha256 == undisturbed.state_sha256) == same
    assert (longer.history == undisturbed.history) == same
    assert longer.plans == ((2, 2), (5, 5))
    assert longer.config == undisturbed.config
    assert longer.epochs == len(longer.history) == 7


def test_an_epoch_begun_counts(tmp_path, own_npz, short_spans):
    """In the middle of an epoch that is annealed otherwise in a longer run."""
    from metabit.golden.configurations.named import named, override
    from metabit.golden.data.datasets import load_dataset
    from metabit.golden.data.training_data import adapt, prepare
    from metabit.golden.runs.run import Run

    dataset = load_dataset(str(own_npz))
    config = override(adapt(named("tiny"), dataset), hidden=(12,), group=4)
    run = Run.start(config, prepare(config, dataset=dataset), 2)
    for _ in run.spans():
        if run.schedule.epoch == 2 and run.schedule.sample:
            break
    run.checkpoint().save(tmp_path / "part.npz")
    printed = metabit("train", "--resume", tmp_path / "part.npz", "--epochs", 9)
    assert "goes on in epoch 2 by the schedule of 9. Not the same" in printed
    assert "epoch 2 was annealed for 2" in printed


def test_runs_become_no_shorter(tmp_path, own_npz):
    path = tmp_path / "run.npz"
    metabit("train", "--dataset", own_npz, "--epochs", 3, "--out", path)
    before = path.read_bytes()
    printed = metabit("train", "--resume", path, "--epochs", 2, status=1)
    assert "a run of 3 epochs, which can become longer, not shorter" in printed
    printed = metabit("train", "--resume", path, "--epochs", 3, status=1)
    assert f"{path} has finished its 3 epochs; see metabit evaluate {path}, or" in printed
    assert path.read_bytes() == before
    assert load_checkpoint(path).record.plans == ()
