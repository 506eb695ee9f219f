"""Networks as ONNX and QONNX graphs: written, read by others, read back, and from elsewhere."""

import itertools
import json

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from typer.testing import CliRunner

from metabit.cli import app
from metabit.export.errors import ForeignNetworkError
from metabit.export.onnx_read import read_onnx
from metabit.export.onnx_write import CLASS, INPUT, QONNX, SCORES, checkpoint_model, onnx_model
from metabit.export.threshold_network import (
    ThresholdLayer,
    ThresholdNetwork,
    for_device,
    threshold_network,
)
from metabit.golden.checkpoints.hardware import load_checkpoint
from metabit.golden.scores import scores_of
from metabit.hdl.shape import SHAPES
from metabit.sim.simulate import build_device, open_driver

BITS = np.random.default_rng(6).random((80, 33)) < 0.5
NETWORKS = [
    {},
    {"head_offset": 5},
    {"hidden": (12, 9, 7), "summed_scores": False},
    {"hidden": (12, 9, 7), "summed_scores": True},
    {"hidden": (20, 11), "head_offset": 3, "labels": 12},
    {"hidden": (20, 11), "head_offset": 2, "summed_scores": False},
]


def metabit(*arguments, status=0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    return " ".join(result.output.split())


def by_onnxruntime(model, signs):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run([SCORES, CLASS], {INPUT: signs})


def by_onnx_itself(model, signs):
    return ReferenceEvaluator(model).run([SCORES, CLASS], {INPUT: signs})


def by_qonnx(model, signs):
    pytest.importorskip("qonnx")
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    # QONNX runs one graph for samples of a fixed number.
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = len(signs)
    wrapper = ModelWrapper(model).transform(InferShapes())
    assert wrapper.get_tensor_datatype(INPUT).name == "BIPOLAR"
    found = execute_onnx(wrapper, {INPUT: signs})
    return found[SCORES], found[CLASS]


READERS = {
    "onnxruntime": (False, by_onnxruntime),
    "onnx": (False, by_onnx_itself),
    "qonnx": (True, by_qonnx),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("fields", NETWORKS, ids=str)
@pytest.mark.parametrize("reader", READERS)
def test_others_read_what_golden_predicts(trained, reader, fields):
    qonnx, run = READERS[reader]
    checkpoint, samples = trained(BITS, "none", **fields)
    scores, classes = run(
        checkpoint_model(checkpoint, qonnx=qonnx), np.where(samples, 1, -1).astype(np.float32)
    )
    expected = scores_of(checkpoint.network(), samples)
    np.testing.assert_array_equal(scores, expected)
    np.testing.assert_array_equal(classes, checkpoint.network().predict(samples))


@pytest.mark.parametrize("fields", NETWORKS, ids=str)
@pytest.mark.parametrize("qonnx", [False, True])
def test_what_is_read_back_is_what_was_written(trained, tmp_path, qonnx, fields):
    checkpoint, samples = trained(BITS, "none", **fields)
    onnx.save(checkpoint_model(checkpoint, qonnx=qonnx), tmp_path / "net.onnx")
    found = read_onnx(tmp_path / "net.onnx")
    network = checkpoint.network()
    np.testing.assert_array_equal(found.network.predict(samples), network.predict(samples))
    np.testing.assert_array_equal(found.network.scores(samples), scores_of(network, samples))
    assert found.about.dataset == checkpoint.record.dataset
    assert found.about.seen == checkpoint.record.seen
    loadable = for_device(found.network, SHAPES["ecp5"], "net")
    assert loadable.config.hidden == checkpoint.config.hidden
    assert loadable.config.head_offset == checkpoint.config.head_offset
    if checkpoint.config.layers > 1:
        assert loadable.config.summed_scores == checkpoint.config.summed_scores
    for counters, expected in zip(loadable.counters, network.counters, strict=True):
        np.testing.assert_array_equal(counters >= 0, expected >= 0)


def random_network(rng, widths, classes, planes, spread):
    """A network with thresholds and heads that no device has."""
    layers = []
    for number, (fan_in, width) in enumerate(itertools.pairwise(widths)):
        votes = number == len(widths) - 2 or rng.random() < 0.5
        layers.append(
            ThresholdLayer(
                rng.random((width, fan_in)) < 0.5,
                rng.integers(-spread, spread + 1, width),
                rng.integers(-spread, spread + 1, (planes, width)),
                rng.random((classes, width)) < 0.5 if votes else None,
            )
        )
    return ThresholdNetwork(tuple(layers), rng.integers(-3, 4, classes))


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    widths=st.lists(st.integers(1, 12), min_size=2, max_size=4),
    classes=st.integers(2, 5),
    planes=st.integers(1, 4),
    spread=st.integers(0, 5),
    qonnx=st.booleans(),
)
def test_networks_with_any_thresholds_come_back(
    tmp_path_factory, seed, widths, classes, planes, spread, qonnx
):
    rng = np.random.default_rng(seed)
    network = random_network(rng, widths, classes, planes, spread)
    samples = rng.random((50, widths[0])) < 0.5
    model = onnx_model(network, qonnx=qonnx, name="net")
    path = tmp_path_factory.mktemp("onnx") / "net.onnx"
    onnx.save(model, path)
    found = read_onnx(path)
    assert found.about is None
    np.testing.assert_array_equal(found.network.scores(samples), network.scores(samples))
    if not qonnx:
        signs = np.where(samples, 1, -1).astype(np.float32)
        np.testing.assert_array_equal(by_onnx_itself(model, signs)[0], network.scores(samples))


# From elsewhere


RNG = np.random.default_rng(11)
FIRST, SECOND = (RNG.choice([-1.0, 1.0], shape) for shape in ((12, 9), (9, 3)))
LIMITS = RNG.integers(-4, 5, 9).astype(np.float32)


def node(operator, inputs, output, **attributes):
    domain = QONNX if operator in ("BipolarQuant", "MultiThreshold", "Quant") else ""
    return helper.make_node(
        operator, inputs, [output], name=f"n_{output}", domain=domain, **attributes
    )


def graph(nodes, output="o", kind=TensorProto.FLOAT, **constants):
    fixed = {"W": FIRST, "P": SECOND, "t": LIMITS, "one": 1, "minus": -1, "odd": 1.0, **constants}
    tensors = [
        numpy_helper.from_array(np.asarray(values, np.float32), name)
        for name, values in fixed.items()
    ]
    return helper.make_model(
        helper.make_graph(
            nodes,
            "elsewhere",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 12])],
            [helper.make_tensor_value_info(output, kind, None)],
            tensors,
        ),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(QONNX, 1)],
    )


TAIL = [node("MatMul", ["a", "P"], "o")]

ELSEWHERE = {
    "quantised weights, turned": [
        node("BipolarQuant", ["F", "one"], "w"),
        node("Transpose", ["w"], "wt", perm=[1, 0]),
        node("MatMul", ["x", "wt"], "z"),
        node("Sub", ["z", "t"], "s"),
        node("BipolarQuant", ["s", "one"], "a"),
    ],
    "gemm with a bias": [
        node("Gemm", ["x", "G", "b"], "z", transB=1),
        node("BipolarQuant", ["z", "one"], "a"),
    ],
    "thresholds of qonnx": [
        node("MatMul", ["x", "W"], "z"),
        node("MultiThreshold", ["z", "T"], "a", out_scale=2.0, out_bias=-1.0, out_dtype="BIPOLAR"),
    ],
    "a comparison": [
        node("Flatten", ["x"], "f"),
        node("MatMul", ["f", "W"], "z"),
        node("Greater", ["z", "h"], "c"),
        node("Where", ["c", "one", "minus"], "a"),
    ],
    "a sign that is never zero": [
        node("MatMul", ["x", "W"], "z"),
        node("Add", ["z", "odd"], "s"),
        node("Sign", ["s"], "a"),
    ],
}


@pytest.mark.parametrize("nodes", ELSEWHERE.values(), ids=ELSEWHERE)
def test_networks_of_others_are_understood(tmp_path, nodes):
    model = graph(
        [*nodes, *TAIL, node("ArgMax", ["o"], "best", axis=1, keepdims=1)],
        "best",
        TensorProto.INT64,
        F=0.3 * FIRST.T,
        G=FIRST.T,
        b=-LIMITS,
        T=LIMITS[:, None],
        h=LIMITS - 0.5,
    )
    onnx.save(model, tmp_path / "net.onnx")
    samples = RNG.random((60, 12)) < 0.5
    z = np.where(samples, 1, -1) @ FIRST
    limits = -1 if "odd" in str(model.graph.node[1].input) else LIMITS
    scores = np.where(z >= limits, 1, -1) @ SECOND
    network = read_onnx(tmp_path / "net.onnx").network
    np.testing.assert_array_equal(network.scores(samples), scores)
    np.testing.assert_array_equal(network.predict(samples), scores.argmax(axis=1))


HALF = [node("MatMul", ["x", "W"], "z")]


@pytest.mark.parametrize(
    ("nodes", "constants", "message"),
    [
        ([node("Relu", ["x"], "o")], {}, r"n_o \(Relu\) is no operator of a network of signs"),
        (HALF, {"W": 0.5 * FIRST}, r"n_z \(MatMul\) has 108 of 108 weights that are neither \+1"),
        ([*HALF, node("Sign", ["z"], "a")], {}, r"n_a \(Sign\) gives 0 where a sum is 0, .* 9 neu"),
        (
            [*HALF, node("BipolarQuant", ["z", "two"], "a")],
            {"two": 2},
            r"n_a \(BipolarQuant\) must have scale 1, not 2",
        ),
        (
            [*HALF, node("MultiThreshold", ["z", "T"], "a", out_dtype="BINARY")],
            {"T": LIMITS[:, None]},
            r"n_a \(MultiThreshold\) with scale 1 and bias 0 gives 0 to 1; votes of \+1 and -1",
        ),
        (
            [*HALF, node("Add", ["z", "half"], "s"), node("Sign", ["s"], "a")],
            {"half": 0.5},
            r"n_s \(Add\) adds 0.5, which is no whole number",
        ),
        ([*HALF, node("Mul", ["z", "one"], "a")], {}, r"n_a \(Mul\) is no operator"),
        ([node("MatMul", ["y", "W"], "o")], {}, r"n_o \(MatMul\) takes y, which nothing computes"),
        ([node("MatMul", ["x", "W"], "o")], {}, "has no hidden layer before its scores"),
        ([node("MatMul", ["x"], "o")], {}, r"n_o \(MatMul\) is damaged"),
        (
            [*HALF, node("BipolarQuant", ["z", "one"], "a"), node("Identity", ["a"], "o")],
            {},
            "its outputs must be scores of classes, or the class of the highest",
        ),
    ],
)
def test_what_is_none_is_refused_by_name(tmp_path, nodes, constants, message):
    last = nodes[-1].output[0]
    nodes = [*nodes, *(TAIL if last == "a" else [])]
    model = graph(nodes, "o" if last == "a" else last, **constants)
    onnx.save(model, tmp_path / "net.onnx")
    with pytest.raises(ForeignNetworkError, match=message):
        read_onnx(tmp_path / "net.onnx")


def test_damaged_files_are_refused(tmp_path):
    path = tmp_path / "net.onnx"
    with pytest.raises(ForeignNetworkError, match=r"net\.onnx does not exist"):
        read_onnx(path)
    path.write_bytes(b"\xff" * 50)
    with pytest.raises(ForeignNetworkError, match=r"net\.onnx is damaged or no ONNX file"):
        read_onnx(path)


# On a device


def plain(fan_in, width, thresholds=None, head=None, votes=True):
    zeros = np.zeros(width, np.int64)
    thresholds = zeros if thresholds is None else thresholds
    return ThresholdLayer(
        np.ones((width, fan_in), bool),
        thresholds,
        zeros[None] if head is None else head,
        np.ones((3, width), bool) if votes else None,
    )


ROWS = np.ones((1, 4), np.int64)


@pytest.mark.parametrize(
    ("layers", "bias", "message"),
    [
        ((plain(6, 4, 2 * ROWS[0]), plain(4, 5)), 0, "layer 0, neuron 0 compares its sum with 2"),
        ((plain(6, 4, head=2 * ROWS),), 0, "the head of layer 0, neuron 0 compares its sum with 2"),
        ((plain(6, 4),), 1, "adds 1 to the score of class 0"),
        (
            (plain(6, 4), plain(4, 5, votes=False), plain(5, 4)),
            0,
            "the layers 0, 2 of 3 vote; on a device all do, or the last alone",
        ),
        ((plain(6, 4, head=np.concatenate([ROWS, 3 * ROWS])),), 0, "compares sums with 1, 3"),
        (
            (plain(6, 4, head=np.concatenate([-2 * ROWS, 0 * ROWS, 4 * ROWS])),),
            0,
            "compares sums with -2, 0, 4 .* or with -T, 0 and T",
        ),
        (
            (plain(6, 4, head=np.concatenate([-2 * ROWS, 0 * ROWS, 2 * ROWS])), plain(4, 4)),
            0,
            r"heads of offsets \[0, 2\], and a device has one for all",
        ),
        ((plain(9000, 4),), 0, "is no network of a device: inputs must be 1 to 8192, not 9000"),
    ],
)
def test_what_no_device_has_is_refused_by_name(layers, bias, message):
    network = ThresholdNetwork(layers, np.full(3, bias))
    with pytest.raises(ForeignNetworkError, match=message):
        for_device(network, SHAPES["ecp5"], "net")


def test_thresholds_that_are_as_good_as_zero_are_zero():
    """Sums of an even number of signs are even: -1 and 0 are the same; of an odd one, 0 and 1."""
    for fan_in, good in ((6, (-1, 0)), (7, (0, 1))):
        for limit in range(-3, 4):
            layer = plain(fan_in, 4, np.full(4, limit))
            network = ThresholdNetwork((layer, plain(4, 4)), np.zeros(3, int))
            if limit in good:
                for_device(network, SHAPES["ecp5"], "net")
            else:
                with pytest.raises(ForeignNetworkError, match=f"compares its sum with {limit}"):
                    for_device(network, SHAPES["ecp5"], "net")


# Commands


@pytest.fixture
def elsewhere(tmp_path):
    """A network with signs at zero of bits, and data that it mostly knows."""
    first = RNG.choice([-1.0, 1.0], (12, 9))
    model = graph(
        [*HALF, node("BipolarQuant", ["z", "one"], "a"), *TAIL],
        W=first,
    )
    path = tmp_path / "other.onnx"
    onnx.save(model, path)
    samples = RNG.random((70, 12)) < 0.5
    labels = read_onnx(path).network.predict(samples)
    labels[:7] = (labels[:7] + 1) % 3
    np.savez(tmp_path / "bits.npz", x=samples, y=labels)
    np.savez(tmp_path / "signs.npz", x=np.where(samples, 1, -1), y=labels)
    return path


def test_a_network_of_others_is_evaluated_predicted_and_simulated(tmp_path, elsewhere, monkeypatch):
    report = tmp_path / "report.json"
    for name in ("bits.npz", "signs.npz"):
        printed = metabit("evaluate", elsewhere, "--dataset", tmp_path / name, "--json", report)
        assert "test accuracy 90.00 %" in printed
        assert json.loads(report.read_text())["samples"] == 70
    metabit(
        *("predict", elsewhere, "--dataset", tmp_path / "bits.npz"),
        *("--out", tmp_path / "o.npy", "--encoder", "none"),
    )
    with np.load(tmp_path / "bits.npz") as data:
        assert (np.load(tmp_path / "o.npy") == data["y"]).mean() == 0.9
    common = (elsewhere, "--dataset", tmp_path / "bits.npz", "--json", report)
    printed = metabit("simulate", *common)
    assert "device and host predict the same" in printed
    assert json.loads(report.read_text())["test_accuracy"] == 0.9
    # The model of a device that other tests have behind a port knows golden's codes only.
    shape = SHAPES["small"]
    monkeypatch.setattr(
        "metabit.commands.run.board", lambda *_: open_driver(build_device(shape), shape)
    )
    assert "test accuracy 90.00 %" in metabit("run", *common, "--port", "X")


def test_an_export_keeps_what_its_samples_need(tmp_path):
    rng = np.random.default_rng(2)
    lines = ["size,colour,kind"]
    for _ in range(90):
        kind = int(rng.integers(2))
        lines.append(f"{rng.normal(3 * kind):.2f},{['red', 'blue'][kind]},k{kind}")
    (tmp_path / "table.csv").write_text("\n".join(lines))
    run, net = tmp_path / "run.npz", tmp_path / "net.onnx"
    metabit("train", "--dataset", f"{tmp_path}/table.csv#kind", "--epochs", 2, "--out", run)
    metabit("export", run, "--format", "qonnx", "--out", net)
    accuracy = f"test accuracy {100 * load_checkpoint(run).record.test_accuracy[-1]:.2f} %"
    assert accuracy in metabit("evaluate", net)
    assert accuracy in metabit("simulate", net)
    (tmp_path / "new.csv").write_text("colour,size\nred,-1\nblue,3\n")
    found = []
    for network in (run, net):
        metabit("predict", network, "--dataset", tmp_path / "new.csv", "--out", tmp_path / "o.csv")
        found.append((tmp_path / "o.csv").read_text())
    assert found[0] == found[1] == "sample,class\n0,k0\n1,k1\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("evaluate",), "does not say what to test on: --dataset does"),
        (
            ("evaluate", "--dataset", "wine", "--encoder", "none"),
            "become 13 bits (encoder 'none'), and the network",
        ),
        (("evaluate", "--encoder", "median"), "takes something from training data"),
        (("simulate", "--epochs", 3), "--epochs means nothing for an .onnx file, which is only"),
        (("run", "--port", "X", "--out", "r.npz"), "--out means nothing for an .onnx file"),
        (("predict", "--dataset", "digits", "--simulate"), "an .onnx file predicts on the host"),
    ],
)
def test_mistakes_are_one_line(elsewhere, arguments, message):
    assert message in metabit(arguments[0], elsewhere, *arguments[1:], status=1)


def test_without_onnx_the_extra_is_named(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "onnx", None)
    for name in [name for name in sys.modules if name.startswith("metabit.export.onnx")]:
        monkeypatch.delitem(sys.modules, name)
    printed = metabit("evaluate", tmp_path / "net.onnx", status=1)
    assert "this needs the package onnx; run: " in printed
    assert "[onnx]'" in printed


def test_a_changed_weight_is_found_out(trained):
    checkpoint, samples = trained(BITS, "none")
    network = threshold_network(checkpoint.network())
    layer = network.layers[0]
    wrong = ~layer.weights
    planted = ThresholdNetwork(
        (ThresholdLayer(wrong, layer.thresholds, layer.head, layer.codes),), network.bias
    )
    scores = scores_of(checkpoint.network(), samples)
    model = onnx_model(planted, qonnx=False, name="net")
    found, _ = by_onnx_itself(model, np.where(samples, 1, -1).astype(np.float32))
    assert (found != scores).any()
