"""Real bitstreams of small devices, with the real tools."""

import json

import pytest
from typer.testing import CliRunner

from metabit.cli import app
from metabit.hdl.shape import SHAPES


@pytest.mark.slow
@pytest.mark.build
@pytest.mark.parametrize(
    ("board", "device", "mhz", "logic", "header"),
    [
        # Both with a phase-locked loop. A bitstream starts with a comment, or with its preamble.
        ("icebreaker", "small-spram", 15, "logic cells", b"\xff\x00\x00\xff\x7e\xaa\x99\x7e"),
        (
            *("ulx3s-85f", "small", 50, "look-up tables"),
            b"\xff\x00Part: LFE5U-85F-6CABGA381\x00",
        ),
    ],
)
def test_bitstream(tmp_path, board, device, mhz, logic, header):
    out, report = tmp_path / "out", tmp_path / "build.json"
    command = ["build", board, "--device", device, "--freq", mhz, "--out", out, "--json", report]
    result = CliRunner().invoke(app, [str(word) for word in command])
    assert result.exit_code == 0, result.output
    assert "Running step: synthesis [1/3]" in result.output
    measured = json.loads(report.read_text())
    assert measured["board"] == board
    assert measured["shape"] == device
    assert measured["shape_digest"] == SHAPES[device].digest.hex()
    # The tools hold periods in whole picoseconds.
    assert measured["target_mhz"]["sync"] == pytest.approx(mhz, rel=0.002)
    assert measured["fmax_mhz"]["sync"] >= mhz
    assert 0 < measured["resources"][logic]["used"] < measured["resources"][logic]["total"]
    assert measured["resources"]["phase-locked loops"]["used"] == 1
    blocks = {"array", "codes", "forward", "head", "link", "search", "store", "totals", "uart"}
    assert measured["blocks"].keys() >= blocks
    bitstream = (out / measured["bitstream"].rpartition("/")[2]).read_bytes()
    assert header in bitstream[:100]
    assert len(bitstream) == measured["bytes"] > 10_000
    # Nothing in the design depends on where or when it is built.
    again = CliRunner().invoke(app, [str(word) for word in command])
    assert "Nothing has changed" in again.output


def test_a_network_that_does_not_fit_is_refused_at_once(tmp_path):
    command = ["build", "ulx3s-85f", "--config", "paper-135", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1
    assert " ".join(result.output.split()) == (
        "error: configuration paper-135 has counters of 8 bits, device ecp5 of 7; "
        "use --counter-bits 7"
    )
    assert not (tmp_path / "out").exists()
