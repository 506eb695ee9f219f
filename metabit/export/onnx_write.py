"""A network as an ONNX graph: products of +1 and -1, thresholds, votes, the highest sum.

With QONNX's operators, signs are ``BipolarQuant`` and the head is a ``MultiThreshold``; without,
both are comparisons of the ONNX standard. Samples are encoded bits as +1 and -1.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from .. import __version__
from ..golden.checkpoints.hardware import Checkpoint
from .about import About
from .threshold_network import ThresholdNetwork, Whole, threshold_network

QONNX = "qonnx.custom_op.general"
"""Domain of QONNX's operators."""

OPSET = 17
IR_VERSION = 8
"""Versions that readers of the last years understand."""

METADATA = "metabit"
"""Key under which a file keeps encoder, columns and names of classes."""

INPUT, SCORES, CLASS = "bits", "scores", "class"
"""Names of what goes in and comes out."""


class _Graph:
    """Nodes and constants under way."""

    def __init__(self, *, qonnx: bool) -> None:
        self.qonnx = qonnx
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, npt.NDArray] = {}
        self.types: dict[str, str] = {INPUT: "BIPOLAR"}

    def constant(self, name: str, values: npt.ArrayLike, kind: str | None = None) -> str:
        """Add a constant of single precision, and return its name."""
        self.constants[name] = np.asarray(values, np.float32)
        if kind is not None:
            self.types[name] = kind
        return name

    def add(self, operator: str, inputs: list[str], name: str, **attributes: Any) -> str:
        """Add a node, and return the name of its output."""
        node = helper.make_node(operator, inputs, [name], name=f"{operator}_{name}", **attributes)
        self.nodes.append(node)
        return name

    def product(self, inputs: str, weights: npt.NDArray[np.bool_], name: str) -> str:
        """Multiply by signs, shape (outputs, inputs)."""
        signs = self.constant(f"{name}_signs", np.where(weights, 1, -1).T, "BIPOLAR")
        return self.add("MatMul", [inputs, signs], name)

    def signs(self, sums: str, thresholds: Whole, name: str) -> str:
        """Compare with thresholds: +1 where a sum is not less, else -1."""
        if not self.qonnx:
            known = self.constant(f"{name}_thresholds", thresholds)
            above = self.add("GreaterOrEqual", [sums, known], f"{name}_above")
            one, minus = self.constant("one", 1), self.constant("minus_one", -1)
            return self.add("Where", [above, one, minus], name)
        if thresholds.any():
            known = self.constant(f"{name}_thresholds", thresholds)
            sums = self.add("Sub", [sums, known], f"{name}_above")
        self.types[name] = "BIPOLAR"
        scale = self.constant("scale", 1)
        return self.add("BipolarQuant", [sums, scale], name, domain=QONNX)

    def votes(self, sums: str, head: Whole, name: str) -> str:
        """Compare with several thresholds, and add up what comes out."""
        planes = len(head)
        if self.qonnx:
            # As many as are needed for the values -planes to +planes.
            bits = int(planes).bit_length() + 1
            self.types[name] = f"INT{bits}"
            known = self.constant(f"{name}_thresholds", head.T)
            return self.add(
                "MultiThreshold",
                [sums, known],
                name,
                domain=QONNX,
                out_dtype=f"INT{bits}",
                out_scale=2.0,
                out_bias=float(-planes),
            )
        parts = [self.signs(sums, row, f"{name}_{plane}") for plane, row in enumerate(head)]
        for place, part in enumerate(parts[1:], 1):
            last = place == planes - 1
            parts[0] = self.add("Add", [parts[0], part], name if last else f"{name}_sum{place}")
        return parts[0]


def onnx_model(
    network: ThresholdNetwork, *, qonnx: bool, name: str, about: About | None = None
) -> onnx.ModelProto:
    """Return a network as an ONNX model.

    Parameters
    ----------
    network : ThresholdNetwork
        The network.
    qonnx : bool
        Use QONNX's operators.
    name : str
        Of the graph.
    about : About, optional
        What the file is to keep besides.
    """
    graph = _Graph(qonnx=qonnx)
    activations = INPUT
    parts = []
    for number, layer in enumerate(network.layers):
        sums = graph.product(activations, layer.weights, f"sums{number}")
        last = number == len(network.layers) - 1
        plain = len(layer.head) == 1 and np.array_equal(layer.head[0], layer.thresholds)
        if not last or plain:
            activations = graph.signs(sums, layer.thresholds, f"activations{number}")
        if layer.codes is not None:
            votes = activations if plain else graph.votes(sums, layer.head, f"votes{number}")
            parts.append(graph.product(votes, layer.codes, f"scores{number}"))
    if network.bias.any():
        parts.append(graph.constant("bias", network.bias))
    scores = parts[0]
    for place, part in enumerate(parts[1:], 1):
        scores = graph.add("Add", [scores, part], f"sum{place}")
    graph.add("Identity", [scores], SCORES)
    graph.add("ArgMax", [SCORES], CLASS, axis=1, keepdims=0)
    proto = helper.make_graph(
        graph.nodes,
        name,
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["samples", network.inputs])],
        [
            helper.make_tensor_value_info(SCORES, TensorProto.FLOAT, ["samples", network.classes]),
            helper.make_tensor_value_info(CLASS, TensorProto.INT64, ["samples"]),
        ],
        [numpy_helper.from_array(values, key) for key, values in graph.constants.items()],
    )
    opsets = [helper.make_opsetid("", OPSET)]
    if qonnx:
        opsets.append(helper.make_opsetid(QONNX, 1))
        for tensor, kind in graph.types.items():
            annotation = proto.quantization_annotation.add(tensor_name=tensor)
            annotation.quant_parameter_tensor_names.add(key="finn_datatype", value=kind)
    model = helper.make_model(
        proto,
        opset_imports=opsets,
        ir_version=IR_VERSION,
        producer_name="metabit",
        producer_version=__version__,
    )
    if about is not None:
        helper.set_model_props(model, {METADATA: about.model_dump_json()})
    onnx.checker.check_model(model)
    return model


def checkpoint_model(checkpoint: Checkpoint, *, qonnx: bool) -> onnx.ModelProto:
    """Return the network of a checkpoint as an ONNX model, with what new samples need."""
    network = threshold_network(checkpoint.network())
    name = checkpoint.config.name
    return onnx_model(network, qonnx=qonnx, name=name, about=About.of(checkpoint))
