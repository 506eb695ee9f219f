"""The recurrent layer against a scalar version of its rule, its tasks, and what it learns."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from metabit.cli import app
from metabit.golden.paper.draws import PaperDraws
from metabit.golden.sequences.config import SequenceConfig
from metabit.golden.sequences.network import SequenceNetwork
from metabit.golden.sequences.tasks import TASKS, recall, xor
from metabit.golden.sequences.training import train


def sign(value):
    return 1 if value >= 0 else -1


class Scalar:
    """One batch after the other, a number at a time."""

    def __init__(self, network):
        self.config = network.config
        self.hidden = [layer.astype(int).tolist() for layer in network.hidden]
        self.codes = [codes.astype(int).tolist() for codes in network._codes]
        self.generator = type(network.generator)(network.generator.state)

    def passes(self, sample):
        state, inputs, zs = [1] * self.config.state, [], []
        for bits in sample:
            inputs.append([1 if bit else -1 for bit in bits] + state)
            zs.append(self.products(0, inputs[-1]))
            state = [sign(z) for z in zs[-1]]
        readout = self.products(1, state)
        return inputs, zs, state, readout, self.scores(1, readout)

    def products(self, layer, x):
        return [sum(sign(h) * v for h, v in zip(row, x, strict=True)) for row in self.hidden[layer]]

    def scores(self, layer, z):
        return [
            sum(p * sign(v) for p, v in zip(code, z, strict=True)) for code in self.codes[layer]
        ]

    def triggers(self, scores, label, width):
        first, second = sorted(scores, reverse=True)[:2]
        best = scores.index(first)
        return best != label or first - second < int(self.config.margin * width)

    def handed_on(self, told, z, layer, columns):
        limit = self.config.gate * len(self.hidden[layer][0])
        desired = []
        for column in columns:
            total = sum(
                sign(row[column]) * wanted
                for row, v, wanted in zip(self.hidden[layer], z, told, strict=True)
                if abs(v) <= limit
            )
            desired.append(sign(total))
        return desired

    def told(self, passed, label):
        _, zs, _, readout, scores = passed
        if self.config.rule == "local":
            width = self.config.state
            return [
                (self.codes[0][label], self.triggers(self.scores(0, z), label, width)) for z in zs
            ]
        active = self.triggers(scores, label, self.config.readout)
        state = range(self.config.state)
        back = [self.handed_on(self.codes[1][label], readout, 1, state)]
        recurrent = range(self.config.inputs, self.config.inputs + self.config.state)
        for z in reversed(zs[1:]):
            back.append(self.handed_on(back[-1], z, 0, recurrent))
        return [(desired, active) for desired in reversed(back)]

    def train(self, samples, labels, accuracy):
        passed = [self.passes(sample) for sample in samples]
        told = [self.told(p, label) for p, label in zip(passed, labels, strict=True)]
        moves, active = [[], []], [False, False]
        for (inputs, zs, state, readout, scores), desired, label in zip(
            passed, told, labels, strict=True
        ):
            for x, z, (wanted, on) in zip(inputs, zs, desired, strict=True):
                active[0] |= on
                moves[0] += self.winners(0, z, wanted, x) if on else []
            on = self.triggers(scores, label, self.config.readout)
            active[1] |= on
            moves[1] += self.winners(1, readout, self.codes[1][label], state) if on else []
        for layer in (0, 1):
            rows = self.hidden[layer]
            for neuron, wanted, x in moves[layer]:
                for i, value in enumerate(x):
                    rows[neuron][i] += 2 * wanted * value
            self.settle(rows, active[layer], accuracy)
        return [p[-1].index(max(p[-1])) for p in passed]

    def winners(self, layer, z, wanted, x):
        size = self.config.groups[layer]
        for start in range(0, len(z), size):
            wrong = [k for k in range(start, min(start + size, len(z))) if sign(z[k]) != wanted[k]]
            if wrong:
                winner = min(wrong, key=lambda k: (abs(z[k]), k))
                yield winner, wanted[winner], x

    def settle(self, rows, active, accuracy):
        fan_in, limit = len(rows[0]), self.config.weight_clip
        if active:
            chance = self.config.reinforcement * math.sqrt(1 - accuracy)
            chance *= math.sqrt(2 / (math.pi * fan_in))
            for hit in PaperDraws(self.generator).reinforced(len(rows) * fan_in, chance).tolist():
                row, column = divmod(hit, fan_in)
                rows[row][column] += 2 * sign(rows[row][column])
        for row in rows:
            row[:] = [max(-limit, min(limit, value)) for value in row]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.data(), st.sampled_from(["local", "bep"]), st.integers(0, 2**32 - 1))
def test_it_is_the_scalar_rule(data, rule, seed):
    state, readout = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 7))
    groups = st.tuples(st.integers(1, state), st.integers(1, readout))
    config = SequenceConfig(
        inputs=data.draw(st.integers(1, 6)),
        state=state,
        readout=readout,
        classes=data.draw(st.integers(2, 5)),
        rule=rule,
        group=data.draw(st.none() | groups),
        margin=data.draw(st.sampled_from([0, 0.3, 1])),
        gate=data.draw(st.sampled_from([0, 0.1, 0.4, 1])),
        reinforcement=data.draw(st.sampled_from([0, 0.5, 1])),
        weight_clip=data.draw(st.sampled_from([3, 200])),
        seed=seed,
    )
    network, random = SequenceNetwork(config), np.random.default_rng(seed)
    scalar = Scalar(network)
    for _ in range(3):
        samples = random.random((5, data.draw(st.integers(1, 4)), config.inputs)) < 0.5
        labels = random.integers(0, config.classes, 5)
        found = network.train_batch(samples, labels, 0.4)
        assert found.tolist() == scalar.train(samples.tolist(), labels.tolist(), 0.4)
        assert [layer.astype(int).tolist() for layer in network.hidden] == scalar.hidden
        assert network.generator.state == scalar.generator.state


def test_a_cue_is_remembered_by_codes_and_an_xor_of_two_only_by_errors_sent_back():
    remembered, both = recall(0, 4), xor(0, 4)

    def accuracy(task, rule, epochs):
        config = SequenceConfig(inputs=64, state=128, classes=task.classes, rule=rule)
        return train(task, config, epochs).test_accuracy

    assert accuracy(remembered, "local", 2) > 0.99
    assert accuracy(both, "local", 4) < 0.6
    assert accuracy(both, "bep", 12) > 0.95


@pytest.mark.parametrize("name", [name for name in TASKS if name != "fashion rows"])
def test_tasks_are_what_they_say(name):
    make, lengths = TASKS[name]
    task, again, other = make(0, lengths[0]), make(0, lengths[0]), make(1, lengths[0])
    assert task.train.dtype == bool
    assert task.train.shape[1] == task.test.shape[1] == lengths[0]
    assert set(task.train_labels.tolist()) == set(range(task.classes))
    np.testing.assert_array_equal(task.train, again.train)
    assert not np.array_equal(task.train, other.train)


def test_xor_is_told_by_no_single_cue():
    task = xor(3, 5)
    for step in (0, -1):
        cues = task.train[:, step]
        for cue in np.unique(cues, axis=0):
            shown = (cues == cue).all(axis=1)
            assert abs(task.train_labels[shown].mean() - 0.5) < 0.04


def test_the_command_prints_a_table(tmp_path):
    out = tmp_path / "runs.json"
    words = ["bench", "sequences", "--task", "digit rows", "--seeds", "1", "--epochs", "1"]
    more = ["--gate", "0.2", "--group", "32", "--window", "--json", str(out)]
    printed = CliRunner().invoke(app, words + more)
    assert printed.exit_code == 0, printed.output
    assert "| task | steps | local | bep, gate 0.2 | window |" in printed.output
    assert "| digit rows | 8 |" in printed.output
    assert out.read_text().count('"state_sha256"') == 3
    assert '"group": [' in out.read_text()
    wrong = CliRunner().invoke(app, ["bench", "sequences", "--task", "x"])
    assert wrong.exit_code != 0
