"""The scikit-learn estimator."""

import doctest
import math
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import metabit.estimator
from metabit import MetabitClassifier
from metabit.golden.data.datasets import Dataset
from metabit.golden.data.training_data import prepare
from metabit.golden.encoding.quantiles import Quantiles
from metabit.golden.errors import ConfigurationError, DataError
from metabit.golden.runs.run import Run
from metabit.golden.state import network_sha256


@parametrize_with_checks([MetabitClassifier(hidden=32, epochs=5)])
def test_scikit_learn(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def digits():
    return load_digits(return_X_y=True)


@pytest.fixture(scope="module")
def bits():
    """Four noisy patterns of 24 bits, the labels being texts."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 4, 200)
    patterns = rng.random((4, 24)) < 0.5
    names = np.array(["ash", "beech", "elm", "oak"])
    return patterns[labels] ^ (rng.random((200, 24)) < 0.25), names[labels]


NETWORK = {
    "hidden": (13, 9),
    "group": 5,
    "counter_bits": 5,
    "tile": 7,
    "random_state": 4,
    "encoder": "none",
}


@pytest.mark.parametrize("tile", [7, 1])
@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_fit_is_the_training_of_the_golden_model(bits, engine, tile):
    """Epochs of one span, and of two."""
    if engine == "numba":
        pytest.importorskip("numba", reason="the extra 'fast' is not installed")
    X, y = (np.concatenate([part, part]) for part in bits)
    network = {**NETWORK, "tile": tile}
    classifier = MetabitClassifier(**network, epochs=4, engine=engine).fit(X, y)
    assert classifier.config_.lag == 1
    labels = np.unique(y, return_inverse=True)[1]
    data = Dataset("own", X, labels, 4, X, labels, 1, "official")
    run = Run.start(classifier.config_, prepare(classifier.config_, dataset=data), 4)
    run.finish()
    assert network_sha256(classifier.network_) == network_sha256(run.network)
    assert classifier.training_accuracy_ == run.schedule.accuracy
    np.testing.assert_array_equal(classifier.predict(X), np.unique(y)[run.network.predict(X)])
    assert classifier.score(X, y) == run.test_accuracy[-1]
    assert (classifier.config_.encoder, classifier.config_.inputs) == ("none", 24)


def test_partial_fit_is_fit_epoch_by_epoch(bits):
    """As long as nothing depends on how many epochs there will be."""
    X, y = bits
    whole = MetabitClassifier(**NETWORK, epochs=3, annealing=()).fit(X, y)
    part = MetabitClassifier(**NETWORK)
    for _ in range(3):
        assert part.partial_fit(X, y, classes=np.unique(y)) is part
    assert network_sha256(part.network_) == network_sha256(whole.network_)
    assert part.training_accuracy_ == whole.training_accuracy_
    part.fit(X, y)
    again = MetabitClassifier(**NETWORK).fit(X, y)
    assert network_sha256(part.network_) == network_sha256(again.network_)


def test_partial_fit_in_portions(digits):
    X, y = digits
    classifier = MetabitClassifier(hidden=64)
    for _ in range(5):
        for start in range(0, 1400, 350):
            part = slice(start, start + 350)
            classifier.partial_fit(X[part], y[part], classes=range(10))
    assert classifier.score(X[1400:], y[1400:]) > 0.85


def test_scores_of_all_layers(bits):
    X, y = bits
    classifier = MetabitClassifier(**NETWORK).fit(X, y)
    scores = classifier.decision_function(X)
    np.testing.assert_array_equal(scores, sum(classifier.network_.forward(X).scores))
    proba = classifier.predict_proba(X)
    deviation = math.sqrt(sum(NETWORK["hidden"]))
    expected = (scores[:, 0] - scores[:, 2]) / deviation
    np.testing.assert_allclose(np.log(proba[:, 0] / proba[:, 2]), expected)


def test_scores(bits):
    X, y = bits
    classifier = MetabitClassifier(**NETWORK, summed_scores=False).fit(X, y)
    scores = classifier.decision_function(X)
    np.testing.assert_array_equal(scores, classifier.network_.forward(X).scores[-1])
    proba = classifier.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    # Nine votes: the scores' standard deviation by chance is 3.
    np.testing.assert_allclose(np.log(proba[:, 0] / proba[:, 2]), (scores[:, 0] - scores[:, 2]) / 3)
    np.testing.assert_array_equal(classifier.classes_[proba.argmax(axis=1)], classifier.predict(X))
    two = y < "d"
    classifier.fit(X, two)
    scores = classifier.decision_function(X)
    expected = classifier.network_.forward(X).scores[-1]
    np.testing.assert_array_equal(scores, expected[:, 1] - expected[:, 0])
    np.testing.assert_array_equal(classifier.predict(X), scores > 0)


def test_it_learns(digits):
    X, y = digits
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    assert MetabitClassifier(64, epochs=10).fit(X_train, y_train).score(X_test, y_test) > 0.92
    encoder = "edges:d=1,t=2,c=0/4+thermometer:4,9"
    images = MetabitClassifier(64, epochs=10, encoder=encoder, image_shape=(8, 8))
    assert images.fit(X_train, y_train).score(X_test, y_test) > 0.85
    assert images.config_.inputs == 4 * 2 * 4 + 2 * 64


def test_pipeline():
    X, y = load_breast_cancer(return_X_y=True)
    scores = cross_val_score(make_pipeline(StandardScaler(), MetabitClassifier(64)), X, y, cv=3)
    # Quantiles do not care about scale.
    assert scores.tolist() == cross_val_score(MetabitClassifier(64), X, y, cv=3).tolist()
    assert scores.mean() > 0.94


def test_grid_search(bits):
    X, y = bits
    grid = {
        "hidden": [(16,), (12, 8), np.int64(8)],
        "margin": np.array([0.1, 0.3]),
        "counter_bits": np.array([4, 8]),
    }
    search = GridSearchCV(MetabitClassifier(epochs=3), grid, cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 12
    assert search.best_estimator_.config_.margin in (0.1, 0.3)


def test_clone_and_pickle(bits):
    X, y = bits
    classifier = MetabitClassifier(**NETWORK).fit(X, y)
    copy = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(copy.predict(X), classifier.predict(X))
    copy.partial_fit(X, y)
    classifier.partial_fit(X, y)
    assert network_sha256(copy.network_) == network_sha256(classifier.network_)
    assert clone(classifier).get_params() == classifier.get_params()
    with pytest.raises(NotFittedError):
        clone(classifier).predict(X)


def test_random_state(bits):
    X, y = bits

    def state(random_state):
        classifier = MetabitClassifier(8, epochs=1, random_state=random_state).fit(X, y)
        return network_sha256(classifier.network_)

    assert state(3) == state(3) != state(4)
    assert state(np.random.RandomState(3)) == state(np.random.RandomState(3))
    assert state(None) != state(None)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"margin": 7}, "margin must be 0 to 1, not 7"),
        ({"counter_bits": 17}, "counter_bits must be 2 to 16, not 17"),
        ({"hidden": 0}, r"hidden\.0 must be 1 to 4096, not 0"),
        ({"hidden": ()}, "hidden must have 1 to 8 entries, not 0"),
        ({"epochs": 0}, "epochs must be an integer of at least 1, not 0"),
        ({"epochs": 1.5}, r"epochs must be an integer of at least 1, not 1\.5"),
        ({"encoder": "x"}, "unknown encoder 'x'"),
        ({"engine": "x"}, "engine must be one of auto, numpy, numba, not 'x'"),
        ({"encoder": "quantiles", "levels": 0}, "levels must be at least 1, not 0"),
        ({"random_state": -1}, "seed must be 0 to 4294967295, not -1"),
        (
            {"encoder": "median", "image_shape": (5, 5)},
            r"image_shape \(5, 5\) is of 25 pixels, and X has 24 features",
        ),
    ],
)
def test_wrong_parameters(bits, parameters, message):
    with pytest.raises((ConfigurationError, ValueError), match=message):
        MetabitClassifier(**parameters).fit(*bits)


def test_wrong_data(bits):
    X, y = bits
    with pytest.raises(DataError, match="at least 2 classes are needed, not of 1 class"):
        MetabitClassifier().fit(X, np.zeros(len(X)))
    with pytest.raises(DataError, match="no feature has two different values among 200 training"):
        MetabitClassifier().fit(np.ones((200, 3)), y)
    with pytest.raises(DataError, match="9000 features become 9000 bits, and a network takes 8192"):
        MetabitClassifier().fit(np.random.default_rng(0).random((200, 9000)), y)
    classifier = MetabitClassifier(8)
    with pytest.raises(ValueError, match="classes must be given in the first call of partial_fit"):
        classifier.partial_fit(X, y)
    with pytest.raises(ValueError, match=r"labels \['oak'\], which are not among the classes"):
        classifier.partial_fit(X, y, classes=["ash", "beech", "elm"])
    classifier.partial_fit(X, y, classes=np.unique(y))
    with pytest.raises(ValueError, match="classes must be those of the first call"):
        classifier.partial_fit(X, y, classes=["ash", "oak"])


def test_levels_make_room():
    X = np.random.default_rng(0).random((60, 400))
    y = np.arange(60) % 2
    assert MetabitClassifier(8, epochs=1).fit(X, y).config_.inputs == 8000


@given(
    levels=st.integers(1, 9),
    values=st.lists(st.integers(-5, 5), min_size=2, max_size=30),
)
def test_quantiles(levels, values):
    """Thresholds are values of the data, and split them; nothing that they tell is lost."""
    column = np.array(values)
    samples = np.stack([column, np.zeros(len(column)), np.arange(len(column))], axis=1)
    encoder = Quantiles(levels).fit(samples)
    assert 1 not in encoder.columns
    for feature in (0, 2):
        found = encoder.thresholds[encoder.columns == feature]
        distinct = np.unique(samples[:, feature])
        assert len(found) == len(set(found)) <= min(levels, len(distinct) - 1) or len(distinct) == 1
        assert set(found) <= set(distinct[:-1])
        assert (len(found) > 0) == (len(distinct) > 1)
    bits = encoder.encode(samples)
    for number, (feature, threshold) in enumerate(
        zip(encoder.columns, encoder.thresholds, strict=True)
    ):
        np.testing.assert_array_equal(bits[:, number], samples[:, feature] > threshold)


def test_quantiles_have_equal_parts():
    samples = np.random.default_rng(0).permutation(100)[:, None]
    encoder = Quantiles(3).fit(samples)
    assert encoder.thresholds.tolist() == [24, 49, 74]


def test_example():
    assert doctest.testmod(metabit.estimator) == (0, 7)


def test_import_is_light():
    program = (
        "import metabit, sys; heavy = [m for m in ('sklearn', 'numpy') if m in sys.modules];"
        "print(heavy, metabit.MetabitClassifier.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[] MetabitClassifier\n"
