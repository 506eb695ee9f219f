"""The golden model as a scikit-learn estimator."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from inspect import Parameter, Signature
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from .errors import MetabitError
from .estimator_files import TrainedOn, checkpoint_of, classifier_of
from .golden.codes import suitable_codes, suitable_group
from .golden.config import MAX_INPUTS, Config
from .golden.configurations.named import make_config
from .golden.configurations.settings import Setting, settings_of
from .golden.data.seen import Seen
from .golden.data.training_data import data_sha256, fit_and_encode
from .golden.encoding.cells import Areas
from .golden.encoding.distributive import Distributive
from .golden.encoding.edges import Edges
from .golden.encoding.encoders import Bits, Encoder
from .golden.encoding.narrow import widened
from .golden.encoding.quantiles import Quantiles
from .golden.encoding.shifts import SHIFTS
from .golden.engines import choose_engine, make_learner
from .golden.errors import DataError
from .golden.network import Network
from .golden.runs.trainer import Trainer
from .golden.schedule import Schedule
from .golden.scores import scores_in_views
from .golden.views import each_view

_LEVELS = 32
"""Thresholds of a feature when there is room: the authors of the paper use as many."""

_HIDDEN = 128
_GROUP = 32
_SETTINGS = {name: setting for name, setting in settings_of(Config).items() if name != "encoder"}
"""Settings of the configuration that are parameters here; the encoder has other values here."""

_OWN = {
    "epochs": 20,
    "encoder": "auto",
    "levels": None,
    "image_shape": None,
    "random_state": 0,
    "engine": "auto",
}
"""Parameters that are no fields of the configuration, and their defaults."""

_INSTEAD = {"group": None, "codes": None}
"""Defaults of fields that depend on others or on the data."""


@dataclass(frozen=True)
class _Portion:
    """Samples to train on, and none to test on."""

    train: Bits
    train_labels: npt.NDArray[np.int64]

    @property
    def test(self) -> Bits:
        """No samples."""
        return self.train[:0]

    @property
    def test_labels(self) -> npt.NDArray[np.int64]:
        """No labels."""
        return self.train_labels[:0]


class _OneMore(Schedule):
    """One more epoch of a training whose length nobody knows, so that nothing is annealed.

    Parameters
    ----------
    config : Config
        Configuration.
    samples, epoch : int
        Samples of this epoch, and its number.
    before : tuple of int
        Errors and samples of the epoch before, which may have had others.
    """

    def __init__(self, config: Config, samples: int, epoch: int, before: tuple[int, int]) -> None:
        super().__init__(config, samples, epoch, epoch=epoch, history=(0,) * (epoch - 1))
        self._before = before

    @property
    def annealing(self) -> int:
        """None."""
        return 0

    @property
    def damping(self) -> int:
        """``j`` that follows from the epoch before."""
        return self.config.reinforcement_damping(*self._before)


class MetabitClassifier(ClassifierMixin, BaseEstimator):
    """Binary neural network that learns with counters, comparisons and XNORs only.

    Trains bit for bit as the hardware would: see :class:`~metabit.golden.config.Config` for the
    parameters of the network, which have the same names and defaults there. With
    :meth:`partial_fit`, which does not know how long the training will be, nothing is annealed.

    Parameters
    ----------
    hidden : int or sequence of int
        Neurons of each hidden layer.
    group : int or None
        Neurons per group; None: 32, 16 with balanced codes, or all of the widest layer if it is
        smaller.
    codes : {"random", "balanced"} or None
        Codes of the classes; None: balanced ones if classes are few, see
        :func:`~metabit.golden.codes.suitable_codes`.
    {fields}
    epochs : int
        Passes of :meth:`fit` over the data.
    encoder : str
        How samples become bits. ``"quantiles"``: a thermometer whose thresholds are quantiles of
        each feature. ``"none"``: samples are bits. Any encoder for images, such as ``"median"``,
        ``"thermometer:0,128"`` or ``"edges-1568"``; see :mod:`metabit.golden.encoding.encoders`.
        ``"auto"``: bits for data of type bool, few of them in copies
        (:func:`~metabit.golden.encoding.narrow.widened`), otherwise ``"quantiles"``.
    levels : int or None
        Thresholds of a feature with ``"quantiles"``; None: 32, or fewer if samples would become
        more than 8192 bits.
    image_shape : tuple of int or None
        Shape of the image that a row of ``X`` is, for encoders that need to know, e.g.
        ``(28, 28)``.
    random_state : int, RandomState instance or None
        An int is the seed of the configuration, so that the same training by ``metabit train``,
        or on a device, gives the same network.
    engine : {"auto", "numpy", "numba"}
        What computes; has no influence on the result.

    Attributes
    ----------
    classes_ : ndarray
        Labels.
    n_features_in_ : int
        Features of a sample.
    feature_names_in_ : ndarray of str
        Their names, if `X` had any.
    config_ : Config
        The whole configuration, which ``metabit build`` and ``metabit simulate`` understand.
    network_ : Network
        The trained network.
    encoder_ : Encoder or Quantiles
        Fitted.
    training_accuracy_ : list of float
        Accuracy of each epoch, counted before the network learnt from the sample.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from metabit import MetabitClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> classifier = MetabitClassifier(encoder="thermometer:0,4,8,12").fit(X_train, y_train)
    >>> bool(classifier.score(X_test, y_test) > 0.9)
    True
    """

    hidden: int | Sequence[int]
    group: int | None
    codes: str | None
    epochs: int
    encoder: str
    levels: int | None
    image_shape: tuple[int, ...] | None
    random_state: Any
    engine: str
    classes_: npt.NDArray
    _trained: TrainedOn

    # What tools such as scikit-learn's clone and grid search read stands below the class.
    def __init__(self, hidden: int | Sequence[int] = _HIDDEN, **parameters: Any) -> None:
        bound = _SIGNATURE.bind(self, hidden, **parameters)
        bound.apply_defaults()
        for name in list(bound.arguments)[1:]:
            setattr(self, name, bound.arguments[name])

    def fit(self, X: Any, y: Any) -> Self:
        """Train a new network.

        Parameters
        ----------
        X : array-like, shape (n, features)
            Training samples.
        y : array-like, shape (n,)
            Their labels.

        Returns
        -------
        MetabitClassifier
            Itself.

        Raises
        ------
        ValueError
            If a parameter or the data are not valid.
        """
        if not isinstance(self.epochs, Integral) or self.epochs < 1:
            raise MetabitError(f"epochs must be an integer of at least 1, not {self.epochs!r}")
        X, y = validate_data(self, X, y)
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        samples = self._start(X, labels)
        self._see(X, samples, labels)
        self._train(samples, labels, Schedule(self.config_, len(labels), int(self.epochs)))
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        """Train for one more epoch, on these samples.

        The first call fits the encoder to its samples, which should therefore be many enough to
        stand for the rest.

        Parameters
        ----------
        X : array-like, shape (n, features)
            Training samples.
        y : array-like, shape (n,)
            Their labels.
        classes : array-like
            All labels that there will be; needed in the first call.

        Returns
        -------
        MetabitClassifier
            Itself.

        Raises
        ------
        ValueError
            If a parameter or the data are not valid.
        """
        first = not hasattr(self, "network_")
        X, y = validate_data(self, X, y, reset=first)
        check_classification_targets(y)
        if first:
            if classes is None:
                raise MetabitError("classes must be given in the first call of partial_fit")
            known = np.unique(np.asarray(classes))
        else:
            known = self.classes_
            if classes is not None and not np.array_equal(np.unique(np.asarray(classes)), known):
                raise MetabitError(
                    f"classes must be those of the first call, {known.tolist()}, not {classes!r}"
                )
        unknown = np.setdiff1d(y, known)
        if len(unknown):
            raise MetabitError(
                f"y has the labels {unknown.tolist()}, which are not among the classes, "
                f"{known.tolist()}"
            )
        self.classes_ = known
        labels = np.searchsorted(known, y)
        samples = self._start(X, labels) if first else self._encode_views(X)
        self._see(X, samples, labels)
        epoch = len(self.training_accuracy_) + 1
        self._train(samples, labels, _OneMore(self.config_, len(y), epoch, self._errors))
        return self

    def decision_function(self, X: Any) -> npt.NDArray[np.float64]:
        """Return class scores: of each class, the votes for it less those against it.

        Parameters
        ----------
        X : array-like, shape (n, features)
            Samples.

        Returns
        -------
        ndarray of float64, shape (n, classes) or (n,)
            Whole numbers. With two classes, the score of the second less that of the first.
        """
        scores = self._scores(X)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X: Any) -> npt.NDArray:
        """Return the labels of samples, shape (n,): the class of the highest score, first on ties.

        Parameters
        ----------
        X : array-like, shape (n, features)
            Samples.
        """
        best = self._scores(X).argmax(axis=1)
        return self.classes_[best]

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return probabilities that follow from the scores, but have not been calibrated.

        The softmax of the scores in units of the standard deviation that they would have by
        chance, the square root of the number of votes. Their order is that of the scores; for
        probabilities to rely on, see :class:`sklearn.calibration.CalibratedClassifierCV`.

        Parameters
        ----------
        X : array-like, shape (n, features)
            Samples.

        Returns
        -------
        ndarray of float64, shape (n, classes)
        """
        scores = self._scores(X)
        config = self.config_
        voters = sum(config.hidden) if config.summed_scores else config.hidden[-1]
        scores /= math.sqrt(config.planes * voters)
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def save(self, path: str | PathLike[str]) -> None:
        """Write a checkpoint that every command takes; encoder and labels are in it.

        After calls of :meth:`partial_fit` with other numbers of samples, the last one counts as the
        only epoch.

        Parameters
        ----------
        path : str or path-like
            File to write, ``.npz``; an older one is replaced.

        Raises
        ------
        ValueError
            If it cannot be written, or labels are neither numbers nor texts.
        """
        check_is_fitted(self)
        checkpoint_of(self).save(Path(path))

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Return a fitted estimator from a checkpoint, of an estimator or of ``metabit train``.

        Parameters
        ----------
        path : str or path-like
            File to read.

        Raises
        ------
        ValueError
            If it is missing or damaged, or of a version that did not keep the shape of samples.
        """
        return classifier_of(Path(path), cls)

    def _see(self, X: npt.NDArray, samples: Bits, labels: npt.NDArray[np.integer]) -> None:
        """Keep what a checkpoint says of training samples."""
        shaped = self._shaped(X)
        columns = isinstance(self.encoder_, Quantiles) or any(
            isinstance(part, Distributive) for part in self.encoder_.parts
        )
        seen = Seen.of(shaped, columns=columns)
        before = self._trained.epochs if self.training_accuracy_ else []
        repeated = np.tile(labels, self.config_.views)
        self._trained = TrainedOn(data_sha256(samples, repeated), seen, before)

    def _scores(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the class scores that decide, shape (n, classes)."""
        check_is_fitted(self)
        shaped = self._shaped(validate_data(self, X, reset=False))
        views = each_view(self.encoder_.encode, shaped, self.config_.views)
        return scores_in_views(self.network_, views).astype(np.float64)

    def _start(self, X: npt.NDArray, labels: npt.NDArray[np.integer]) -> Bits:
        """Set up encoder and network, and return the encoded samples."""
        if len(self.classes_) < 2:
            raise DataError(
                f"samples of at least 2 classes are needed, not of {len(self.classes_)} class"
            )
        seed = self.random_state
        if not isinstance(seed, Integral):
            seed = check_random_state(seed).randint(np.iinfo(np.int32).max)
        self.encoder_ = self._make_encoder(X)
        shaped = self._shaped(X)
        views = self.views if self.views == len(SHIFTS) else 1
        # What is no number of views, the configuration will say.
        if isinstance(self.encoder_, Quantiles):
            samples = self.encoder_.fit(shaped).encode(shaped, views)
        else:
            self.encoder_, samples = fit_and_encode(
                self.encoder_.spec, shaped, labels, int(seed), views
            )
        if samples.shape[1] > MAX_INPUTS:
            raise DataError(
                f"{X.shape[1]} features become {samples.shape[1]} bits, and a network takes "
                f"{MAX_INPUTS} at most: use fewer levels, or select features"
            )
        self.config_ = self._make_config(samples.shape[1], int(seed))
        self.network_ = Network(self.config_)
        self.training_accuracy_: list[float] = []
        # Of the epoch before, and their samples; damping starts as if all had been wrong.
        self._errors = (1, 1)
        return samples

    def _make_encoder(self, X: npt.NDArray) -> Encoder | Quantiles:
        spec = self.encoder
        if spec == "auto":
            spec = widened("none", X.shape[1]) if X.dtype == bool else "quantiles"
        if spec != "quantiles":
            return Encoder(spec)
        if self.levels is not None:
            return Quantiles(self.levels)
        return Quantiles(min(_LEVELS, max(1, MAX_INPUTS // X.shape[1])))

    def _make_config(self, inputs: int, seed: int) -> Config:
        """Return the configuration that the parameters describe."""
        hidden: tuple[Any, ...]
        hidden = tuple(self.hidden) if isinstance(self.hidden, Iterable) else (self.hidden,)
        codes = suitable_codes(len(self.classes_)) if self.codes is None else self.codes
        group = self.group
        if group is None:
            group = min(suitable_group(_GROUP, codes), max(hidden, default=1))
        fields = {
            **{name: getattr(self, name) for name in _SETTINGS},
            "name": type(self).__name__,
            "dataset": "scikit-learn",
            "encoder": self.encoder_.spec if isinstance(self.encoder_, Encoder) else "none",
            "inputs": inputs,
            "hidden": hidden,
            "classes": len(self.classes_),
            "group": group,
            "codes": codes,
            "seed": seed,
        }
        return make_config({name: _plain(value) for name, value in fields.items()})

    def _shaped(self, X: npt.NDArray) -> npt.NDArray:
        """Return samples as the encoder takes them."""
        if isinstance(self.encoder_, Quantiles):
            return X
        edges = any(isinstance(part, Edges | Areas) for part in self.encoder_.parts)
        if X.dtype.kind == "f" and edges and np.all(np.floor(X) == X):
            # Scikit-learn's own data sets give whole pixels as floating point numbers.
            X = X.astype(np.int64)
        if self.image_shape is None:
            return X
        if math.prod(self.image_shape) != X.shape[1]:
            raise DataError(
                f"image_shape {tuple(self.image_shape)} is of {math.prod(self.image_shape)} "
                f"pixels, and X has {X.shape[1]} features"
            )
        return X.reshape(len(X), *self.image_shape)

    def _encode_views(self, X: npt.NDArray) -> Bits:
        """Return the bits of samples in all views, view after view."""
        return self.encoder_.encode(self._shaped(X), self.config_.views)

    def _train(self, samples: Bits, labels: npt.NDArray[np.integer], schedule: Schedule) -> None:
        """Train to the end of a schedule, by the loop that every training has."""
        first = len(schedule.history)
        planned = len(labels) * (schedule.epochs - first)
        learner = make_learner(self.network_, choose_engine(self.engine, planned))
        repeated = np.tile(labels.astype(np.int64), self.config_.views)
        trainer = Trainer(learner, _Portion(samples, repeated), schedule)
        for span in trainer.spans():
            # Whoever interrupts a training has the epochs that are over.
            if span.step.last:
                self.network_ = learner.network
                self._errors = schedule.history[-1], schedule.samples
                self._trained.epochs.append(self._errors)
                self.training_accuracy_.append(schedule.accuracy[-1])


def _plain(value: Any) -> Any:
    """Return a number or numbers of Python's for those of NumPy's, as grids of parameters hold."""
    if isinstance(value, Iterable) and not isinstance(value, str):
        return tuple(_plain(each) for each in value)
    return value.item() if isinstance(value, np.generic) else value


def _signature() -> Signature:
    """Return the parameters of the estimator: fields of the configuration, and its own."""
    named = {name: setting.default for name, setting in _SETTINGS.items() if name != "hidden"}
    named = {**_INSTEAD, **{n: v for n, v in named.items() if n not in _INSTEAD}, **_OWN}
    return Signature(
        [
            Parameter("self", Parameter.POSITIONAL_OR_KEYWORD),
            Parameter("hidden", Parameter.POSITIONAL_OR_KEYWORD, default=_HIDDEN),
            *(
                Parameter(name, Parameter.KEYWORD_ONLY, default=default)
                for name, default in named.items()
            ),
        ]
    )


def _type(setting: Setting) -> str:
    """Return the type of a parameter in words."""
    return f"sequence of {setting.kind.__name__}" if setting.many else setting.kind.__name__


def _documented() -> str:
    """Return what the documentation says of fields that it does not name itself."""
    return "\n    ".join(
        f"{name} : {_type(setting)}\n        {setting.help}"
        for name, setting in _SETTINGS.items()
        if name not in ("hidden", *_INSTEAD)
    )


_SIGNATURE = _signature()
MetabitClassifier.__init__.__signature__ = _SIGNATURE  # type: ignore[attr-defined]
MetabitClassifier.__doc__ = (MetabitClassifier.__doc__ or "").replace("{fields}", _documented())
