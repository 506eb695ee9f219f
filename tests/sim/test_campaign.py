"""Lines that bring anything: what is drawn, that a device bears it, and that slips are found."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from metabit.campaign import regressions, run, tasks
from metabit.campaign.shrink import shrink_case, shrink_sequence
from metabit.cli import app
from metabit.errors import MetabitError
from metabit.hdl.bundles import Space
from metabit.hdl.link.protocol import Operation, Status
from metabit.host.packets import DELIMITER, Request, encode_request, frame
from metabit.sim.fuzz import noise
from metabit.sim.fuzz.link_model import LinkModel, WrongAnswerError
from metabit.sim.fuzz.pieces import KINDS, Maker, sound_body
from metabit.sim.fuzz.sessions import HangError, play, script
from metabit.sim.model import SimulatedDevice
from metabit.sim.sweep import Case, case_of, device_of
from tests.sim.small import SHAPE, small_library

KEPT = regressions.read(Path(__file__).with_name("regressions.json"))
"""What campaigns have found, and an example of each kind."""

SIZE = 4_000


@pytest.fixture(scope="module")
def device():
    with SimulatedDevice(small_library()) as device:
        yield device


def test_pieces_are_of_all_kinds_and_none_starts_a_run():
    maker = Maker(SHAPE, np.random.default_rng(0))
    pieces = [maker.piece() for _ in range(1500)]
    assert {piece.kind for piece in pieces} == set(KINDS)
    bodies = [sound_body(part) for piece in pieces for part in piece.raw.split(DELIMITER)]
    sound = [body for body in bodies if body is not None]
    assert len(sound) > 500
    assert bodies.count(None) > 500
    codes = {body[1] for body in sound}
    assert codes > {each.value for each in Operation} - {Operation.RUN.value}
    assert Operation.RUN.value not in codes


def test_noise_holds_no_request():
    maker = Maker(SHAPE, np.random.default_rng(1), sound=False)
    parts = [part for _ in range(500) for part in maker.piece().raw.split(DELIMITER)]
    assert all(sound_body(part) is None for part in parts)


def test_scripts_follow_from_their_numbers():
    one = script("paced", SIZE, SHAPE, 1, 2)
    assert one == script("paced", SIZE, SHAPE, 1, 2)
    assert one.pieces != script("paced", SIZE, SHAPE, 1, 3).pieces
    assert SIZE <= one.bytes < 2 * SIZE


@pytest.mark.parametrize("kind", ["paced", "flood"])
@pytest.mark.parametrize("number", range(2))
def test_a_device_answers_as_its_model_whatever_comes(device, kind, number):
    found = play(device, SHAPE, script(kind, SIZE, SHAPE, 1, number))
    assert found.sent >= SIZE
    assert found.compared > 500
    assert found.replies["OK"] > 50
    assert found.replies["BAD_FRAME"] > 2


@pytest.mark.slow
def test_training_over_a_noisy_line_is_as_golden(device):
    found, samples = noise.train(device, SHAPE, 1, 0)
    assert found.sent > 50_000
    assert {"burst", "lost", "damaged", "cut", "answer damaged"} <= set(found.fates)
    assert samples > 4


class Wrong(SimulatedDevice):
    """A device that goes wrong in a way."""

    fault = "none"

    def send(self, raw):
        if self.fault == "writes elsewhere":
            raw = b"\0".join(self._elsewhere(part) for part in raw.split(b"\0"))
        super().send(raw)

    @staticmethod
    def _elsewhere(part):
        """Return a request to write counters at the next address, with a sound CRC."""
        body = sound_body(part)
        if body is None or body[1] != Operation.WRITE.value or body[3] != Space.COUNTERS.value:
            return part
        return frame(body[:6] + bytes([body[6] ^ 1]) + body[7:])[:-1]

    def run_until_frame(self, patience):
        return self.fault != "silent" and super().run_until_frame(patience)


@pytest.mark.parametrize("kind", ["paced", "flood"])
def test_faults_are_found(kind):
    with Wrong(small_library()) as wrong:
        sent = script(kind, SIZE, SHAPE, 1, 4)
        play(wrong, SHAPE, sent)
        for fault, error in (("writes elsewhere", WrongAnswerError), ("silent", HangError)):
            wrong.fault = fault
            with pytest.raises(error):
                play(wrong, SHAPE, sent)


def test_the_model_refuses_an_answer_that_should_be_another():
    model = LinkModel(SHAPE)
    identify = encode_request(1, Request(Operation.IDENTIFY))[:-1]
    refusal = frame(bytes([1, Operation.IDENTIFY.value, Status.BUSY.value]))[:-1]
    with pytest.raises(WrongAnswerError, match=r"status=<Status.BUSY: 5>.* should have been .*OK"):
        model.check(identify, refusal)


# Smaller failures


def test_sequences_shrink_to_what_fails():
    tried = []

    def fails(items):
        tried.append(items)
        return 3 in items and 17 in items

    assert shrink_sequence(range(40), fails) == (3, 17)
    assert len(tried) <= 80
    assert len(shrink_sequence(range(40), lambda items: True, tries=3)) < 40


def test_cases_shrink_to_what_fails():
    case = next(
        case for number in range(0, 80, 4) if (case := case_of(number, 1)).config.layers == 2
    )
    shape = device_of(case.number)
    small = shrink_case(case, shape, lambda case: case.config.inputs >= 5, tries=10_000)
    assert small.runs == 1
    config = small.config
    assert (config.inputs, config.hidden, config.classes, config.group) == (5, (1,), 2, 1)
    assert (config.tile, config.lag, config.reinforcement) == (1, 0, 0.0)
    assert shrink_case(case, shape, lambda case: False) == case


def test_failures_are_kept_in_a_file(tmp_path):
    path = tmp_path / "failures.json"
    assert regressions.read(path) == []
    network = regressions.NetworkFailure(
        device="small", config=case_of(0, 1).config, seed=1, number=0, runs=2, error="wrong"
    )
    sent = replace(script("flood", 100, SHAPE, 1, 0), stall=(3, 0.25, 0.5))
    link = regressions.LinkFailure.of("small", sent, "wrong")
    noisy = regressions.NoiseFailure(device="small", seed=1, number=4, error="wrong")
    regressions.add(path, [network, link])
    regressions.add(path, [link, noisy])
    assert regressions.read(path) == [network, link, noisy]
    assert network.case == Case("small", network.config, 1, 0, 2)
    assert link.script == sent
    path.write_text("{}")
    with pytest.raises(MetabitError, match="failures is missing"):
        regressions.read(path)


@pytest.mark.slow
@pytest.mark.parametrize("failure", KEPT, ids=lambda failure: f"{failure.kind}-{failure.device}")
def test_what_failed_once_does_not_fail_again(failure):
    assert tasks.attempt(failure) is None


# The campaign


def test_a_campaign_divides_its_bytes():
    planned = run.plan(3, 2, 1_000_000, seed=1)
    links = [task for task in planned if isinstance(task, tasks.LinkTask)]
    kinds = [task.kind for task in links]
    assert kinds == ["paced"] * 17 + ["flood"] * 17 + ["noise"] * 2
    networks = [task for task in planned if isinstance(task, tasks.NetworkTask)]
    assert [task.netlist for task in networks] == ["ice40"] * 2 + ["ecp5"] * 2 + [None] * 3


def test_what_failed_is_counted_kept_and_an_error(monkeypatch, tmp_path):
    def found(planned, workers):
        for task in planned:
            wrong = "all is wrong" if task.number == 1 else None
            yield tasks.Done(task, "small", case_of(0, 1).config, 10, 100, None, wrong)

    kept = regressions.NoiseFailure(device="small", seed=1, number=4, error="wrong")
    monkeypatch.setattr(run, "run", found)
    monkeypatch.setattr(tasks, "shrunk", lambda done: kept)
    out, keep = tmp_path / "out.json", tmp_path / "kept.json"
    command = ["bench", "campaign", "--networks", "3", "--bytes", "0"]
    result = CliRunner().invoke(app, [*command, "--json", str(out), "--keep", str(keep)])
    assert result.exit_code == 1
    assert "1 of 3 tasks failed (seed 1)" in " ".join(result.output.split())
    results = json.loads(out.read_text())
    assert (results["networks"], results["samples"]) == (3, 30)
    assert results["failures"][0]["error"] == "all is wrong"
    assert regressions.read(keep) == [kept]
    result = CliRunner().invoke(app, ["bench", "campaign", "--networks", "0", "--bytes", "0"])
    assert "there is nothing to do" in " ".join(result.output.split())
