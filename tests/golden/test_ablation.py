"""Variants of the rule for the ablation table: each differs where its name says, and only there."""

from itertools import pairwise

import numpy as np
import pytest

from metabit.golden.config import Config
from metabit.golden.configurations.named import override
from metabit.golden.data.training_data import prepare
from metabit.golden.paper.config import paper_config
from metabit.golden.paper.network import PaperNetwork
from metabit.golden.paper.run import PaperRun
from metabit.golden.studies.ablation import TABLES, Variant, summarise, variants
from metabit.golden.studies.deviations import DEVIATIONS, DeviatingNetwork

CONFIG = Config(
    inputs=40, hidden=(12, 8), classes=4, group=4, counter_bits=5, seed=3, rival_selection=False
)


@pytest.fixture
def samples():
    return np.random.default_rng(1).random((200, 40)) < 0.5


@pytest.fixture
def labels():
    return np.random.default_rng(2).integers(0, 4, 200)


def train(network, samples, labels):
    for start in range(0, len(samples), 50):
        part = slice(start, start + 50)
        network.train_batch(samples[part], labels[part], 0.5)


def test_without_deviations_it_is_the_paper_s_network(samples, labels):
    ours, theirs = DeviatingNetwork(CONFIG, 0), PaperNetwork(paper_config(CONFIG))
    for network in ours, theirs:
        train(network, samples, labels)
    for mine, other in zip(ours.hidden, theirs.hidden, strict=True):
        np.testing.assert_array_equal(mine, other)
    assert ours.generator.state == theirs.generator.state


def test_every_deviation_changes_the_outcome(samples, labels):
    outcomes = []
    for count in range(len(DEVIATIONS) + 1):
        network = DeviatingNetwork(CONFIG, count)
        train(network, samples, labels)
        outcomes.append(np.concatenate([hidden.ravel() for hidden in network.hidden]))
    for before, after in pairwise(outcomes):
        assert not np.array_equal(before, after)


def test_two_valued_weights_are_odd_and_a_tie_is_positive(samples, labels):
    network = DeviatingNetwork(CONFIG, DEVIATIONS.index("two-valued") + 1)
    train(network, samples, labels)
    assert all((hidden % 2 == 1).all() for hidden in network.hidden)
    forward = network.forward(samples)
    z = forward.preactivations[0] - np.float32(0.25)
    assert (z == 0).any()
    np.testing.assert_array_equal(forward.inputs[1], np.where(z >= 0, 1, -1))


def test_counters_stay_in_their_range_and_reach_it(samples, labels):
    network = DeviatingNetwork(CONFIG, DEVIATIONS.index("counters") + 1)
    assert max(np.abs(hidden).max() for hidden in network.hidden) <= 2**5 // 4
    for _ in range(50):
        train(network, samples, labels)
    assert max(np.abs(hidden).max() for hidden in network.hidden) == 2**5 - 1


@pytest.mark.parametrize("name", ["winner-rows", "word-draws"])
def test_reinforcement_stays_in_the_winners_rows(samples, labels, name):
    network = DeviatingNetwork(CONFIG, DEVIATIONS.index(name) + 1)
    before = network.hidden[0].copy()
    network.train_batch(samples[:1], labels[:1], 0.0)
    changed = (network.hidden[0] != before).any(axis=1)
    # One sample, three groups of four neurons: a winner each at the most.
    assert 1 <= changed.sum() <= 3


def test_word_draws_reinforce_words(samples, labels):
    network = DeviatingNetwork(CONFIG, len(DEVIATIONS))
    seen = 0
    for sample in range(100):
        before = network.hidden[0].copy()
        inputs = 2 * samples[sample].astype(int) - 1
        network.train_batch(samples[sample : sample + 1], labels[sample : sample + 1], 0.0)
        for old, new in zip(before, network.hidden[0], strict=True):
            if np.array_equal(old, new):
                continue
            # What the sample has moved, either way, leaves whole words as the rest.
            rests = [new - np.clip(old + 2 * way * inputs, -31, 31) for way in (1, -1)]
            rest = min(rests, key=np.count_nonzero)
            free = np.abs(new) < 31
            for word in range(0, 40, 16):
                part = rest[word : word + 16][free[word : word + 16]]
                assert not part.any() or part.all()
                seen += bool(part.any())
    assert seen


def test_tables_have_distinct_rows_and_valid_configurations():
    for table in TABLES:
        rows = variants(table, "fashion-mnist")
        assert len({row.name for row in rows}) == len(rows) > 5
    for row in variants("steps", "prototypes"):
        assert row.config.inputs == 1000


def test_differences_are_taken_seed_by_seed():
    first, second = Variant("changes", "a", CONFIG), Variant("changes", "b", CONFIG)
    values = {(first, 0): 0.5, (first, 1): 0.6, (second, 0): 0.51, (second, 1): 0.61}
    summaries = summarise([first, second], values)
    assert summaries[1].mean == pytest.approx(56)
    assert summaries[1].difference == pytest.approx(1)
    assert summaries[1].error == pytest.approx(0)
    assert summaries[0].std == pytest.approx(7.0710678)


def test_widths_compare_with_the_paper_s_rule_on_the_same_network():
    rows = variants("widths", "prototypes")
    assert [row.config.hidden[0] for row in rows if row.first] == [35, 75, 135, 255, 525]
    assert rows[4].config.group == 75
    summaries = summarise(rows, {(row, 0): number / 100 for number, row in enumerate(rows)})
    assert [round(summary.difference) for summary in summaries] == [0, 1, 2, 3] * 5


def test_without_deviations_the_paper_s_rule_trains():
    config = override(CONFIG, dataset="digits", encoder="thermometer:8", inputs=64, classes=10)
    variant = Variant("widths", "a", config, 0)
    assert variant.variation is None
    plan = variant.plan(1, 2, "paper")
    found = plan.start(plan.prepare())
    found.finish()
    config = paper_config(override(config, seed=1), epochs=2)
    run = PaperRun.start(config, prepare(config, split_name="paper"))
    run.finish()
    assert (found.test_accuracy, found.state_sha256) == (run.test_accuracy, run.state_sha256)


def test_deviations_that_do_not_exist_are_refused():
    with pytest.raises(ValueError, match="deviations must be 0 to 4, not 5"):
        DeviatingNetwork(CONFIG, 5)
