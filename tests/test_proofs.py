"""Proofs of the blocks: each holds, and fails with every slip; and a proof can fail."""

import dataclasses
import json
from types import ModuleType

import pytest
from typer.testing import CliRunner

from metabit.cli import app
from metabit.hdl.link import crc
from metabit.proofs import MODULES, proofs
from metabit.proofs.harness import Harness, implies
from metabit.proofs.planting import plant
from metabit.proofs.proof import Proof, Twin
from metabit.proofs.prover import SOLVER, prove
from metabit.tools.errors import ToolNotFoundError
from metabit.tools.find import find_tool

try:
    find_tool(SOLVER)
except ToolNotFoundError as error:
    pytestmark = pytest.mark.skip(reason=str(error))


@pytest.mark.slow
@pytest.mark.parametrize("proof", proofs(), ids=str)
def test_a_property_holds_and_fails_with_every_slip(proof):
    result = prove(proof)
    assert result.holds, result.said
    assert not [slip for slip, refuted in result.twins if not refuted]


def test_every_proof_has_twins_and_a_name_of_its_own():
    names = [proof.name for proof in proofs()]
    assert len(set(names)) == len(names)
    assert all(proof.twins for proof in proofs())
    assert len(proofs(MODULES[0], MODULES[1])) == len(proofs(MODULES[0])) + len(proofs(MODULES[1]))
    with pytest.raises(LookupError, match=r"^proofs must be of aborts, .*, not 'none'$"):
        proofs("none")


def counting(wrong: int, lemma: int = 1):
    """Return a harness in which a count of three never comes to ``wrong``."""

    def build(module: ModuleType) -> Harness:
        h = Harness()
        dut = module.Crc()
        h.place(dut)
        count = h.register("count", 3)
        h.m.d.sync += count.eq(count + (count != 3))
        h.claim(count != wrong)
        h.lemma(implies(lemma, count < 4))
        return h

    return build


def proof(build, *twins: Twin, **fields) -> Proof:
    return Proof("count", crc, "A count ends.", "3 bits", build, twins, **fields)


def test_a_claim_that_does_not_hold_fails_with_the_run():
    result = prove(proof(counting(2), depth=4))
    assert not result.holds
    assert "Assert failed" in result.said
    # It takes two cycles to get there.
    assert prove(proof(counting(2), depth=2, bounded=True)).holds


def test_an_induction_needs_its_lemma():
    assert prove(proof(counting(6), depth=2)).holds
    result = prove(proof(counting(6, lemma=0), depth=2))
    assert not result.holds
    assert "induction failed" in result.said


def test_a_run_from_any_state_begins_anywhere_but_knows_that_it_begins():
    def build(module: ModuleType) -> Harness:
        h = Harness()
        h.place(module.Crc(), wired=("start",))
        left = h.register("left", 1)
        h.m.d.sync += left.eq(left & h.any(1))
        h.claim(h.first | (left == 0))
        return h

    assert prove(proof(build, depth=3, bounded=True)).holds
    assert not prove(proof(build, depth=3, bounded=True, any_start=True)).holds


def test_a_twin_that_still_holds_is_told():
    result = prove(proof(counting(6), Twin("_INITIAL = 0xFFFF", "_INITIAL = 0"), depth=2))
    assert result.holds
    assert result.twins == (("_INITIAL = 0 for _INITIAL = 0xFFFF", False),)
    assert not result.sound


def test_a_slip_in_a_part_reaches_the_block():
    (receiver,) = (found for found in proofs("link") if found.name == "receiver")
    planted = receiver.planted(Twin("self.crc == 0", "self.crc == 1", crc))
    assert planted.Crc is not crc.Crc
    assert receiver.source.Crc is crc.Crc
    with pytest.raises(LookupError, match="has 'no such' 0 times, not once"):
        plant(crc, ("no such", "such"))


def test_what_is_not_in_a_block_is_told():
    h = Harness()
    dut = crc.Crc()
    h.place(dut)
    with pytest.raises(LookupError, match="no signal 'none'"):
        h.inside(dut, "none")
    with pytest.raises(LookupError, match=r"no variable 'Crc.elaborate.none'; there are Crc"):
        h.variable(dut, "Crc.elaborate.none")
    assert "crc" in h.rtlil().lower()  # used, as Amaranth complains of what is not


def test_the_command_writes_what_it_has_found(tmp_path):
    file = tmp_path / "proofs.json"
    done = CliRunner().invoke(app, ["bench", "proofs", "draws", "--jobs", "2", "--json", str(file)])
    assert done.exit_code == 0, done.output
    assert f"{len(proofs('draws'))} of {len(proofs('draws'))} proofs hold" in done.output
    written = json.loads(file.read_text())
    assert "yices" in written["engine"]
    assert [one["name"] for one in written["proofs"]] == [one.name for one in proofs("draws")]
    assert all(one["holds"] and dict(one["twins"]).values() for one in written["proofs"])


def test_the_command_fails_where_a_proof_does(monkeypatch):
    (first, *_) = proofs("draws")
    broken = dataclasses.replace(first, twins=(Twin("STATE_BITS = 32", "STATE_BITS = 32 + 0"),))
    monkeypatch.setattr("metabit.proofs.draws.PROOFS", [broken])
    done = CliRunner().invoke(app, ["bench", "proofs", "draws"])
    assert done.exit_code == 1
    assert "still holds with" in done.output
    done = CliRunner().invoke(app, ["bench", "proofs", "none"])
    assert done.exit_code != 0
    assert "proofs must be of aborts, " in done.output
