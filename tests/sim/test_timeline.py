"""Reading who is busy when from a waveform, and `metabit bench timeline`."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from metabit.cli import app
from metabit.errors import MetabitError
from metabit.sim.timeline import read_timeline

HALF = 5
"""Time units of half a cycle, as the simulation writes them."""

HEADER = """$version fake $end
$timescale 1ps $end
 $scope module top $end
  $scope module core$7 $end
   $scope module forward $end
    $var wire 1 ! passing $end
    $var wire 1 "$ waiting $end
   $upscope $end
   $scope module head$218 $end
    $var wire 3 b) head_state [2:0] $end
   $upscope $end
   $scope module store $end
    $scope module loader $end
     $var wire 1 v samples__valid $end
     $var wire 1 r samples__ready $end
    $upscope $end
   $upscope $end
  $upscope $end
  $scope module other $end
   $scope module rows $end
    $var wire 1 x busy $end
   $upscope $end
  $upscope $end
 $upscope $end
$enddefinitions $end
"""

WIRES = {"passing": "!", "waiting": '"$', "head_state": "b)", "valid": "v", "ready": "r"}


def write(path: Path, cycles: list[dict[str, int]], start: int = 1000) -> Path:
    """Write a waveform; every cycle's values hold from its rising edge on."""
    lines = []
    for number, values in enumerate(cycles):
        lines.append(f"#{start + 2 * HALF * number}")
        for name, value in values.items():
            code = WIRES[name]
            lines.append(f"b{value:b} {code}" if name == "head_state" else f"{value}{code}")
        lines.append(f"#{start + 2 * HALF * number + HALF}")
    lines.append(f"#{start + 2 * HALF * len(cycles)}")
    path.write_text(HEADER + "\n".join(lines) + "\n")
    return path


values = st.fixed_dictionaries(
    {name: st.integers(0, 7 if name == "head_state" else 1) for name in WIRES}
)


@given(st.lists(values, min_size=2, max_size=40))
def test_spans_are_the_cycles_in_which_nothing_is_zero(tmp_path_factory, cycles):
    path = write(tmp_path_factory.getbasetemp() / "spans.vcd", cycles)
    timeline = read_timeline(path)
    assert timeline.cycles == len(cycles)
    for title, names in {
        "samples come in": ("valid", "ready"),
        "neurons pass the array": ("passing",),
        "array waits for a commit": ("waiting",),
        "head finds classes": ("head_state",),
    }.items():
        done = [all(cycle[name] for name in names) for cycle in cycles]
        found = [False] * len(cycles)
        for at, length in timeline.spans[title]:
            assert length > 0
            found[at : at + length] = [True] * length
        assert found == done
        assert timeline.share(title) == sum(done) / len(done)
        half = timeline.first(len(cycles) // 2 + 1)
        assert half.share(title) == sum(done[: half.cycles]) / half.cycles
        start = len(cycles) // 3
        third = timeline.part(start, len(cycles) // 3 + 1)
        found = [at + n for at, length in third.spans[title] for n in range(length)]
        assert found == [n for n, busy in enumerate(done[start:][: third.cycles]) if busy]
    assert "rows are updated" not in timeline.spans, "it is a wire of another block"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no waveform, or one that was cut off"),
        (HEADER.partition("$enddef")[0], "is no waveform, or one that was cut off"),
        (HEADER.replace("core$7", "heart"), "has no training core in it"),
        (HEADER + "#1000\n1!\n", "has no cycle in it"),
    ],
)
def test_what_is_no_waveform_of_a_core_is_refused(tmp_path, text, message):
    path = tmp_path / "wrong.vcd"
    path.write_text(text)
    with pytest.raises(MetabitError, match=message):
        read_timeline(path)
    with pytest.raises(MetabitError, match=r"cannot read .*missing\.vcd"):
        read_timeline(tmp_path / "missing.vcd")


def test_the_command_says_and_draws_it(tmp_path):
    pytest.importorskip("matplotlib")
    path = write(tmp_path / "tiles.vcd", 3 * [{"passing": 1, "head_state": 0}] + [{"passing": 0}])
    pictures = []
    for name in ("one.svg", "two.svg"):
        picture, report = tmp_path / name, tmp_path / "timeline.json"
        arguments = ["bench", "timeline", path, "--out", picture, "--json", report]
        result = CliRunner().invoke(app, list(map(str, arguments)))
        assert result.exit_code == 0, result.output
        assert "| neurons pass the array | 3 | 75.0% |" in result.output
        pictures.append(picture.read_bytes())
    assert pictures[0] == pictures[1]
    assert json.loads(report.read_text())["spans"]["neurons pass the array"] == [[0, 3]]
    result = CliRunner().invoke(app, ["bench", "timeline", str(path), "--out", "x.nothing"])
    assert result.exit_code == 1
    assert "--out x.nothing" in " ".join(result.output.split())
