"""Networks in C, compiled, predict what golden predicts."""

import shutil
import subprocess
from decimal import Decimal
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from metabit.cli import app
from metabit.export.c_header import CHeader, c_header
from metabit.export.errors import ExportError
from metabit.export.whole_numbers import digits_of, scaled_samples, scaled_thresholds
from metabit.golden.checkpoints.hardware import Checkpoint
from metabit.golden.scores import scores_of
from tests.export.conftest import train

COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")

compiled = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")

PROGRAM = """
#include "net.h"
#include <inttypes.h>
#include <stdio.h>

int main(void)
{
    static net_value sample[net_VALUES];
    int32_t scores[net_CLASSES];
    int64_t number;
    for (;;) {
        int i, best;
        for (i = 0; i < net_VALUES; ++i) {
            if (scanf("%" SCNd64, &number) != 1)
                return 0;
            sample[i] = (net_value)number;
        }
        best = net_scores(sample, scores);
        if (best != net_predict(sample))
            return 1;
        printf("%d %s", best, net_class_names[best]);
        for (i = 0; i < net_CLASSES; ++i)
            printf(" %d", (int)scores[i]);
        printf("\\n");
    }
}
"""


def run_c(folder: Path, header: CHeader, images: npt.NDArray) -> list[list[str]]:
    """Compile a header, and return what it says of every sample."""
    (folder / "net.h").write_text(header.text, encoding="ascii")
    (folder / "net.c").write_text(PROGRAM)
    strict = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-O1")
    assert COMPILER is not None
    subprocess.run([COMPILER, *strict, "net.c", "-o", "net"], cwd=folder, check=True)
    lines = "\n".join(" ".join(map(str, row)) for row in header.samples(images).tolist())
    done = subprocess.run([folder / "net"], input=lines, capture_output=True, text=True, check=True)
    return [line.split(" ") for line in done.stdout.splitlines()]


def differences(folder: Path, checkpoint: Checkpoint, images: npt.NDArray) -> int:
    """Return how many samples C and golden do not agree on, scores included."""
    record = checkpoint.record
    bits = record.encoder_of(checkpoint.config.encoder).encode(images)
    scores = scores_of(checkpoint.network(), bits)
    found = run_c(folder, c_header(checkpoint, "net"), images)
    assert len(found) == len(images) > 0
    names = record.class_names or tuple(map(str, range(checkpoint.config.classes)))
    return sum(
        row != [str(best), names[best], *map(str, expected)]
        for row, best, expected in zip(found, scores.argmax(axis=1), scores.tolist(), strict=True)
    )


RNG = np.random.default_rng(7)
PIXELS = RNG.integers(0, 256, (90, 8, 12), dtype=np.uint8)
SIGNED = RNG.integers(-40, 40, (90, 10)).astype(np.int16)
COLOURS = RNG.integers(-900, 70_000, (90, 7, 6, 3)).astype(np.int32)
FRACTIONS = RNG.normal(size=(90, 6)).round(3)


@compiled
@pytest.mark.parametrize(
    ("images", "encoder", "fields"),
    [
        (PIXELS, "thermometer:0,64.5,128", {}),
        (PIXELS, "median+thermometer:-3,200,400", {"hidden": (70, 33), "group": 8}),
        (PIXELS, "quantiles:3", {"hidden": (33,), "summed_scores": False}),
        (PIXELS, "edges:d=1,t=8,c=0/3/6,dir=diagonals+areas:t=64/200,c=0/2", {"head_offset": 3}),
        (PIXELS, "edges:d=2,t=15,c=0/4,dir=knights,cell=6+thermometer:9", {}),
        (PIXELS, "select:20:edges:d=3,t=8,c=0+areas:t=99,c=5,cell=4", {"head_offset": 5}),
        (PIXELS.astype(np.int64), "areas:t=99,c=0/1/3", {"hidden": (12, 7, 5)}),
        (PIXELS, "comparisons:40", {}),
        (RNG.random((90, 7)) < 0.5, "copies:6,ones=12:none", {}),
        (PIXELS, "copies:2,ones=5:select:30:thermometer:9,99", {}),
        (FRACTIONS, "copies:1,ones=3:distributive:2", {}),
        (PIXELS, "select:24,steps=2:thermometer:9+comparisons:90+edges:d=1,t=8,c=3", {}),
        (COLOURS, "comparisons:50,seed=3", {"hidden": (33,)}),
        (PIXELS, "comparisons:50,t=99.5", {}),
        (COLOURS, "thermometer:9+comparisons:40,seed=2,t=-5/100/60000", {}),
        (PIXELS.astype(np.float32) / 255, "select:20:comparisons:40,t=0.25/0.5", {}),
        (COLOURS.transpose(0, 3, 1, 2), "select:30:comparisons:60", {}),
        (SIGNED, "thermometer:-7.5,0,12", {"head_offset": 2, "hidden": (9, 40), "group": 9}),
        (SIGNED, "distributive:5", {"hidden": (20, 10), "summed_scores": False}),
        (FRACTIONS, "distributive:7", {}),
        (FRACTIONS, "quantiles:9", {}),
        (FRACTIONS.astype(np.float32), "quantiles:4", {}),
        (FRACTIONS.astype(np.float32), "thermometer:0.1,-0.3", {}),
        (PIXELS.astype(np.float32) / 255, "distributive:3", {"hidden": (8,)}),
        (FRACTIONS > 0, "none", {"counter_bits": 4}),
        ((FRACTIONS > 0).astype(np.float64), "none", {"labels": 40, "hidden": (8, 8)}),
    ],
)
def test_every_prediction_and_score_is_golden_s(trained, tmp_path, images, encoder, fields):
    checkpoint, samples = trained(images, encoder, **fields)
    assert differences(tmp_path, checkpoint, samples) == 0


@compiled
def test_a_table_with_categories_and_odd_names(tmp_path):
    rows = ["size,colour,kind */ #define x,weight"]
    names = ('say "k"', "50%@home??/", "naïve")
    for row in range(60):
        colour, size = ("red", "green=", "blue")[row % 3], (row * 37 % 101) / 8
        rows.append(f"{size},{colour},{row % 2},{names[row % 3]!r}")
    (tmp_path / "odd.csv").write_text("\n".join(rows), encoding="utf-8")
    checkpoint, samples = train(f"{tmp_path}/odd.csv#weight")
    text = c_header(checkpoint, "net").text
    assert "0: size" in text
    assert "1: kind * / #define x" in text
    assert "3: colour=green=" in text
    (tmp_path / "net.h").write_text(text, encoding="ascii")
    found = run_c(tmp_path, c_header(checkpoint, "net"), samples)
    expected = checkpoint.network().predict(
        checkpoint.record.encoder_of(checkpoint.config.encoder).encode(samples)
    )
    assert [int(row[0]) for row in found] == expected.tolist()
    assert {" ".join(row[1:-3]) for row in found} <= set(checkpoint.record.class_names)


@compiled
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("z >= 0", "z > 0"),
        ("found += here > table[4]", "found += here >= table[4]"),
        ("y + dy >= height", "y + dy > height"),
        ("> thresholds[j]", ">= thresholds[j]"),
        ("scores[c] > scores[best]", "scores[c] >= scores[best]"),
        ("z >= -2", "z > -2"),
        ("- 2 * differ", "- differ"),
    ],
)
def test_a_wrong_header_is_found_out(trained, tmp_path, monkeypatch, right, wrong):
    encoder = "comparisons:60" if "dy" in right or "here" in right else "thermometer:0,4,8,12"
    checkpoint, samples = trained(PIXELS // 16, encoder, head_offset=2)
    header = c_header(checkpoint, "net")
    assert right in header.text
    planted = CHeader(header.text.replace(right, wrong), header.value, header.digits)
    monkeypatch.setitem(globals(), "c_header", lambda *_: planted)
    assert differences(tmp_path, checkpoint, samples) > 0


@compiled
def test_the_self_test_finds_a_changed_bit(tmp_path):
    run = tmp_path / "run.npz"
    runner = CliRunner()
    assert runner.invoke(app, ["train", "--epochs", "1", "--out", str(run)]).exit_code == 0
    arguments = ["export", str(run), "--format", "c", "--out", str(tmp_path / "net.h")]
    printed = runner.invoke(app, [*arguments, "--self-test", "50"])
    assert "50 test samples: int net_self_test(void) returns 0" in printed.output
    (tmp_path / "test.c").write_text('#include "net.h"\nint main(void) { return net_self_test(); }')
    text = (tmp_path / "net.h").read_text()
    start = text.index("net_codes0[")
    word = text.index("0x", start)
    for changed, fails in (("", False), ("ffffffff", True)):
        planted = text[: word + 2] + changed + text[word + 2 + len(changed) :]
        (tmp_path / "net.h").write_text(planted)
        command = [str(COMPILER), "-std=c99", "test.c", "-o", "test"]
        subprocess.run(command, cwd=tmp_path, check=True)
        assert (subprocess.run([tmp_path / "test"]).returncode > 0) == fails


def test_what_cannot_be_written_is_refused(trained, tmp_path):
    checkpoint, _ = trained(PIXELS / 256, "comparisons:20")
    with pytest.raises(ExportError, match=r"of type float64, 0 to 0.9\d+, cannot be written"):
        c_header(checkpoint, "net")
    checkpoint, _ = trained(FRACTIONS, "quantiles:2")
    with pytest.raises(ExportError, match=r"--name must be a name in C, .*, not '1x'"):
        c_header(checkpoint, "1x")
    old = checkpoint.record.model_copy(update={"seen": None})
    with pytest.raises(ExportError, match="did not keep the shape and type of its samples"):
        c_header(Checkpoint(old, checkpoint.counters), "net")
    checkpoint, _ = trained(FRACTIONS, "thermometer:1e-30")
    with pytest.raises(ExportError, match="more than 64 bits hold: train on data of fewer digits"):
        c_header(checkpoint, "net")


NUMBERS = st.floats(-1e3, 1e3, allow_nan=False)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(threshold=NUMBERS, values=st.lists(NUMBERS, min_size=1), decimals=st.integers(0, 6))
def test_whole_numbers_compare_as_the_numbers_do(dtype, threshold, values, decimals):
    threshold = float(dtype(round(threshold, decimals)))
    near = [threshold, *np.nextafter(dtype(threshold), np.array([-np.inf, np.inf], dtype)), -0.0]
    samples = np.array([*values, *near], dtype)
    digits = digits_of([threshold], samples.dtype)
    if abs(Decimal(threshold)) * 10**digits > 2**52 or digits > 15:
        return
    (whole,) = scaled_thresholds([threshold], digits, samples.dtype)
    np.testing.assert_array_equal(
        scaled_samples(samples, digits) > whole, samples.astype(np.float64) > threshold
    )
