"""Paper mode: the vectorised rule against the scalar one, and against numbers worked by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_reference import PaperReference

from metabit.golden.configurations.named import make_config, named, override
from metabit.golden.data.datasets import load_dataset
from metabit.golden.data.training_data import prepare
from metabit.golden.errors import ConfigurationError
from metabit.golden.modes.registry import MODES, load_any_checkpoint
from metabit.golden.paper.config import BepConfig, PaperConfig, make_paper_config, paper_config
from metabit.golden.paper.making import paper_network
from metabit.golden.paper.network import EXACT, PaperNetwork, paper_sha256


class NoDraws:
    """Given weights, and no reinforcement but that of given positions."""

    def __init__(self, weights, hits=()):
        self._weights = iter(weights)
        self._hits = hits

    def weights(self, shape):
        return np.array(next(self._weights), np.float32).reshape(shape)

    def reinforced(self, count, probability):
        self.probability = probability
        return np.array(self._hits, np.int64)


def make_of(rule):
    """Return the type of a rule's configurations."""
    return BepConfig if rule == "bep" else PaperConfig


@st.composite
def configs(draw):
    group = draw(st.integers(1, 7))
    hidden = draw(st.lists(st.integers(1, 5), min_size=1, max_size=3))
    rule = draw(st.sampled_from(["paper", "paper", "baldassi", "bep"]))
    gate = {"gate": draw(st.sampled_from([0, 0.05, 0.3, 1]))} if rule == "bep" else {}
    return make_of(rule)(
        **gate,
        rule=rule,
        inputs=draw(st.integers(1, 70)),
        hidden=tuple(group * count for count in hidden),
        classes=draw(st.integers(2, 20)),
        group=group,
        margin=draw(st.sampled_from([0, 0.1, 0.25, 0.5, 1])),
        reinforcement=draw(st.sampled_from([0, 0.01, 0.5, 1])),
        weight_clip=draw(st.sampled_from([0, 0, 1, 60])),
        batch=draw(st.integers(1, 16)),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


def assert_same_state(network, reference):
    assert [layer.astype(int).tolist() for layer in network.hidden] == reference.hidden
    assert network.generator.state == reference.generator.state
    statistics = network.statistics
    assert statistics.samples == reference.samples
    assert statistics.correct == reference.correct
    assert statistics.triggers == reference.triggers
    assert statistics.updates == reference.updates


def train_both(network, reference, rng, batches, accuracy):
    config = network.config
    for _ in range(batches):
        count = int(rng.integers(1, config.batch + 1))
        samples = rng.random((count, config.inputs)) < 0.5
        labels = rng.integers(0, config.classes, count)
        predictions = network.train_batch(samples, labels, accuracy)
        expected = reference.train_batch(samples.tolist(), labels.tolist(), accuracy)
        assert predictions.tolist() == expected
        assert_same_state(network, reference)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    config=configs(),
    data_seed=st.integers(0, 2**32 - 1),
    accuracy=st.sampled_from([0.0, 0.5, 0.853, 0.99, 1.0]),
)
def test_random_configurations(config, data_seed, accuracy):
    network, reference = paper_network(config), PaperReference(config)
    assert [code.astype(int).tolist() for code in network.classifier] == reference.classifier
    assert_same_state(network, reference)
    train_both(network, reference, np.random.default_rng(data_seed), 3, accuracy)


@pytest.mark.parametrize("rule", ["paper", "baldassi", "bep"])
def test_longer_training(rule):
    """Small weights, so that zeros appear: in weights, activations and votes."""
    config = make_of(rule)(
        rule=rule, inputs=12, hidden=(12, 8), classes=3, group=4, batch=9, weight_clip=2
    )
    network, reference = paper_network(config), PaperReference(config)
    train_both(network, reference, np.random.default_rng(1), 40, 0.5)
    assert any((layer == 0).any() for layer in network.hidden)
    assert network.statistics.updates[0] > 0


def test_predict_in_batches_equals_the_reference():
    config = PaperConfig(inputs=20, hidden=(15,), classes=5, group=5, seed=3)
    network, reference = PaperNetwork(config), PaperReference(config)
    samples = np.random.default_rng(0).random((25, 20)) < 0.5
    expected = [reference.predict(sample) for sample in samples.tolist()]
    assert network.predict(samples, batch=7).tolist() == expected
    assert network.predict(samples[:0]).tolist() == []
    assert_same_state(network, reference)


def by_hand(hidden, classifier, hits=(), **fields):
    """A layer of given weights and classifier."""
    config = PaperConfig(
        inputs=np.shape(hidden)[1],
        hidden=(len(hidden),),
        classes=len(classifier),
        **{"group": len(hidden), **fields},
    )
    draws = NoDraws([classifier, hidden], hits)
    network = PaperNetwork(config, draws)
    network.classifier = [np.array(classifier, np.float32)]
    return network, draws


def test_one_batch_worked_by_hand():
    """Two groups of two neurons, three inputs, two samples; margin int(0.5 * 4) = 2.

    Weights are the signs (+ + +), (+ 0 -), (- + +), (+ - +).
    Sample 1 is (+ + -), class 0: z = (1, 2, -1, -1), a = (+ + - -); the classes' codes are
    (- - + +) and (+ - + -), so that the scores are -4 and 0: wrong. Desired: (- - + +), all
    neurons are wrong; of the first group, neuron 0 has the smaller |z|, 1; of the second, both
    have 1, and the first wins. Neuron 0 moves by 2 * (-1) * (+ + -) = (-2 -2 +2), neuron 2 by
    2 * (+1) * (+ + -) = (+2 +2 -2).
    Sample 2 is (- - -), class 1: z = (-3, 0, -1, -1), a = (- 0 - -); scores -1 and -1: the tie
    goes to class 0, which is wrong. Desired: (+ - + -); neuron 0 and neuron 2 are wrong, neuron 1
    is not, as 0 is no wrong sign, nor is neuron 3. Neuron 0 moves by 2 * (+1) * (- - -), neuron 2
    likewise.
    """
    hidden = [[3, 1, 5], [1, 0, -1], [-7, 2, 1], [4, -4, 9]]
    network, draws = by_hand(
        hidden, [[-1, -1, 1, 1], [1, -1, 1, -1]], group=2, margin=0.5, batch=2, reinforcement=0.3
    )
    samples = np.array([[1, 1, 0], [0, 0, 0]], bool)
    result = network.forward(samples)
    assert result.preactivations[0].tolist() == [[1, 2, -1, -1], [-3, 0, -1, -1]]
    assert result.scores[0].tolist() == [[-5 + 1, 0], [-1, -1]]
    assert network.train_batch(samples, np.array([0, 1]), 0.75).tolist() == [1, 0]
    assert network.hidden[0].tolist() == [[-1, -3, 5], [1, 0, -1], [-7, 2, -3], [4, -4, 9]]
    assert network.statistics.triggers == [2]
    assert network.statistics.updates == [4]
    # 0.3 * sqrt(1 - 0.75) * sqrt(2 / (3 pi))
    assert draws.probability == pytest.approx(0.3 * 0.5 * 0.46065886596)


def test_reinforcement_and_clip_follow_the_update_and_leave_zero_alone():
    hidden = [[3, 1, 5], [2, 0, -9]]
    network, _ = by_hand(hidden, [[-1, -1], [-1, 1]], hits=[0, 1, 3, 4, 5], weight_clip=8)
    # z = (1, 2), desired (-1, -1): neuron 0 moves by (-2, -2, +2) to (1, -1, 7).
    network.train_batch(np.array([[1, 1, 0]], bool), np.array([0]), 0.0)
    # Weights 0, 1 and 3 to 5 of six go 2 away from zero, after the move; all stay within 8.
    assert network.hidden[0].tolist() == [[3, -3, 7], [4, 0, -8]]


@pytest.mark.parametrize(
    ("scores", "label", "triggers"),
    [
        ((4, 2, 0), 0, 0),  # right, and 4 - 2 is not below the threshold of 2
        ((4, 3, 0), 0, 1),  # right, but too close
        ((4, 2, 0), 1, 1),  # wrong
        ((2, 2, 2), 0, 1),  # right by being the first, margin 0
    ],
)
def test_trigger(scores, label, triggers):
    # One neuron an input, weight 1 each: activations are the inputs, here all +1.
    network, _ = by_hand(np.eye(4) * 1, np.zeros((3, 4)), margin=0.5, reinforcement=0)
    network.classifier[0][:, 0] = scores
    network.train_batch(np.ones((1, 4), bool), np.array([label]), 0.0)
    assert network.statistics.triggers == [triggers]


def test_without_a_trigger_nothing_is_reinforced():
    network, _ = by_hand([[1, 1]], [[1], [-1]], hits=[0, 1], margin=0.5)
    before = network.hidden[0].copy()
    network.train_batch(np.ones((1, 2), bool), np.array([0]), 0.0)
    np.testing.assert_array_equal(network.hidden[0], before)


def test_baseline_worked_by_hand():
    """Two groups of three neurons that pass the inputs on; threshold int(0.25 * 2) = 0.

    Input (+ + - | - - +): the votes are + and -. Class 0 wants (+ +): the scores are 0 for both
    classes, and class 0 wins the tie. For class 1, which wants (- -), this is wrong: the first
    group's vote is wrong, and of its neurons 0 and 1, which are wrong and have |z| = 1 both, the
    first wins; the second group's vote is right, so that its wrong neuron 5 stays as it is.
    """
    network, _ = by_hand(
        np.eye(6), [[1, 1], [-1, -1]], rule="baldassi", group=3, reinforcement=0, margin=0.25
    )
    sample = np.array([[1, 1, 0, 0, 0, 1]], bool)
    assert network.forward(sample).scores[0].tolist() == [[0, 0]]
    assert network.train_batch(sample, np.array([1]), 0.0).tolist() == [0]
    expected = np.eye(6)
    expected[0] += [-2, -2, 2, 2, 2, -2]
    np.testing.assert_array_equal(network.hidden[0], expected)


def test_one_entry_of_a_classifier_in_eighty_is_zero():
    network = PaperNetwork(PaperConfig(inputs=1, hidden=(20_000,), group=1))
    values, counts = np.unique(network.classifier[0], return_counts=True)
    assert values.tolist() == [-1, 0, 1]
    # |x| < 1 under a normal distribution of deviation 64: 0.01247, and four deviations around it.
    expected = 200_000 * math.erf(1 / 64 / math.sqrt(2))
    assert abs(counts[1] - expected) < 4 * math.sqrt(expected)


def test_load_refuses_what_does_not_fit_and_changes_nothing():
    network = PaperNetwork(PaperConfig(inputs=4, hidden=(2,), group=2))
    before = paper_sha256(network)
    with pytest.raises(ValueError, match=r"hidden weights must have the shapes \[\(2, 4\)\], not"):
        network.load([np.zeros((4, 2))])
    with pytest.raises(ValueError, match="of layer 0 must not exceed 16777216"):
        network.load([np.full((2, 4), 2 * EXACT)])
    assert paper_sha256(network) == before


def test_growth_beyond_exact_arithmetic_is_refused_in_time():
    network = PaperNetwork(PaperConfig(inputs=4, hidden=(2,), group=2))
    network.load([np.full((2, 4), EXACT - 399)])
    network.check_exact(99)
    with pytest.raises(ValueError, match="an epoch of 100 samples could bring them above"):
        network.check_exact(100)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"group": 5}, "group must divide the neurons of every layer: 5 does not divide 12"),
        ({"rule": "sgd"}, "rule must be 'paper' or 'baldassi', not 'sgd'"),
        ({"weight_clip": -1}, "weight_clip must be 0 to 1048576, not -1"),
        ({"margin": 7}, "margin must be 0 to 1, not 7"),
    ],
)
def test_configuration_errors(fields, message):
    with pytest.raises(ConfigurationError) as error:
        make_paper_config(**{"inputs": 8, "hidden": (12,), "group": 4, **fields})
    assert str(error.value) == message


def test_paper_configuration_of_a_hardware_configuration():
    config = make_config({"inputs": 9, "hidden": (8,), "group": 4, "classes": 3, "seed": 5})
    paper = paper_config(config, weight_clip=7, rule=None)
    assert (paper.inputs, paper.hidden, paper.group, paper.seed) == (9, (8,), 4, 5)
    assert (paper.weight_clip, paper.batch, paper.rule) == (7, 100, "paper")


# Binary Error Propagation


def test_desired_activations_come_back_through_the_weights():
    """Two layers, worked by hand: which neurons hand on, what arrives, and who moves."""
    config = BepConfig(inputs=2, hidden=(3, 2), classes=2, group=1, gate=0.4, reinforcement=0)
    network = paper_network(config)
    network.classifier[1][:] = [[1, -1], [-1, 1]]
    network.load([[[3, 3], [3, -3], [-3, 3]], [[3, 3, 3], [3, 3, -3]]])
    # z = 2, 0, 0; then a = 1, 0, 0 and z = 1, 1, both within 0.4 * 3: a tie, which is class 0's.
    result = network.forward(np.array([[True, True]]))
    assert [z.tolist() for z in result.preactivations] == [[[2, 0, 0]], [[1, 1]]]
    # Class 1 wants -1, 1 of the last layer: -(1, 1, 1) + (1, 1, -1) = (0, 0, -2).
    desired = network._desired(0, result, np.array([1]))
    assert desired.tolist() == [[0, 0, -1]]
    # Nothing is handed on with the gate closed to all that are not 0.
    closed = config.model_copy(update={"gate": 0.3})
    network.config = closed
    assert network._desired(0, result, np.array([1])).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize("hidden", [(12,), (12, 6), (6, 6, 6)])
def test_one_trigger_for_all_layers(hidden):
    config = BepConfig(inputs=20, hidden=hidden, classes=4, group=3, margin=0.5, batch=10)
    network, rng = paper_network(config), np.random.default_rng(0)
    for _ in range(10):
        network.train_batch(rng.random((10, 20)) < 0.5, rng.integers(0, 4, 10), 0.5)
    triggers = network.statistics.triggers
    assert len(set(triggers)) == 1
    assert 0 < triggers[0] <= 100


def test_a_checkpoint_of_bep_comes_back(tmp_path):
    base = override(named("tiny"), hidden=(32, 16), group=8)
    config = MODES["bep"].configure(base, 2, gate=0.2)
    assert (config.rule, config.weight_clip, config.gate) == ("bep", 2**15 - 1, 0.2)
    data = prepare(config, dataset=load_dataset("digits"))
    run = MODES["bep"].start(config, data, 2)
    for _ in run.spans():
        pass
    path = tmp_path / "bep.npz"
    run.checkpoint().save(path)
    again = load_any_checkpoint(path)
    assert again.config == config
    assert again.network().state_sha256 == run.network.state_sha256
    np.testing.assert_array_equal(
        again.network().predict(data.test), run.network.predict(data.test)
    )
