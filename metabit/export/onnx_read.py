"""Networks of signs and thresholds from ONNX and QONNX files, wherever they were trained."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper
from pydantic import ValidationError

from ..errors import MetabitError
from ..golden.codes import Bits
from ..golden.configurations.validation import describe
from .about import About
from .errors import ForeignNetworkError
from .onnx_write import METADATA
from .threshold_network import ThresholdLayer, ThresholdNetwork, Whole

_DOMAINS = ("qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general")
"""Under which names QONNX's operators have been written."""

_PASSED = ("Identity", "Cast", "Flatten", "Reshape", "Dropout")
"""Operators that change nothing here: samples are vectors of whole numbers."""


@dataclass(frozen=True)
class _Input:
    """The samples."""


@dataclass(frozen=True)
class _Sums:
    """Products of signs, and what is added to them; the number tells products from others."""

    source: "_Input | _Votes"
    weights: Bits
    added: Whole
    number: int


@dataclass(frozen=True)
class _Votes:
    """Comparisons of the same sums, added up: a vote of +1 or -1 for each row of thresholds."""

    sums: _Sums
    planes: Whole


@dataclass(frozen=True)
class _Above:
    """Comparisons as truth values."""

    sums: _Sums
    thresholds: Whole


@dataclass(frozen=True)
class _Scores:
    """Sums of several products, all of them votes for classes."""

    parts: tuple[_Sums, ...]


@dataclass(frozen=True)
class _Classes:
    """The class of the highest score."""

    scores: "_Sums | _Scores"


_Value = npt.NDArray | _Input | _Sums | _Votes | _Above | _Scores | _Classes


@dataclass(frozen=True)
class ReadNetwork:
    """What a file holds.

    Attributes
    ----------
    network : ThresholdNetwork
        The network.
    about : About or None
        What Metabit has written besides; None in files of others.
    """

    network: ThresholdNetwork
    about: About | None


def read_onnx(path: Path) -> ReadNetwork:
    """Read a network of signs and thresholds.

    Products with weights of +1 and -1, comparisons with whole numbers, votes and their sum are
    understood, as ``MatMul``, ``Gemm``, ``Add``, ``Sub``, ``BipolarQuant``, ``MultiThreshold``,
    ``Sign`` where no sum is zero, ``Greater``, ``GreaterOrEqual`` with ``Where``, and ``ArgMax``.

    Parameters
    ----------
    path : Path
        An ``.onnx`` file.

    Raises
    ------
    ForeignNetworkError
        If the file is missing or damaged, or holds anything else; says which node.
    """
    try:
        model = onnx.load(path, load_external_data=False)
    except FileNotFoundError as error:
        raise ForeignNetworkError(f"{path} does not exist") from error
    except Exception as error:
        # What the parser of protocol buffers makes of hostile bytes has no common type.
        raise ForeignNetworkError(f"{path} is damaged or no ONNX file: {error}") from error
    reader = _Reader(path)
    network = reader.network(model.graph)
    kept = next((entry.value for entry in model.metadata_props if entry.key == METADATA), None)
    try:
        return ReadNetwork(network, None if kept is None else About.model_validate_json(kept))
    except ValidationError as error:
        text = describe(error, About)
        raise ForeignNetworkError(f"{path}: what Metabit wrote is damaged: {text}") from error


class _Reader:
    """Follows the nodes of a graph, and says of each tensor what it means."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values: dict[str, _Value] = {}
        self._node: onnx.NodeProto | None = None
        self._products = 0

    def network(self, graph: onnx.GraphProto) -> ThresholdNetwork:
        """Return the network of a graph."""
        for tensor in graph.initializer:
            if tensor.data_location == onnx.TensorProto.EXTERNAL:
                raise ForeignNetworkError(
                    f"{self._path}: {tensor.name} is kept in another file; save it as one"
                )
            self._values[tensor.name] = self._array(tensor)
        inputs = [value.name for value in graph.input if value.name not in self._values]
        if len(inputs) != 1:
            raise ForeignNetworkError(
                f"{self._path} must have one input, not {len(inputs)}: {', '.join(inputs)}"
            )
        self._values[inputs[0]] = _Input()
        for node in graph.node:
            self._node = node
            value = self._follow(node)
            self._values |= dict.fromkeys(node.output[:1], value)
        self._node = None
        found = [self._values.get(value.name) for value in graph.output]
        scores = [
            value.scores if isinstance(value, _Classes) else value
            for value in found
            if isinstance(value, _Sums | _Scores | _Classes)
        ]
        if len(scores) != len(found) or not scores or any(s is not scores[0] for s in scores):
            raise ForeignNetworkError(
                f"{self._path}: its outputs must be scores of classes, or the class of the highest"
            )
        return self._assemble(scores[0])

    def _array(self, tensor: onnx.TensorProto) -> npt.NDArray:
        """Return the numbers of a tensor."""
        try:
            return numpy_helper.to_array(tensor)
        except Exception as error:
            # As above: types that there are not, sizes that do not fit, and so on.
            raise ForeignNetworkError(
                f"{self._path}: tensor {tensor.name!r} is damaged: {error}"
            ) from error

    def _refuse(self, what: str) -> ForeignNetworkError:
        """Return the error about the node that is looked at."""
        node = self._node
        where = ""
        if node is not None:
            where = f": node {node.name or node.output[0]} ({node.op_type})"
        return ForeignNetworkError(f"{self._path}{where} {what}")

    def _follow(self, node: onnx.NodeProto) -> _Value:
        """Return what a node computes."""
        known = _OPERATORS.get(node.op_type)
        if node.op_type not in _PASSED and known is None:
            raise self._refuse(
                f"is no operator of a network of signs and thresholds; known are "
                f"{', '.join(sorted([*_OPERATORS, *_PASSED]))}"
            )
        if node.domain not in ("", "ai.onnx", *_DOMAINS):
            raise self._refuse(f"is of the unknown domain {node.domain}")
        missing = [name for name in node.input if name and name not in self._values]
        if missing:
            raise self._refuse(f"takes {missing[0]}, which nothing computes")
        values = [self._values[name] for name in node.input if name]
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        if known is None:
            return values[0]
        try:
            return known(self, values, attributes)
        except (IndexError, ValueError) as error:
            if isinstance(error, MetabitError):
                raise
            raise self._refuse(f"is damaged: {error}") from error

    # Operators

    def _constant(self, values: list[_Value], attributes: dict[str, Any]) -> _Value:
        if "value" not in attributes:
            raise self._refuse("must hold a tensor")
        return self._array(attributes["value"])

    def _transpose(self, values: list[_Value], attributes: dict[str, Any]) -> _Value:
        if not isinstance(values[0], np.ndarray):
            raise self._refuse("may turn constants only")
        return np.transpose(values[0], attributes.get("perm"))

    def _product(self, values: list[_Value], attributes: dict[str, Any]) -> _Value:
        source, weights = values[:2]
        if not isinstance(source, _Input | _Votes) or not isinstance(weights, np.ndarray):
            raise self._refuse("must multiply samples or signs by constant weights")
        if attributes.get("transB"):
            weights = weights.T
        if attributes.get("transA") or attributes.get("alpha", 1) != 1:
            raise self._refuse("must neither turn nor scale its input")
        if weights.ndim != 2:
            raise self._refuse(f"has weights of shape {weights.shape}; a matrix is needed")
        wrong = ~np.isin(weights, (-1, 1))
        if wrong.any():
            raise self._refuse(
                f"has {int(wrong.sum())} of {weights.size} weights that are neither +1 nor -1, "
                f"{weights[wrong][0]:g} for example"
            )
        if isinstance(source, _Votes) and len(source.sums.weights) != len(weights):
            raise self._refuse(
                f"has weights for {len(weights)} inputs, and gets {len(source.sums.weights)}"
            )
        self._products += 1
        zeros = np.zeros(weights.shape[1], np.int64)
        sums = _Sums(source, weights.T > 0, zeros, self._products)
        if len(values) > 2:
            if attributes.get("beta", 1) != 1:
                raise self._refuse("must not scale what it adds")
            return self._with(sums, values[2], 1)
        return sums

    def _add(self, values: list[_Value], attributes: dict[str, Any]) -> _Value:
        first, second = values
        if isinstance(first, np.ndarray):
            first, second = second, first
        if isinstance(first, _Sums) and isinstance(second, np.ndarray):
            return self._with(first, second, 1)
        if isinstance(first, _Scores) and isinstance(second, np.ndarray):
            return _Scores((self._with(first.parts[0], second, 1), *first.parts[1:]))
        if (
            isinstance(first, _Votes)
            and isinstance(second, _Votes)
            and first.sums.number == second.sums.number
        ):
            return _Votes(first.sums, np.concatenate([first.planes, second.planes]))
        if isinstance(first, _Sums | _Scores) and isinstance(second, _Sums | _Scores):
            parts = (*_parts(first), *_parts(second))
            if len({len(part.weights) for part in parts}) == 1:
                return _Scores(parts)
        raise self._refuse("must add a constant to sums, or votes, or scores to each other")

    def _sub(self, values: list[_Value], attributes: dict[str, Any]) -> _Value:
        if not isinstance(values[0], _Sums) or not isinstance(values[1], np.ndarray):
            raise self._refuse("must take a constant from sums")
        return self._with(values[0], values[1], -1)

    def _bipolar(self, values: list[_Value], attributes: dict[str, Any]) -> _Value:
        scale = values[1] if len(values) > 1 else np.array(1)
        if isinstance(values[0], np.ndarray):
            return np.where(values[0] >= 0, 1, -1) * scale
        if not isinstance(scale, np.ndarray) or (scale != 1).any():
            raise self._refuse(f"must have scale 1, not {scale}")
        if isinstance(values[0], _Input):
            # Samples are +1 and -1 already.
            return values[0]
        return self._compared(values[0], np.zeros((1, 1)))

    def _sign(self, values: list[_Value], attributes: dict[str, Any]) -> _Value:
        sums = values[0]
        if not isinstance(sums, _Sums):
            raise self._refuse("must be of sums")
        even = (sums.weights.shape[1] + sums.added) % 2 == 0
        if even.any():
            raise self._refuse(
                f"gives 0 where a sum is 0, which {int(even.sum())} of {len(even)} neurons reach; "
                "signs are +1 and -1 here (BipolarQuant)"
            )
        return self._compared(sums, np.zeros((1, 1)))

    def _multithreshold(self, values: list[_Value], attributes: dict[str, Any]) -> _Value:
        thresholds = values[1]
        if not isinstance(thresholds, np.ndarray) or thresholds.ndim != 2:
            raise self._refuse("must have constant thresholds, a row for each neuron")
        planes = thresholds.shape[1]
        scale, bias = attributes.get("out_scale", 1.0), attributes.get("out_bias", 0.0)
        if scale != 2 or bias != -planes:
            raise self._refuse(
                f"with scale {scale:g} and bias {bias:g} gives {bias:g} to "
                f"{bias + planes * scale:g}; votes of +1 and -1 are needed, "
                f"scale 2 and bias {-planes}"
            )
        return self._compared(values[0], thresholds.T)

    def _greater_or_equal(self, values: list[_Value], attributes: dict[str, Any]) -> _Value:
        return self._above(values, strict=False)

    def _greater(self, values: list[_Value], attributes: dict[str, Any]) -> _Value:
        return self._above(values, strict=True)

    def _above(self, values: list[_Value], *, strict: bool) -> _Value:
        sums, limits = values
        if not isinstance(sums, _Sums) or not isinstance(limits, np.ndarray):
            raise self._refuse("must compare sums with constants")
        whole = np.floor(limits) + 1 if strict else np.ceil(limits)
        return _Above(sums, self._rows(sums, whole.reshape(1, -1))[0])

    def _where(self, values: list[_Value], attributes: dict[str, Any]) -> _Value:
        above, yes, no = values
        if not isinstance(above, _Above) or not all(isinstance(v, np.ndarray) for v in (yes, no)):
            raise self._refuse("must choose between constants by a comparison of sums")
        if not (np.all(yes == 1) and np.all(no == -1)):
            raise self._refuse("must choose +1 or -1")
        return _Votes(above.sums, above.thresholds[None])

    def _argmax(self, values: list[_Value], attributes: dict[str, Any]) -> _Value:
        if not isinstance(values[0], _Sums | _Scores):
            raise self._refuse("must be of scores")
        if attributes.get("axis", 0) not in (1, -1) or attributes.get("select_last_index", 0):
            raise self._refuse("must be over classes (axis 1), the first on ties")
        return _Classes(values[0])

    # What operators have in common

    def _compared(self, sums: _Value, limits: npt.NDArray) -> _Votes:
        """Return votes of sums, +1 where they are not less than limits, shape (planes, K or 1)."""
        if not isinstance(sums, _Sums):
            raise self._refuse("must compare sums")
        return _Votes(sums, self._rows(sums, np.ceil(limits)))

    def _rows(self, sums: _Sums, limits: npt.NDArray) -> Whole:
        """Return thresholds of bare products, shape (planes, K), for limits of sums."""
        width = len(sums.weights)
        if limits.shape[-1] not in (1, width):
            raise self._refuse(f"has {limits.shape[-1]} thresholds for {width} neurons")
        return np.broadcast_to(limits, (len(limits), width)).astype(np.int64) - sums.added

    def _with(self, sums: _Sums, values: _Value, sign: int) -> _Sums:
        """Return sums with a constant added."""
        assert isinstance(values, np.ndarray)
        width = len(sums.weights)
        if values.size not in (1, width):
            raise self._refuse(f"adds {values.size} numbers to {width} sums")
        if (values != np.floor(values)).any():
            odd = values[values != np.floor(values)]
            raise self._refuse(f"adds {odd.ravel()[0]:g}, which is no whole number")
        added = np.broadcast_to(values.reshape(-1), (width,)).astype(np.int64)
        return replace(sums, added=sums.added + sign * added)

    def _assemble(self, scores: "_Sums | _Scores") -> ThresholdNetwork:
        """Return the network whose scores these are."""
        parts = _parts(scores)
        sources = [part.source for part in parts]
        voters = [source for source in sources if isinstance(source, _Votes)]
        if len(voters) != len(parts):
            raise self._refuse("has no hidden layer before its scores")
        chain = max((_chain(vote.sums) for vote in voters), key=len)
        numbers = [sums.number for sums in chain]
        voting = [vote.sums.number for vote in voters]
        if not set(voting) <= set(numbers) or len(set(voting)) != len(voting):
            raise self._refuse("is no chain of layers, each of which votes once at most")
        layers = []
        for number, sums in enumerate(chain):
            width = len(sums.weights)
            thresholds = np.zeros(width, np.int64)
            if number + 1 < len(chain):
                after = chain[number + 1].source
                assert isinstance(after, _Votes)
                if len(after.planes) != 1:
                    raise self._refuse(
                        f"gives layer {number + 1} sums of {len(after.planes)} signs; one is needed"
                    )
                thresholds = after.planes[0]
            head, codes = thresholds[None], None
            if sums.number in voting:
                place = voting.index(sums.number)
                head, codes = voters[place].planes, parts[place].weights
            layers.append(ThresholdLayer(sums.weights, thresholds, head, codes))
        if layers[-1].codes is None:
            raise self._refuse("has a last layer that does not vote")
        bias = np.sum([part.added for part in parts], axis=0)
        return ThresholdNetwork(tuple(layers), bias)


def _parts(scores: "_Sums | _Scores") -> tuple[_Sums, ...]:
    return scores.parts if isinstance(scores, _Scores) else (scores,)


def _chain(sums: _Sums) -> Sequence[_Sums]:
    """Return the layers up to one, the first one first."""
    found = [sums]
    while isinstance(found[0].source, _Votes):
        found.insert(0, found[0].source.sums)
    return found


_OPERATORS: dict[str, Callable[[_Reader, list[_Value], dict[str, Any]], _Value]] = {
    "Add": _Reader._add,
    "ArgMax": _Reader._argmax,
    "BipolarQuant": _Reader._bipolar,
    "Constant": _Reader._constant,
    "Gemm": _Reader._product,
    "Greater": _Reader._greater,
    "GreaterOrEqual": _Reader._greater_or_equal,
    "MatMul": _Reader._product,
    "MultiThreshold": _Reader._multithreshold,
    "Sign": _Reader._sign,
    "Sub": _Reader._sub,
    "Transpose": _Reader._transpose,
    "Where": _Reader._where,
}
"""What reads each operator."""
