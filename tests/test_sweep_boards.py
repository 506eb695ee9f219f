"""Sweeps on boards: the host's results, bit for bit, whatever boards do in between."""

import csv
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from metabit.cli import app
from metabit.commands.options import choose_plan
from metabit.golden import schedule
from metabit.golden.data.datasets import load_dataset
from metabit.hdl.shape import SHAPES
from metabit.sweep import fleet as fleet_module
from metabit.sweep import on_board
from metabit.sweep import ports as ports_module
from metabit.sweep.desk import Desk, Job
from metabit.sweep.ports import Port, find_ports
from tests.boards.pty_board import AnyNetwork, PtyBoard

EPOCHS, SEEDS = 3, 3

RUNS = 14
"""Runs of samples that an epoch takes: 13 of a tile each, the last of 4 samples, and a test."""

LONG = schedule.SPAN
"""Tiles of a span, where nothing has been changed."""

SAME = (
    "state_sha256",
    "test_accuracy",
    "test_accuracy_per_epoch",
    "train_accuracy",
    "train_accuracy_per_epoch",
    "config",
    "data_sha256",
)
"""What host and boards must agree in."""

Boards = Callable[[str], PtyBoard]


def metabit(*arguments: object, status: int = 0) -> str:
    result = CliRunner().invoke(app, [str(word) for word in arguments])
    assert result.exit_code == status, result.output
    return " ".join(result.output.split())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several spans an epoch, and short pauses."""
    monkeypatch.setattr(schedule, "SPAN", 1)
    monkeypatch.setattr(fleet_module, "PAUSE", 0.05)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Four noisy patterns of 24 bits."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 4, 120)
    patterns = rng.random((4, 24)) < 0.5
    path = tmp_path / "own.npz"
    np.savez(path, x=patterns[labels] ^ (rng.random((120, 24)) < 0.25), y=labels)
    return path


@pytest.fixture
def options(own: Path) -> tuple[object, ...]:
    """Networks of two devices: counters of 4 bits, and of 8."""
    return (
        *("sweep", "--dataset", own, "--epochs", EPOCHS, "--seeds", SEEDS, "--vary", "group=3"),
        *("--vary", "hidden=6", "--vary", "counter_bits=4 8"),
    )


@pytest.fixture
def board(own: Path) -> Iterator[Boards]:
    """Make a board with a named device."""
    data = load_dataset(str(own))
    configs = [
        choose_plan(None, dataset=data, seed=seed, hidden="6", group="3", counter_bits=bits)[
            0
        ].config
        for seed in range(SEEDS)
        for bits in ("4", "8")
    ]
    made: list[PtyBoard] = []

    def make(device: str) -> PtyBoard:
        made.append(PtyBoard(AnyNetwork(SHAPES[device], configs)))
        return made[-1]

    yield make
    for each in made:
        each.close()


def ports_of(*boards: PtyBoard) -> tuple[str, ...]:
    return "--boards", ",".join(each.port for each in boards), "--timeout", "0.5"


def lines_of(path: Path) -> dict[str, dict[str, Any]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {line["key"]: line for line in lines}


def table_in(path: Path) -> list[dict[str, Any]]:
    """Return the table of a report, without times."""
    rows = json.loads(path.read_text())["table"]
    return [{k: v for k, v in row.items() if k != "seconds_per_epoch"} for row in rows]


@pytest.fixture
def host(tmp_path: Path, options: tuple[object, ...]) -> dict[str, dict[str, Any]]:
    """What the host's sweep finds."""
    out = tmp_path / "host.jsonl"
    metabit(*options, "--jobs", 1, "--out", out, "--json", tmp_path / "host.json")
    return lines_of(out)


def check_same(found: dict[str, dict[str, Any]], expected: dict[str, dict[str, Any]]) -> None:
    assert found.keys() == expected.keys()
    for key, line in found.items():
        assert {name: line[name] for name in SAME} == {name: expected[key][name] for name in SAME}
        assert line["status"] == "done"


def test_boards_of_two_kinds_give_the_results_of_the_host(
    tmp_path: Path, options: tuple[object, ...], host: dict[str, dict[str, Any]], board: Boards
) -> None:
    boards = [board("small"), board("small-spram"), board("small-spram")]
    out, report, table = tmp_path / "b.jsonl", tmp_path / "b.json", tmp_path / "b.csv"
    printed = metabit(*options, *ports_of(*boards), "--out", out, "--json", report, "--csv", table)
    found = lines_of(out)
    check_same(found, host)
    assert table_in(report) == table_in(tmp_path / "host.json")
    device_of = {each.port: each.device.shape.name for each in boards}
    for line in found.values():
        assert line["device"] == device_of[line["board"]]
        assert line["device"] == {4: "small", 8: "small-spram"}[line["config"]["counter_bits"]]
        assert line["boards"] == [line["board"]]
        assert line["verified"] is False
        assert line["link"]["answered"] > 0
    with table.open() as file:
        rows = {(row["counter_bits"], row["seed"]): row for row in csv.DictReader(file)}
    for line in found.values():
        row = rows[line["label"]["counter_bits"], str(line["seed"])]
        assert (row["board"], row["device"]) == (line["board"], line["device"])
    said = {each["port"]: each for each in json.loads(report.read_text())["boards"]}
    assert sum(each["runs"] for each in said.values()) == 2 * SEEDS
    assert said[boards[0].port]["runs"] == SEEDS
    for each in boards:
        assert f"{each.device.shape.name} at {each.port}" in printed
        assert said[each.port]["samples_per_second"] > 0
        assert f"small at {each.port}: " in printed or f"spram at {each.port}: " in printed
    assert "samples/s (" in printed
    assert not out.with_suffix(".parts").exists()
    assert "6 runs, 6 of them done already" in metabit(*options, "--jobs", 1, "--out", out)


def test_boards_that_die_hang_and_babble_in_the_middle_change_nothing(
    tmp_path: Path, options: tuple[object, ...], host: dict[str, dict[str, Any]], board: Boards
) -> None:
    """Three fail in the middle of their second epoch, each in another way."""
    sound = [board("small"), board("small-spram")]
    dying, hanging, babbling = board("small"), board("small-spram"), board("small-spram")
    dying.dies_after = hanging.hangs_after = babbling.garbles_after = RUNS + 2
    out, report = tmp_path / "b.jsonl", tmp_path / "b.json"
    printed = metabit(
        *options,
        *ports_of(dying, hanging, babbling, *sound),
        *("--out", out, "--json", report),
    )
    found = lines_of(out)
    check_same(found, host)
    assert table_in(report) == table_in(tmp_path / "host.json")
    said = {each["port"]: each for each in json.loads(report.read_text())["boards"]}
    for failing, why in (
        (dying, f"{dying.port} "),
        (hanging, f"no answer from {hanging.port}"),
        (babbling, f"no sound answer from {babbling.port} after 3 tries"),
    ):
        assert said[failing.port]["failures"] >= 1
        assert f"{failing.port} has failed with tiny" in printed
        assert why in printed
    # Who went on did not begin anew: the epoch that was finished was not trained again.
    handed = [line for line in found.values() if len(set(line["boards"])) > 1]
    assert handed
    assert not out.with_suffix(".parts").exists()


def test_a_run_goes_on_where_another_board_has_left_it(
    tmp_path: Path, options: tuple[object, ...], host: dict[str, dict[str, Any]], board: Boards
) -> None:
    """One epoch of three is done on the board that dies, and is not done again."""
    dying, sound = board("small"), board("small")
    dying.dies_after = RUNS + 2
    out = tmp_path / "b.jsonl"
    only = [word if word != "counter_bits=4 8" else "counter_bits=4" for word in options]
    only[only.index("--seeds") + 1] = 1
    metabit(*only, *ports_of(dying), "--out", out, status=1)
    assert out.with_suffix(".parts").exists()
    assert not lines_of(out)
    before = sound.runs
    metabit(*only, *ports_of(sound), "--out", out)
    (line,) = lines_of(out).values()
    assert line["state_sha256"] == host[line["key"]]["state_sha256"]
    assert line["test_accuracy_per_epoch"] == host[line["key"]]["test_accuracy_per_epoch"]
    assert sound.runs - before == (EPOCHS - 1) * RUNS


def test_a_run_that_had_ended_but_had_no_line_is_not_done_again(
    tmp_path: Path,
    options: tuple[object, ...],
    host: dict[str, dict[str, Any]],
    board: Boards,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The sweep was killed between the last checkpoint of its runs and their lines."""
    one, out = board("small"), tmp_path / "b.jsonl"
    only = [word if word != "counter_bits=4 8" else "counter_bits=4" for word in options]
    with monkeypatch.context() as patch:
        patch.setattr(on_board.Parts, "remove", lambda *_: None)
        metabit(*only, *ports_of(one), "--out", out)
    out.unlink()
    before = one.runs
    metabit(*only, *ports_of(one), "--out", out)
    assert one.runs == before
    check_same(lines_of(out), {k: v for k, v in host.items() if v["config"]["counter_bits"] == 4})


def test_a_board_that_comes_back_is_used_again(
    tmp_path: Path, options: tuple[object, ...], board: Boards, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = board("small-spram")
    one.hangs_after = RUNS + 2
    said = []

    def say(self: object, text: str) -> None:
        said.append(text)
        one.hangs_after = None

    monkeypatch.setattr("metabit.commands.fleet_view.FleetView.say", say)
    only = [word if word != "counter_bits=4 8" else "counter_bits=8" for word in options]
    out = tmp_path / "b.jsonl"
    printed = metabit(*only, *ports_of(one), "--out", out)
    assert len(said) == 1
    assert "the board is tried again in 0.05 s" in said[0]
    assert "left out" not in printed
    assert {line["status"] for line in lines_of(out).values()} == {"done"}
    assert len(lines_of(out)) == SEEDS


def test_when_no_board_is_left_the_rest_is_missing(
    tmp_path: Path, options: tuple[object, ...], host: dict[str, dict[str, Any]], board: Boards
) -> None:
    sound, dying = board("small"), board("small-spram")
    dying.dies_after = 3
    out = tmp_path / "b.jsonl"
    printed = metabit(*options, *ports_of(sound, dying), "--out", out, status=1)
    assert "has failed 3 times in a row" in printed
    assert f"{SEEDS} of {2 * SEEDS} runs are missing" in printed
    assert len(lines_of(out)) == SEEDS
    metabit(*options, "--jobs", 1, "--out", out)
    check_same(lines_of(out), host)


def test_a_board_that_trains_wrongly_is_noticed(
    tmp_path: Path, options: tuple[object, ...], host: dict[str, dict[str, Any]], board: Boards
) -> None:
    """It steps one counter too far in every run of samples but the first few."""
    sound, wrong = board("small"), board("small")
    execute = wrong.device._start

    def start(word: int) -> None:
        execute(word)
        if wrong.runs > 4 and wrong.device.network is not None:
            counters = wrong.device.network.counters[0]
            counters[2, 3] = -1 - counters[2, 3]

    wrong.device._start = start  # type: ignore[method-assign]
    only = [word if word != "counter_bits=4 8" else "counter_bits=4" for word in options]
    expected = {k: v for k, v in host.items() if v["config"]["counter_bits"] == 4}
    unnoticed, out = tmp_path / "u.jsonl", tmp_path / "b.jsonl"
    metabit(*only, *ports_of(wrong), "--out", unnoticed)
    hashes = {key: line["state_sha256"] for key, line in lines_of(unnoticed).items()}
    assert all(hashes[key] != line["state_sha256"] for key, line in expected.items())
    printed = metabit(*only, *ports_of(wrong, sound), "--verify", "--out", out)
    assert "device and golden differ after tile" in printed
    assert "the board is left out: it does not train as golden does" in printed
    assert f"small at {wrong.port}: 0 runs" in printed
    assert "failed with 1 run; left out: it does not train as golden does" in printed
    check_same(lines_of(out), expected)
    assert {line["board"] for line in lines_of(out).values()} == {sound.port}
    assert all(line["verified"] for line in lines_of(out).values())


def test_what_was_not_verified_is_nothing_to_go_on_from(tmp_path: Path) -> None:
    parts = {
        verified: on_board.Parts.beside(tmp_path / "s.jsonl", verified=verified)
        for verified in (False, True)
    }
    assert parts[False].folder == parts[True].folder
    assert parts[False]._path("k") != parts[True]._path("k")


def test_a_run_that_fails_everywhere_is_the_run_that_fails(
    tmp_path: Path, options: tuple[object, ...], board: Boards
) -> None:
    boards = [board("small") for _ in range(4)]
    for each in boards:
        execute = each.device._start

        def start(
            word: int, each: PtyBoard = each, execute: Callable[[int], None] = execute
        ) -> None:
            execute(word)
            each.hangs_after = 0 if each.device.config.seed == 1 else None

        each.device._start = start  # type: ignore[method-assign]
        reset = each.device._answer

        def answer(
            raw: bytes, each: PtyBoard = each, reset: Callable[[bytes], bytes] = reset
        ) -> bytes:
            reply = reset(raw)
            if each.device.requests and each.device.requests[-1].operation.name == "IDENTIFY":
                each.hangs_after = None
            return reply

        each.device._answer = answer  # type: ignore[method-assign]
    only = [word if word != "counter_bits=4 8" else "counter_bits=4" for word in options]
    out = tmp_path / "b.jsonl"
    printed = metabit(*only, *ports_of(*boards), "--out", out, status=1)
    assert "3 boards have failed with it" in printed
    status = {line["seed"]: line["status"] for line in lines_of(out).values()}
    assert status == {0: "done", 1: "failed", 2: "done"}


def test_what_no_board_holds_is_refused_before_anything_starts(
    tmp_path: Path, options: tuple[object, ...], board: Boards
) -> None:
    one = board("small")
    out = tmp_path / "b.jsonl"
    printed = metabit(*options, *ports_of(one), "--out", out, status=1)
    assert (
        "no board holds 3 of the 6 runs (tiny, 3, 6, 8, seed 0; tiny, 3, 6, 8, seed 1;" in printed
    )
    assert "counters of 8 bits, device small of 4; use --counter-bits 4" in printed
    assert one.runs == 0
    assert out.read_text() == ""
    wide = [word if word != "hidden=6" else "hidden=600" for word in options]
    wide = [word if word != "counter_bits=4 8" else "counter_bits=4" for word in wide]
    printed = metabit(*wide, *ports_of(one), "--out", out, status=1)
    assert "needs 600 neurons of a layer, device small has 64" in printed
    assert "it would fit with --hidden" in printed
    paper = ("--mode", "paper", "--vary", "hidden=6", "--vary", "group=3")
    printed = metabit(*options[:7], *paper, *ports_of(one), "--out", out, status=1)
    assert "mode paper is that of no device" in printed


def test_ctrl_c_keeps_what_is_done_and_where_runs_are(
    tmp_path: Path, options: tuple[object, ...], host: dict[str, dict[str, Any]], board: Boards
) -> None:
    boards = [board("small"), board("small-spram")]
    out = tmp_path / "b.jsonl"

    def press() -> None:
        while boards[0].runs < 45:
            time.sleep(0.002)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    printed = metabit(*options, *ports_of(*boards), "--out", out, status=130)
    thread.join()
    assert "boards stop, and their runs are saved" in printed
    assert "interrupted; the same command goes on" in printed
    done = len(lines_of(out))
    assert 1 <= done < 2 * SEEDS
    assert list(out.with_suffix(".parts").iterdir())
    printed = metabit(*options, *ports_of(*boards), "--out", out)
    assert f"6 runs, {done} of them done already" in printed
    check_same(lines_of(out), host)


def test_workers_of_a_cluster_train_on_their_boards(
    tmp_path: Path,
    options: tuple[object, ...],
    host: dict[str, dict[str, Any]],
    board: Boards,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a worker does, without a cluster: on its board, or on itself where that cannot be."""
    one, dying = board("small"), board("small")
    dying.dies_after = RUNS + 2
    points = []

    def keep(console: object, given: list[Any], *_: object, **how: Any) -> bool:
        points.extend((point, how["work"]) for point in given)
        return True

    monkeypatch.setattr("metabit.commands.sweep.train_missing", keep)
    out = tmp_path / "b.jsonl"
    metabit(*options, "--cluster", "tcp://nowhere:1", "--timeout", "0.5", "--out", out, status=1)
    (point, work), *_ = points
    misfit = points[-1][0]
    expected = {name: host[point.key][name] for name in SAME}

    line = work(point)
    assert {name: line[name] for name in SAME} == expected
    assert "board" not in line
    monkeypatch.setenv(on_board.BOARD, one.port)
    line = work(point)
    assert {name: line[name] for name in SAME} == expected
    assert (line["board"], line["device"]) == (one.port, "small")
    line = work(misfit)
    assert line["state_sha256"] == host[misfit.key]["state_sha256"]
    assert "counters of 8 bits, device small of 4" in line["no_board"]
    with on_board._in_use:
        line = work(point)
    assert line["no_board"] == f"{one.port} was at work"
    monkeypatch.setenv(on_board.BOARD, dying.port)
    line = work(point)
    assert {name: line[name] for name in SAME} == expected
    assert dying.port in line["no_board"]


def test_a_cluster_whose_workers_have_boards(
    tmp_path: Path,
    options: tuple[object, ...],
    board: Boards,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Workers are programs of their own, in which spans are as long as ever."""
    distributed = pytest.importorskip("distributed", reason="needs the extra dask")
    monkeypatch.setattr(schedule, "SPAN", LONG)
    one, expected, out = board("small"), tmp_path / "host.jsonl", tmp_path / "b.jsonl"
    metabit(*options, "--jobs", 1, "--out", expected)
    with monkeypatch.context() as patch:
        patch.setenv(on_board.BOARD, one.port)
        cluster = distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None
        )
    with cluster:
        metabit(*options, "--cluster", cluster.scheduler_address, "--out", out)
    check_same(lines_of(out), lines_of(expected))
    boards = [line.get("board") for line in lines_of(out).values()]
    assert sorted(map(str, boards)) == sorted(3 * [one.port] + 3 * ["None"])


class _Usb:
    def __init__(self, device: str, vid: int | None, pid: int | None) -> None:
        self.device, self.vid, self.pid = device, vid, pid


def test_ports_that_are_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = [
        _Usb("/dev/ttyUSB0", 0x0403, 0x6010),
        _Usb("/dev/ttyUSB1", 0x0403, 0x6015),
        _Usb("/dev/ttyACM0", 0x1234, 0x5678),
        _Usb("/dev/ttyS0", None, None),
    ]
    monkeypatch.setattr(ports_module, "comports", lambda: there)
    assert find_ports("auto") == [Port("/dev/ttyUSB0", False), Port("/dev/ttyUSB1", False)]
    for name in ("b1", "b2", "c"):
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to(tmp_path / "b1")
    found = find_ports(f"{tmp_path}/b?, {tmp_path}/link,{tmp_path}/c")
    assert found == [
        Port(f"{tmp_path}/link", True),
        Port(f"{tmp_path}/b2", False),
        Port(f"{tmp_path}/c", True),
    ]
    assert find_ports("socket://host:1?x=[1]") == [Port("socket://host:1?x=[1]", True)]


def test_mistakes(
    tmp_path: Path,
    options: tuple[object, ...],
    board: Boards,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    one, silent = board("small"), board("small")
    silent.hangs_after = -1
    only = [word if word != "counter_bits=4 8" else "counter_bits=4" for word in options]
    monkeypatch.setattr(ports_module, "comports", list)
    for arguments, message in (
        (("--boards", "auto"), "--boards auto: no such port; is the board plugged in?"),
        (("--boards", "/dev/nothing*"), "Serial ports here: none"),
        (("--boards", "/dev/ttyNONE"), "cannot open /dev/ttyNONE: it does not exist"),
        (("--boards", "auto", "--jobs", 2), "--jobs cannot be given with --boards"),
        (("--verify",), "--verify is for boards; give --boards, too"),
        (ports_of(one, silent), f"no answer from {silent.port} in 0.5 s after 3 tries"),
    ):
        assert message in metabit(*only, *arguments, status=1)
    # A port that only a pattern has found may be something else's.
    names = {one.port, silent.port}
    monkeypatch.setattr(ports_module, "glob", lambda word: names)
    printed = metabit(*only, "--boards", "/dev/pts/*", "--timeout", 0.5, "--out", "b.jsonl")
    assert f"left out: no answer from {silent.port}" in printed
    assert "3 runs, 0 of them done already" in printed


def test_boards_take_what_few_others_hold(own: Path) -> None:
    def job(*devices: str) -> Job:
        return Job(None, frozenset(devices))  # type: ignore[arg-type]

    both, only = job("a", "b"), job("a")
    desk = Desk([both, only])
    assert desk.take("a") is only
    assert desk.take("b") is both
    taken: list[Job | None] = []
    thread = threading.Thread(target=lambda: taken.append(desk.take("b")))
    thread.start()
    desk.give_back(both)
    thread.join(5)
    assert taken == [both]
    desk.finish(both)
    assert desk.take("b") is None
    desk.stop()
    assert desk.take("a") is None


def test_dask_that_is_missing_is_named(
    tmp_path: Path, options: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "dask", None)
    out = tmp_path / "b.jsonl"
    printed = metabit(*options, "--cluster", "tcp://localhost:1", "--out", out, status=1)
    assert "this needs the package dask; run: " in printed
