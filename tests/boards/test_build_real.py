"""Real bitstreams of a small configuration, with the real tools."""

import json

import pytest
from typer.testing import CliRunner

from metabit.cli import app
from metabit.golden.config import ArrayShape, Config

SMALL = Config(
    name="small",
    inputs=32,
    hidden=(8,),
    classes=4,
    group=4,
    counter_bits=4,
    tile=2,
    array=ArrayShape(rows=2, lanes=16, samples=1),
)


@pytest.mark.slow
@pytest.mark.build
@pytest.mark.parametrize(
    ("board", "mhz", "logic", "header"),
    [
        # Both with a phase-locked loop. A bitstream starts with a comment, or with its preamble.
        ("icebreaker", 15, "logic cells", b"\xff\x00\x00\xff\x7e\xaa\x99\x7e"),
        ("ulx3s-85f", 50, "look-up tables", b"\xff\x00Part: LFE5U-85F-6CABGA381\x00"),
    ],
)
def test_bitstream(tmp_path, board, mhz, logic, header):
    config, out, report = tmp_path / "small.json", tmp_path / "out", tmp_path / "build.json"
    config.write_text(SMALL.model_dump_json())
    command = ["build", board, "--config", config, "--freq", mhz, "--out", out, "--json", report]
    result = CliRunner().invoke(app, [str(word) for word in command])
    assert result.exit_code == 0, result.output
    assert "Running step: synthesis [1/3]" in result.output
    measured = json.loads(report.read_text())
    assert measured["board"] == board
    assert measured["config"] == "small"
    # The tools hold periods in whole picoseconds.
    assert measured["target_mhz"]["sync"] == pytest.approx(mhz, rel=0.002)
    assert measured["fmax_mhz"]["sync"] >= mhz
    assert 0 < measured["resources"][logic]["used"] < measured["resources"][logic]["total"]
    assert measured["resources"]["phase-locked loops"]["used"] == 1
    assert measured["blocks"].keys() >= {"array", "learn", "link", "store", "uart", "update"}
    bitstream = (out / measured["bitstream"].rpartition("/")[2]).read_bytes()
    assert header in bitstream[:100]
    assert len(bitstream) == measured["bytes"] > 10_000
    # Nothing in the design depends on where or when it is built.
    again = CliRunner().invoke(app, [str(word) for word in command])
    assert "Nothing has changed" in again.output
