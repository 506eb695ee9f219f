"""Mutants of a device: what is drawn, that a tape is played as it was, and that slips are heard."""

import json
import re
from dataclasses import asdict, replace
from functools import partial
from itertools import product

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from metabit.errors import MetabitError
from metabit.golden.generator import PERIOD, Generator
from metabit.hdl.device import Device
from metabit.hdl.shape import SHAPES
from metabit.mutants.campaign import run
from metabit.mutants.design import Mutant, Mutated
from metabit.mutants.draws import state_before
from metabit.mutants.earlier import settled
from metabit.mutants.equivalence import changes_nothing
from metabit.mutants.tape import Begin, Receive, Send, Tape, TapingTransport
from metabit.selftest.bench import Bench
from metabit.selftest.link import every_byte, repeats
from metabit.sim.model import SimulatedDevice
from metabit.sim.verilate import build

SHAPE = SHAPES["small"].model_copy(update={"name": "least", "elements": 1, "samples": 1})
COUNT = 12


@pytest.fixture(scope="module")
def mutated():
    return Mutated(partial(Device, SHAPE), COUNT, 3)


@pytest.fixture(scope="module")
def library(mutated):
    return build(mutated, optimise="-O0")


@pytest.fixture(scope="module")
def tape(library):
    """Return what a sound device answers to two checks of the link."""
    tape = Tape()
    with SimulatedDevice(library) as device:
        bench = Bench(TapingTransport(device, tape), SHAPE, None)
        for check in (every_byte, repeats):
            tape.begin(check.__name__)
            check(bench)
    return tape


def test_a_line_of_the_list():
    line = (
        "mutate -ctrl mutant 11 2 -mode inv -module top -cell $flatten.$210 -port Q -portbit 40 "
        "-wire core.enable -wirebit 7 -src /any/hdl/learn/step.py:64 -src /any/x/_ast.py:9"
    )
    sources = ("hdl/learn/step.py:64",)
    expected = Mutant(2, "inv", "$flatten.$210", "Q", 40, "core.enable[7]", sources)
    assert Mutant.parse(2, line) == expected


def test_the_draw_is_the_same_for_a_seed(mutated):
    assert len(mutated.mutants) == COUNT
    assert Mutated(partial(Device, SHAPE), COUNT, 3).mutants == mutated.mutants
    assert Mutated(partial(Device, SHAPE), COUNT, 4).mutants != mutated.mutants


def test_a_sound_device_answers_as_before(library, tape):
    with SimulatedDevice(library) as device:
        device.mutate(0)
        assert tape.replay(device) is None


def test_another_answer_is_heard_in_its_chapter(library, tape):
    last = max(n for n, event in enumerate(tape.events) if isinstance(event, Receive))
    frame = tape.events[last].frame
    spoilt = replace(tape.events[last], frame=bytes([frame[0] ^ 1, *frame[1:]]))
    other = Tape([*tape.events[:last], spoilt, *tape.events[last + 1 :]])
    with SimulatedDevice(library) as device:
        assert other.replay(device) == "repeats"


def test_a_device_that_is_silent_is_given_up(library):
    tape = Tape([Begin("silence"), Send(b"\x01"), Receive(b"\x02\x00", 100)])
    with SimulatedDevice(library) as device:
        assert tape.replay(device) == "silence"


def test_mutants_are_noticed(mutated, library, tape):
    verdicts = list(run(library, tape, mutated.mutants, 2))
    assert [verdict.mutant for verdict in verdicts] == mutated.mutants
    killed = {verdict.killed_by for verdict in verdicts} - {None}
    assert killed
    assert killed <= {"every_byte", "repeats"}


def test_a_model_without_mutants_has_none():
    library = build(Device(SHAPE), optimise="-O0")
    with SimulatedDevice(library) as device, pytest.raises(ValueError, match="without mutants"):
        device.mutate(1)


class Masked(wiring.Component):
    """Of two inputs, one has no say."""

    a: In(2)
    b: In(2)
    out: Out(2)

    def elaborate(self, platform):
        m = Module()
        either, both = Signal(2), Signal(2)
        m.d.comb += [either.eq(self.a | self.b), both.eq(either & self.a)]
        m.d.sync += self.out.eq(both)
        return m


def changed(mutant, value):
    """Return what a mutant makes of two bits."""
    bit, other = value >> mutant.bit & 1, value >> (1 - mutant.bit) & 1
    new = {
        "inv": 1 - bit,
        "const0": 0,
        "const1": 1,
        "cnot0": bit ^ 1 ^ other,
        "cnot1": bit ^ other,
    }[mutant.mode]
    return value & ~(1 << mutant.bit) | new << mutant.bit


def masked(mutant, kinds, a, b):
    """Return what the gates of the component answer with a mutant."""
    values = {"A": a, "B": b}
    for kind in ("or", "and"):
        if kinds.get(mutant.cell) == kind and mutant.port != "Y":
            values[mutant.port] = changed(mutant, values[mutant.port])
        y = values["A"] | values["B"] if kind == "or" else values["A"] & values["B"]
        if kinds.get(mutant.cell) == kind and mutant.port == "Y":
            y = changed(mutant, y)
        values = {"A": y, "B": a}
    return y


def test_what_changes_nothing():
    mutated = Mutated(Masked, 100, 1)
    netlist, _ = mutated.change(1)
    kinds = {cell: kind for kind, cell in re.findall(r"cell \$(or|and) (\S+)", netlist)}
    gates = [mutant for mutant in mutated.mutants if mutant.cell in kinds]
    assert len({(mutant.cell, mutant.port, mutant.bit) for mutant in gates}) == 12
    pairs = list(product(range(4), repeat=2))
    silent = {one: all(masked(one, kinds, a, b) == a for a, b in pairs) for one in gates}
    for expected in (True, False):
        chosen = [mutant for mutant in gates if silent[mutant] == expected][:5]
        assert len(chosen) == 5
        for mutant in chosen:
            assert changes_nothing(mutated, mutant.number) == expected, mutant


class Kept(wiring.Component):
    """What is read was written, and nobody else reads what is written."""

    a: In(2)
    b: In(2)
    out: Out(2)

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(shape=2, depth=4, init=[])
        write, read = memory.write_port(), memory.read_port()
        m.d.comb += [write.en.eq(1), write.addr.eq(self.b), write.data.eq(self.a ^ self.b)]
        m.d.comb += [read.addr.eq(self.b), self.out.eq(read.data)]
        return m


def test_what_only_a_memory_takes_is_compared():
    mutated = Mutated(Kept, 100, 1)
    (gate,) = re.findall(r"cell \$xor (\S+)", mutated.change(1)[0])
    written = [one for one in mutated.mutants if one.cell == gate and one.mode == "inv"]
    assert written
    assert not any(changes_nothing(mutated, one.number) for one in written)


def test_a_clock_is_never_proved_to_change_nothing():
    mutated = Mutated(Masked, 100, 1)
    clocks = [mutant.number for mutant in mutated.mutants if mutant.port == "CLK"]
    assert clocks
    assert not any(changes_nothing(mutated, number) for number in clocks)


def result_file(path, mutated, **of_first):
    rows = [asdict(mutant) | {"killed_by": "link"} for mutant in mutated.mutants]
    rows[0] |= {"killed_by": None, **of_first}
    path.write_text(json.dumps({"mutants": rows}))
    return path


def test_what_was_noticed_before_is_settled(tmp_path, mutated):
    found = settled(result_file(tmp_path / "a.json", mutated), mutated.mutants)
    assert list(found) == list(range(2, COUNT + 1))
    assert {one.killed_by for one in found.values()} == {"link"}
    silent = result_file(tmp_path / "b.json", mutated, changes_nothing=True)
    assert settled(silent, mutated.mutants)[1].changes_nothing


def test_results_of_other_mutants_are_refused(tmp_path, mutated):
    others = Mutated(partial(Device, SHAPE), COUNT, 4)
    with pytest.raises(MetabitError, match="is not of these mutants"):
        settled(result_file(tmp_path / "a.json", mutated), others.mutants)
    for text, message in (("{", "is no JSON"), ("[]", "not of these"), ("{}", "not of these")):
        (tmp_path / "wrong.json").write_text(text)
        with pytest.raises(MetabitError, match=message):
            settled(tmp_path / "wrong.json", mutated.mutants)
    with pytest.raises(MetabitError, match="cannot read"):
        settled(tmp_path / "none.json", mutated.mutants)


def test_a_draw_is_where_it_is_meant_to_be():
    for draw in (1, 1 << 31, PERIOD):
        for steps in (1, 2, 5):
            assert Generator(state_before(draw, steps)).draw(steps)[-1] == draw
