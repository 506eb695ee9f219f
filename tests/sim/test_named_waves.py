"""Waveforms for people: words for numbers, layouts that name what is there, golden's classes."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from vcd.reader import TokenKind, tokenize

from metabit.errors import MetabitError
from metabit.golden.config import Config
from metabit.hdl.device import Device
from metabit.hdl.placement import Placement
from metabit.hdl.shape import SHAPES
from metabit.sim.named_rows import NOTHING
from metabit.sim.named_waves import write_named
from metabit.sim.state_words import state_words
from tests.sim.small import CONFIG, SHAPE

NAMES = ["hat", "left shoe", "scarf"]

HEADER = """$timescale 1ps $end
$scope module top $end
$scope module core $end
 $scope module control $end
  $var wire 2 c control_state [1:0] $end
 $upscope $end
 $scope module forward $end
  $var wire 1 i at_idle $end
  $var wire 1 p at_pass_neurons $end
  $var wire 5 a address [4:0] $end
 $upscope $end
 $scope module head $end
  $var wire 1 v judged__valid $end
  $var wire 1 r judged__ready $end
  $var wire 4 l judged__payload.labels[0] [3:0] $end
  $var wire 4 m judged__payload.labels[1] [3:0] $end
  $var wire 1 n judged__payload.step.columns $end
 $upscope $end
 $scope module jobs $end
  $var wire 1 V jobs__valid $end
  $var wire 1 R jobs__ready $end
  $var wire 2 k jobs__payload.kind [1:0] $end
  $var wire 5 A jobs__payload.address [4:0] $end
 $upscope $end
$upscope $end
$upscope $end
$enddefinitions $end
"""

WIDTHS = dict.fromkeys("ipvrnVR", 1) | {"c": 2, "k": 2, "a": 5, "A": 5, "l": 4, "m": 4}


def record(path: Path, cycles: list[dict[str, int]]) -> Path:
    """Write a waveform in which the wires have settled in the first half of a cycle.

    In the other half, when registers have stepped, they are all zero.
    """
    lines = []
    for number, values in enumerate(cycles):
        lines.append(f"#{10 * number}")
        lines += [f"b{value:b} {code}" for code, value in values.items()]
        lines.append(f"#{10 * number + 5}")
        lines += [f"b0 {code}" for code in values]
    path.write_text(HEADER + "\n".join(lines) + "\n")
    return path


def read(path: Path) -> dict[str, list[tuple[int, str | int]]]:
    """Return cycles and values of all variables of a waveform, read by another reader."""
    names, found, scopes, now = {}, {}, [], 0
    with path.open("rb") as file:
        for token in tokenize(file):
            match token.kind:
                case TokenKind.SCOPE:
                    scopes.append(token.scope.ident)
                case TokenKind.UPSCOPE:
                    scopes.pop()
                case TokenKind.VAR:
                    names[token.var.id_code] = ".".join([*scopes, token.var.reference])
                    found[names[token.var.id_code]] = []
                case TokenKind.CHANGE_TIME:
                    now = token.time_change
                case TokenKind.CHANGE_SCALAR | TokenKind.CHANGE_VECTOR | TokenKind.CHANGE_STRING:
                    change = token.data
                    value = change.value
                    plain = int(value) if token.kind is TokenKind.CHANGE_SCALAR else value
                    found[names[change.id_code]].append((now // 1000, plain))
    return found


def at_cycles(changes: list[tuple[int, str | int]], cycles: int) -> list[str | int]:
    """Return the value of a variable in each cycle."""
    by_cycle, value = dict(changes), None
    return [value := by_cycle.get(cycle, value) for cycle in range(cycles)]


def check_layouts(folder: Path) -> None:
    """Demand that both layouts show everything that is there, and nothing else."""
    there = set(read(folder / "tile.vcd"))
    surfer = (folder / "tile.sucl").read_text().splitlines()
    assert {line.split()[1] for line in surfer if line.startswith("variable_add ")} == there
    others = [line for line in surfer if not line.startswith("variable_add ")]
    assert all(re.fullmatch(r"divider_add [a-z]+|zoom_fit", line) for line in others)
    shown = re.findall(r"^metabit\.(.*)$", (folder / "tile.gtkw").read_text(), re.M)
    assert {f"metabit.{name.partition('[')[0]}" for name in shown} == there
    assert len(shown) == len(there)


cycle = st.fixed_dictionaries(
    {code: st.integers(0, 2**width - 1) for code, width in WIDTHS.items()}
)


@given(st.lists(cycle, min_size=2, max_size=20))
def test_numbers_become_words(tmp_path_factory, cycles):
    folder = tmp_path_factory.mktemp("waves")
    for values in cycles:
        values["l"] %= len(NAMES)
        values["m"] %= len(NAMES)
        values["k"] %= 4
    recorded = record(folder / "raw.vcd", cycles)
    write_named(recorded, folder, Placement(CONFIG, SHAPE), NAMES)
    found = read(folder / "tile.vcd")
    check_layouts(folder)

    def shown(name):
        return at_cycles(found[f"metabit.{name}"], len(cycles))

    assert shown("run.state") == [["Idle", "Start", "Begin", "Run"][c["c"]] for c in cycles]
    assert shown("array.sign_word") == [c["a"] for c in cycles]
    assert shown("array.state") == [
        "idle" if c["i"] else "pass_neurons" if c["p"] else NOTHING for c in cycles
    ]
    words = [name.replace(" ", "_") for name in NAMES]
    for column, code in enumerate("lm"):
        assert shown(f"head.label_{column}") == [
            words[c[code]] if c["v"] and c["r"] and c["n"] >= column else NOTHING for c in cycles
        ]
    assert shown("updates.job") == [
        ["row", "layer", "sample", "tile"][c["k"]] if c["V"] and c["R"] else NOTHING for c in cycles
    ]
    base = Placement(CONFIG, SHAPE).base
    neurons = {base[layer] + n: f"{layer}:{n}" for layer in (0, 1) for n in range((9, 7)[layer])}
    assert shown("updates.neuron") == [
        neurons.get(c["A"], str(c["A"])) if c["V"] and c["R"] and not c["k"] else NOTHING
        for c in cycles
    ]


def test_classes_have_the_numbers_of_the_device(tmp_path):
    shape = SHAPES["small-spram"]
    config = Config(name="ten", inputs=64, hidden=(8,), classes=10, group=4)
    placement = Placement(config, shape)
    names = [f"class {number}" for number in range(10)]
    numbers = [placement.class_number(label) for label in range(10)]
    cycles = [{"v": 1, "r": 1, "l": number} for number in numbers]
    assert numbers != list(range(10)), "a device of fewer code bits than classes"
    write_named(record(tmp_path / "raw.vcd", cycles), tmp_path, placement, names)
    found = at_cycles(read(tmp_path / "tile.vcd")["metabit.head.label_0"], 10)
    assert found == [name.replace(" ", "_") for name in names]


@pytest.mark.parametrize("name", ["small", "small-spram"])
def test_states_are_called_what_the_design_calls_them(name):
    words = state_words(Device(SHAPES[name], supply=True))
    assert words["core.control.control_state"] == ["Idle", "Start", "Begin", "Run"]
    assert words["core.search.search_state"][0] == "Await step"
    assert {"core.head.head_state", "core.store.rows.rows_state"} <= set(words)
    assert all(all(found) and len(set(found)) == len(found) for found in words.values())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no waveform, or one that was cut off"),
        (HEADER.replace("core", "heart"), "has no training core with named wires in it"),
        (HEADER + "#10\nb1 i\n", "has no cycle in it"),
    ],
)
def test_what_is_no_waveform_of_a_core_is_refused(tmp_path, text, message):
    path = tmp_path / "wrong.vcd"
    path.write_text(text)
    with pytest.raises(MetabitError, match=message):
        write_named(path, tmp_path, Placement(CONFIG, SHAPE), NAMES)
    with pytest.raises(MetabitError, match=r"missing\.vcd: No such file"):
        write_named(tmp_path / "missing.vcd", tmp_path, Placement(CONFIG, SHAPE), NAMES)


def test_equal_waveforms_give_equal_files(tmp_path):
    draws = np.random.default_rng(0)
    cycles = [
        {code: int(draws.integers(2**width)) for code, width in WIDTHS.items()} for _ in range(9)
    ]
    folders = []
    for name in ("one", "two"):
        recorded = record(tmp_path / f"{name}.vcd", cycles)
        named = write_named(recorded, tmp_path / name, Placement(CONFIG, SHAPE), NAMES)
        folders.append({file.name: file.read_bytes() for file in named.parent.iterdir()})
    assert folders[0] == folders[1]
    assert set(folders[0]) == {"tile.vcd", "tile.gtkw", "tile.sucl"}
