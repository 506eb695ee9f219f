"""The popcount that is simulated equals the one that is built: a proof over its gates, and a trial.

A function of bits is a polynomial over the integers in exactly one way, if no power of a variable
occurs. So two polynomials that are alike prove that two functions are equal for all 2**64 words.
"""

import json
from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
import pytest
from amaranth.back import rtlil
from amaranth.hdl import Cat, Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from metabit.hdl.array import popcount
from metabit.hdl.array.popcount import Popcount
from metabit.hdl.shape import LANES
from metabit.sim.model import SimulatedDevice
from metabit.sim.source import Rtl
from metabit.sim.verilate import build
from metabit.tools.run import run_tool

GATES = {
    "$_NOT_": lambda a: ~a,
    "$_BUF_": lambda a: a,
    "$_AND_": lambda a, b: a & b,
    "$_OR_": lambda a, b: a | b,
    "$_XOR_": lambda a, b: a ^ b,
    "$_XNOR_": lambda a, b: ~(a ^ b),
    "$_ANDNOT_": lambda a, b: a & ~b,
    "$_ORNOT_": lambda a, b: a | ~b,
    "$_MUX_": lambda a, b, s: (a & ~s) | (b & s),
}
REGISTER = "$_DFF_P_"

Polynomial = dict[frozenset[int], int]
"""Coefficients of products of bits."""


@dataclass
class Gates:
    """A netlist of single gates: what drives each net, and the nets of each signal."""

    drivers: dict[int, tuple[str, list[int]]]
    signals: dict[str, list[int]]

    @classmethod
    def of(cls, component, folder) -> "Gates":
        (folder / "design.il").write_text(rtlil.convert(component, emit_src=False))
        (folder / "gates.ys").write_text(
            "read_rtlil design.il\nproc\nflatten\ntechmap\nsimplemap\nopt_clean\n"
            "write_json gates.json\n"
        )
        run_tool(["yosys", "-s", "gates.ys"], folder, folder / "gates.log")
        module = json.loads((folder / "gates.json").read_text())["modules"]["top"]
        signals = {name: net["bits"] for name, net in module["netnames"].items()}
        drivers = {}
        for cell in module["cells"].values():
            # No reset comes while bits are counted.
            pins = {
                pin: ["0"] if nets == signals["rst"] else nets
                for pin, nets in cell["connections"].items()
            }
            if cell["type"] == REGISTER:
                drivers[pins["Q"][0]] = REGISTER, pins["D"]
            else:
                inputs = [pins[name][0] for name in "ABS" if name in pins]
                drivers[pins["Y"][0]] = cell["type"], inputs
        return cls(drivers, signals)

    def cone(self, net, inputs, registers):
        """Return the inputs that a net depends on, and registers on every way to them."""
        if net in inputs or net in ("0", "1"):
            assert registers == 0 or net in ("0", "1")
            return {net} & inputs
        kind, sources = self.drivers[net]
        left = registers - (kind == REGISTER)
        assert left >= 0
        return set().union(*(self.cone(source, inputs, left) for source in sources))

    def values(self, net, given):
        """Return the values of a net for those of its inputs, registers being wires."""
        if net in given:
            return given[net]
        if net in ("0", "1"):
            return np.full_like(next(iter(given.values())), net == "1")
        kind, sources = self.drivers[net]
        parts = [self.values(source, given) for source in sources]
        return parts[0] if kind == REGISTER else GATES[kind](*parts)

    def polynomial(self, net, inputs, registers) -> Polynomial:
        """Return the polynomial of a net, behind so many registers, in its inputs."""
        names = sorted(self.cone(net, inputs, registers))
        assert len(names) <= 3, "a compressor takes three bits"
        cases = np.array(list(product([False, True], repeat=len(names))), bool)
        table = self.values(net, {name: cases[:, n] for n, name in enumerate(names)})
        found: Polynomial = {}
        for size in range(len(names) + 1):
            for chosen in combinations(names, size):
                # The value where just these bits are set, less all terms that are not zero there.
                here = int(table[[set(chosen) == _set(names, case) for case in cases]][0])
                found[frozenset(chosen)] = here - sum(
                    value for term, value in found.items() if term < set(chosen)
                )
        return found


def _set(names, case):
    return {name for name, value in zip(names, case, strict=True) if value}


def prove(dut: Popcount, folder) -> None:
    """Prove that a Popcount counts, ``latency`` cycles later."""
    width = len(dut.bits)
    gates = Gates.of(dut, folder)
    stages = 0
    columns = [gates.signals["bits"]]
    for level in range(1, dut._depth + 1):
        inputs = {net for column in columns for net in column}
        expected = {frozenset([net]): 1 << w for w, column in enumerate(columns) for net in column}
        assert len(expected) == len(inputs)
        registered = level % dut._LEVELS_PER_STAGE == 0
        stages += registered
        columns, weight = [], 0
        while nets := gates.signals.get(f"level_{level}_weight_{weight}"):
            columns.append(nets)
            weight += 1
        total: Polynomial = defaultdict(int)
        for weight, column in enumerate(columns):
            for net in column:
                for term, value in gates.polynomial(net, inputs, registered).items():
                    total[term] += value << weight
        assert {term: value for term, value in total.items() if value} == expected
    # What is left is few bits: all their values.
    nets = [net for column in columns for net in column]
    weights = np.array([1 << weight for weight, column in enumerate(columns) for _ in column])
    cases = (np.arange(1 << len(nets))[:, None] >> np.arange(len(nets))) & 1
    given = {net: cases[:, n].astype(bool) for n, net in enumerate(nets)}
    count = sum(
        gates.values(net, given).astype(int) << n for n, net in enumerate(gates.signals["count"])
    )
    # More than all bits are never set.
    possible = cases @ weights <= width
    np.testing.assert_array_equal(count[possible], (cases @ weights)[possible])
    for net in gates.signals["count"]:
        gates.cone(net, set(nets), 1)
    assert stages + 1 == dut.latency


@pytest.mark.build
@pytest.mark.parametrize("width", [1, 3, 17, LANES])
def test_every_level_of_the_tree_keeps_the_weighted_sum(tmp_path, width):
    prove(Popcount(width), tmp_path)


@pytest.mark.build
@pytest.mark.parametrize("bug", ["sum", "carry", "place"])
def test_a_wrong_tree_is_not_proven(tmp_path, monkeypatch, bug):
    compress = popcount._compress

    def wrong(columns):
        reduced = compress(columns)
        if bug == "place" and len(columns) > 2:
            # A bit of weight 1 in the place of one of weight 2.
            reduced[0], reduced[1] = (
                Cat(reduced[0][:-1], reduced[1][-1]),
                Cat(reduced[1][:-1], reduced[0][-1]),
            )
        elif bug == "sum":
            reduced[0] = Cat(~reduced[0][0], reduced[0][1:])
        elif bug == "carry":
            reduced[-1] = Cat(reduced[-1][:-1], columns[0][0] & columns[0][1])
        return reduced

    monkeypatch.setattr(popcount, "_compress", wrong)
    with pytest.raises(AssertionError):
        prove(Popcount(LANES), tmp_path)


@pytest.mark.build
def test_a_wrong_latency_is_not_proven(tmp_path):
    dut = Popcount(LANES)
    dut.latency += 1
    with pytest.raises(AssertionError):
        prove(dut, tmp_path)


class Counter(wiring.Component):
    """Count the ones of the last eight bytes received; a byte is answered in every cycle."""

    rx: In(stream.Signature(8))
    tx: Out(stream.Signature(8))

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = dut = Popcount(LANES)
        m.d.comb += [self.rx.ready.eq(1), self.tx.valid.eq(1), self.tx.payload.eq(dut.count)]
        with m.If(self.rx.valid):
            m.d.sync += dut.bits.eq(Cat(dut.bits[8:], self.rx.payload))
        return m


def test_both_answer_alike_in_every_cycle():
    rng = np.random.default_rng(7)
    # Few ones, many, and just as many as not.
    odds = np.repeat(rng.random(300) ** 2, 20)
    sent = np.packbits(rng.random((len(odds), 8)) < odds[:, None], axis=1).tobytes()
    sent = bytes(8) + b"\xff" * 8 + sent
    answers = []
    for exact in (False, True):
        library = build(Rtl(Counter(), exact_popcount=exact), optimise="-O0")
        with SimulatedDevice(library) as device:
            device.send(sent)
            device.run(len(sent) + 20)
            answers.append(b"".join(iter(device.receive, b"")))
    assert answers[0] == answers[1]
    assert {0, 64} < set(answers[0])
    assert len(set(answers[0])) > 60
