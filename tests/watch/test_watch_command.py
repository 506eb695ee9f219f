"""`metabit watch` as a user calls it."""

import http.client
import json
import re
import signal
import subprocess
import sys
from importlib import import_module

import pytest
from typer.testing import CliRunner

from metabit.cli import app
from metabit.golden.checkpoints.hardware import load_checkpoint
from tests.watch.watching import wait

QUICK = ("--epochs", "2", "--hidden", "32", "--web-port", "0")


def metabit(*arguments, status=0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == status, result.output
    return " ".join(result.output.split())


@pytest.fixture
def trained(tmp_path):
    """What metabit train writes of the same training."""
    metabit("train", "--epochs", 2, "--hidden", 32, "--json", tmp_path / "train.json")
    return json.loads((tmp_path / "train.json").read_text())


def test_it_trains_as_metabit_train_does(trained, tmp_path):
    out, file, page = (tmp_path / name for name in ("run.npz", "watch.json", "page.html"))
    printed = metabit("watch", *QUICK, "--end", "--out", out, "--json", file, "--export", page)
    results = json.loads(file.read_text())
    watching = results.pop("watching")
    assert watching["looks"] >= 1
    same = results.keys() - {"seconds_per_epoch"}
    assert same == trained.keys() - {"seconds_per_epoch"}
    assert {name: results[name] for name in same} == {name: trained[name] for name in same}
    assert load_checkpoint(out).record.state_sha256 == trained["state_sha256"]
    assert re.search(r"open http://127\.0\.0\.1:\d+/", printed)
    assert "Ctrl-C" not in printed
    assert "2 of 2 epochs, test accuracy" in printed
    assert f"{100 * trained['test_accuracy']:.2f} %" in page.read_text()


def test_seeds_are_trained_side_by_side(tmp_path):
    file, page = tmp_path / "watch.json", tmp_path / "page.html"
    out = tmp_path / "run.npz"
    metabit("watch", *QUICK, "--end", "--seeds", 2, "--json", file, "--export", page, "--out", out)
    results = json.loads(file.read_text())
    metabit("train", *QUICK[:4], "--seeds", 2, "--json", tmp_path / "train.json")
    expected = json.loads((tmp_path / "train.json").read_text())
    assert results["seeds"] == [0, 1]
    for name in ("test_accuracy", "test_accuracy_std", "train_accuracy"):
        assert results[name] == expected[name]
    assert [run["state_sha256"] for run in results["runs"]] == [
        run["state_sha256"] for run in expected["runs"]
    ]
    for number, seed in enumerate((0, 1)):
        assert "Learning curve" in (tmp_path / f"page-{number}.html").read_text()
        assert load_checkpoint(tmp_path / f"run-{seed}.npz").record.config.seed == seed


def test_checkpoints_are_shown_and_go_on(trained, tmp_path):
    done, half = tmp_path / "done.npz", tmp_path / "half.npz"
    metabit("train", *QUICK[:4], "--out", done)
    metabit("train", "--epochs", 1, "--hidden", 32, "--out", half)
    file = tmp_path / "watch.json"
    printed = metabit("watch", done, half, "--web-port", 0, "--end", "--json", file)
    assert printed.count("finished") == 2
    accuracies = [run["test_accuracy"] for run in json.loads(file.read_text())["trainings"]]
    assert accuracies[0] == trained["test_accuracy"]
    # One that is made longer goes on.
    longer = tmp_path / "longer.npz"
    words = ("--epochs", 2, "--web-port", 0, "--end", "--out", longer)
    assert "2 of 2 epochs" in metabit("watch", half, *words)
    assert len(load_checkpoint(longer).record.test_accuracy) == 2
    # And beside a checkpoint, something else may be trained.
    printed = metabit("watch", done, *QUICK[:2], "--margin", "0.5", "--web-port", 0, "--end")
    assert printed.count("tiny-custom, seed 0: finished") == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--port", "X", "--simulate"), "--port is a board"),
        (("--verify",), "--verify needs --port"),
        (("--simulate", "--mode", "paper"), "no device trains in mode paper"),
        (("--simulate", "--seeds", "2"), "a device trains one network at a time, not 2"),
        (("--out", "run.txt"), "--out must end in .npz"),
        (("--export", "no/page.html"), "--export no/page.html: folder no does not exist"),
        (("--host", "192.0.2.1"), "cannot listen on 192.0.2.1"),
        (("--device", "ecp5-sdram", "--counter-bits", "7"), "plays samples from memory of its own"),
        (("no.npz",), "no.npz"),
    ],
)
def test_what_cannot_be_is_refused(arguments, message):
    assert message in metabit("watch", *QUICK, "--end", *arguments, status=1)


def test_other_modes_are_watched_too(tmp_path):
    words = ("--mode", "paper", "--epochs", 1, "--layers", "20", "--group", 5)
    page = tmp_path / "page.html"
    metabit("watch", *words, "--web-port", 0, "--end", "--export", page)
    text = page.read_text()
    assert "hidden weights that" in text
    assert "What neurons look for" in text


def test_without_its_extra_it_says_what_is_missing(monkeypatch):
    # Others hold on to the package that is there.
    monkeypatch.setattr(sys.modules["metabit"], "watch", import_module("metabit.watch"))
    for name in [name for name in sys.modules if name.startswith("metabit.watch")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "starlette.concurrency", None)
    printed = metabit("watch", *QUICK, "--end", status=1)
    assert "this needs the package starlette.concurrency" in printed
    assert "[watch]" in printed


@pytest.fixture
def process(tmp_path):
    """Starts the command, and returns process and a file of what it prints."""
    started = []

    def start(*arguments):
        file = tmp_path / "printed.txt"
        with file.open("w") as output:
            words = [sys.executable, "-m", "metabit", "watch", *map(str, arguments)]
            begun = subprocess.Popen(words, stdout=output, stderr=output, cwd=tmp_path)
        started.append(begun)
        wait(lambda: "Ctrl-C" in file.read_text() or begun.poll() is not None)
        return begun, file

    yield start
    for begun in started:
        begun.kill()
        begun.wait()


def test_ctrl_c_ends_it_and_what_was_trained_is_kept(tmp_path, process):
    out = tmp_path / "run.npz"
    words = ("--epochs", 4000, "--web-port", 0, "--out", out, "--engine", "numpy")
    begun, printed = process(*words)
    wait(out.exists)
    begun.send_signal(signal.SIGINT)
    assert begun.wait(60) == 130, printed.read_text()
    assert 0 < len(load_checkpoint(out).record.test_accuracy) < 4000
    assert f"saved {out}" in printed.read_text()


def test_it_stays_until_ctrl_c_and_is_closed_to_others(process):
    """Also after the training, and with the token that it has printed, once."""
    begun, printed = process(*QUICK, "--host", "0.0.0.0")
    text = printed.read_text()
    [(port, token)] = re.findall(r"http://\S+:(\d+)/\?token=(\S+)", text)
    assert text.count(token) == 1
    assert "others on the network can see it" in text

    def state(query):
        connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=30)
        connection.request("GET", f"/state{query}")
        answer = connection.getresponse()
        try:
            return answer.status, answer.read()
        finally:
            connection.close()

    assert state("")[0] == 401
    wait(lambda: json.loads(state(f"?token={token}")[1])["now"][0]["seen"]["state"] == "finished")
    assert begun.poll() is None
    begun.send_signal(signal.SIGINT)
    assert begun.wait(60) == 0
