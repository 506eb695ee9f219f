"""The HTML report."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from metabit.boards.results import BuildResult, Usage
from metabit.cli import app
from metabit.golden.checkpoints.hardware import load_checkpoint

STATE = "ab" * 32
VOID = {"meta", "img", "link", "br", "hr"}


class Page(HTMLParser):
    """Text of a page, and whether its tags match."""

    def __init__(self, html):
        super().__init__()
        self.open, self.words, self.sources, self.headings = [], [], [], []
        self.feed(html)
        self.close()
        assert self.open == []
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href", "xlink:href")]

    def handle_startendtag(self, tag, attrs):
        self.sources += [value for name, value in attrs if name in ("src", "href", "xlink:href")]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)
        self.words.append(data)


def report(folder, status=0):
    result = CliRunner().invoke(app, ["report", str(folder)])
    assert result.exit_code == status, result.output
    return result.output


def page(folder):
    report(folder)
    return Page((folder / "report.html").read_text())


def write_train(folder):
    results = {
        "test_accuracy": 0.9125,
        "train_accuracy": [0.7, 0.8, 0.85],
        "test_accuracy_per_epoch": [0.8, 0.88, 0.9125],
        "seconds_per_epoch": 0.25,
        "state_sha256": STATE,
        "dataset": "digits",
        "config": {"name": "tiny", "group": 32, "array": {"rows": 4}},
        "versions": {"numpy": "2.9"},
    }
    (folder / "train.json").write_text(json.dumps(results))


def write_simulate(folder, **changes):
    results = {
        "samples": 1000,
        "cycles": 224_000,
        "cycles_per_sample": 224.0,
        "cycles_per_second": 640_000.0,
        "bit_exact": True,
        "state_sha256": STATE,
        "device": "small",
        "cycles_by_phase": {
            "run": 224_000,
            "forward": 128_000,
            "update": 100_000,
            "commit": 2_000,
            "wait": 0,
        },
    }
    (folder / "simulate.json").write_text(json.dumps(results | changes))


def write_build(folder):
    picture = folder / "placement.png"
    picture.write_bytes(b"\x89PNG and so on")
    result = BuildResult(
        board="icebreaker",
        device="iCE40UP5K-SG48",
        shape="<tiny>",
        shape_digest="00" * 8,
        resources={"logic cells": Usage(5000, 5280), "block RAMs": Usage(3, 30)},
        fmax_mhz={"sync": 15.5},
        target_mhz={"sync": 12.0},
        bitstream="somewhere/metabit.bin",
        bytes=104_090,
        baud=1_000_000,
        seconds={},
        tools={"yosys": "9.9"},
        picture="elsewhere/placement.png",
        blocks={"array": {"logic cells": 3000}, "link": {"logic cells": 500, "block RAMs": 2}},
    )
    (folder / "build.json").write_text(result.to_json())


def test_everything(tmp_path):
    run = ["--out", str(tmp_path / "run.npz"), "--json", str(tmp_path / "train.json")]
    assert CliRunner().invoke(app, ["train", "--epochs", "1", *run]).exit_code == 0
    state = json.loads((tmp_path / "train.json").read_text())["state_sha256"]
    write_simulate(tmp_path, state_sha256=state)
    write_build(tmp_path)
    shown = page(tmp_path)
    assert shown.headings == [
        "Learning curve",
        "The same training in hardware",
        "Bitstream: <tiny> on icebreaker",
        "Predictions",
        "What moved in each epoch",
        "What neurons look for",
        "Configuration",
        "Tools",
    ]
    # Self-contained: every picture is in the file.
    assert shown.sources
    assert all(source.startswith(("data:image/png;base64,", "#")) for source in shown.sources)
    assert "Every bit agrees." in shown.text
    assert "Both ended in the state that the training above saved." in shown.text
    assert state in shown.text
    assert "The whole device small in simulation, 1 000 samples, 224 000 cycles." in shown.text
    assert "neurons pass the array 128.0 57 %" in shown.text
    assert "run a run is in progress: all of the time 224.0 100 %" in shown.text
    assert "array" not in shown.text.partition("Configuration")[2]
    assert "15.50 12.00 29 %" in shown.text
    assert "360 test samples are predicted wrongly" in shown.text
    [moved] = load_checkpoint(tmp_path / "run.npz").record.observations
    triggers = f"{100 * moved.layers[0].triggers / 1437:.2f}"
    assert f"median margin 1 0 {triggers} " in shown.text
    assert "Layer 0: neurons 0 to 15 of 64" in shown.text
    # HTMLParser text has been split at white space, the narrow no-break space included.
    assert "5 000 5 280 94.7" in shown.text


@pytest.mark.parametrize(
    ("write", "headings"),
    [
        ([write_train], ["Learning curve", "Configuration", "Tools"]),
        ([write_simulate], ["The same training in hardware", "Tools"]),
        ([write_build], ["Bitstream: <tiny> on icebreaker", "Tools"]),
    ],
)
def test_parts(tmp_path, write, headings):
    for part in write:
        part(tmp_path)
    assert page(tmp_path).headings == headings


def test_every_figure_says_of_which_network_it_is(tmp_path):
    config = {"name": "mine", "inputs": 64, "hidden": [12, 8], "classes": 3, "seed": 7}
    write_train(tmp_path)
    results = json.loads((tmp_path / "train.json").read_text())
    (tmp_path / "train.json").write_text(json.dumps(results | {"config": config}))
    write_simulate(tmp_path, config=config | {"name": "other"}, dataset="mnist", split="official")
    write_build(tmp_path)
    html = (report(tmp_path), (tmp_path / "report.html").read_text())[1]
    captions = [
        " ".join(text.split()) for text in re.findall(r"<figcaption>(.*?)</figcaption>", html, re.S)
    ]
    assert html.count("<figure>") == len(captions) == 3
    assert captions[0] == "mine 64-12-8-3, seed 7, digits"
    assert captions[1] == "other 64-12-8-3, seed 7, mnist, split official, on device small"
    assert captions[2].startswith("Device &lt;tiny&gt; on icebreaker")
    text = Page(html).text
    assert "test accuracy: mine 64-12-8-3, seed 7, digits" in text
    assert "cycles per sample: other 64-12-8-3, seed 7, mnist" in text


def test_the_page_is_read_on_a_phone_and_in_the_dark(tmp_path):
    write_train(tmp_path)
    write_simulate(tmp_path)
    report(tmp_path)
    html = (tmp_path / "report.html").read_text()
    assert '<meta name="viewport" content="width=device-width' in html
    # Every figure is there in both widths, of which the page shows one.
    assert html.count('<div class="wide"><svg') == html.count('<div class="narrow"><svg') == 2
    style, _, body = html.partition("</style>")
    light, _, dark = style.partition("prefers-color-scheme: dark")
    declared = set(re.findall(r"(--[a-z-]+):", light))
    assert declared == set(re.findall(r"(--[a-z-]+):", dark.partition("}\n}")[0]))
    # What lies where in a sheet of fields is said where the sheet is.
    places = {"--sheet", "--count", "--n", "--steps", "--wide", "--high", "--least"}
    assert set(re.findall(r"var\((--[a-z-]+)\)", html)) <= declared | places
    # Nothing but variables gives figures their colours, so that none stays dark on dark.
    for svg in re.findall(r"<svg.*?</svg>", body, re.S):
        assert set(re.findall(r"(?:fill|stroke): ([^;\"]+)", svg)) <= {
            "none",
            *(f"var({name})" for name in declared),
        }
    # Nothing is wider than the page: columns give way, and words break.
    assert not re.search(r"minmax\(\d{3}px", style)


def test_classes_have_their_names(tmp_path):
    table = tmp_path / "fruit.csv"
    rows = [f"{5 * (n % 2)},{n % 7},{('apple', 'quince')[n % 2]}" for n in range(60)]
    table.write_text("\n".join(["a,b,class", *rows]))
    words = ["train", "--dataset", str(table), "--target", "class", "--hidden", "8", "--group"]
    words += ["4", "--encoder", "quantiles:2", "--epochs", "1"]
    files = ["--out", str(tmp_path / "run.npz"), "--json", str(tmp_path / "train.json")]
    result = CliRunner().invoke(app, [*words, *files])
    assert result.exit_code == 0, result.output
    shown = page(tmp_path)
    assert "apple" in shown.text.partition("The first of the test set")[2]
    assert "quince" in shown.text.partition("Confusion")[2]


def test_another_training(tmp_path):
    write_train(tmp_path)
    write_simulate(tmp_path, state_sha256="cd" * 32)
    text = page(tmp_path).text
    assert "Every bit agrees." in text
    assert "Both ended" not in text


def test_several_seeds(tmp_path):
    write_train(tmp_path)
    file = tmp_path / "train.json"
    file.write_text(
        json.dumps({"test_accuracy": 0.875, "runs": [json.loads(file.read_text())] * 3})
    )
    text = page(tmp_path).text
    assert "This is the first of 3 seeds; their mean test accuracy is 87.50 %." in text
    assert "91.25 %" in text


def test_a_trained_network_that_predicts_in_hardware(tmp_path, monkeypatch):
    """What simulate writes of a checkpoint that has finished: it counts no cycles."""
    write_train(tmp_path)
    found = {"test_accuracy": 0.9125, "samples": 360, "device": "small-spram", "bit_exact": True}
    (tmp_path / "simulate.json").write_text(json.dumps(found | {"state_sha256": STATE}))
    monkeypatch.chdir(tmp_path)
    found = page(Path())
    assert "The trained network in hardware" in found.headings
    assert "for each of these test samples, 91.25 % of them rightly" in found.text
    assert "cycles" not in found.text
    assert f"{tmp_path.name}, made" in found.text


def test_divergence(tmp_path):
    divergence = {"kind": "counter", "place": "layer 0", "golden": 3, "device": 4}
    results = {"samples": 8, "bit_exact": False, "divergences": [divergence]}
    (tmp_path / "simulate.json").write_text(json.dumps(results))
    text = page(tmp_path).text
    assert "Hardware and golden model differ. counter, layer 0: golden 3, device 4" in text
    assert "Every bit agrees" not in text


@pytest.mark.parametrize("run", [0, 224_000])
def test_without_phases(tmp_path, run):
    """A device may count none; how long it took is seen from outside, if at all."""
    changes = {"cycles": run, "cycles_per_sample": run / 1000}
    write_simulate(tmp_path, cycles_by_phase={"run": run}, **changes)
    text = page(tmp_path).text
    assert ("samples, 224 000 cycles." in text) == ("224 cycles per sample" in text) == bool(run)
    assert "samples, 0 cycles" not in text
    assert "Cycles by phase" not in text
    assert "all of the time" not in text


def test_out(tmp_path):
    write_train(tmp_path)
    out = tmp_path / "other.html"
    result = CliRunner().invoke(app, ["report", str(tmp_path), "--out", str(out)])
    assert result.exit_code == 0
    assert "91.25 %" in Page(out.read_text()).text


def test_no_folder(tmp_path):
    assert report(tmp_path / "no", status=1) == (
        f"error: {tmp_path}/no is no folder; give the one that holds train.json\n"
    )


def test_empty_folder(tmp_path):
    assert report(tmp_path, status=1) == (
        f"error: {tmp_path} holds none of train.json, simulate.json and build.json: write them "
        f"with --json {tmp_path}/train.json of metabit train, and so on\n"
    )


@pytest.mark.parametrize("name", ["train.json", "simulate.json", "build.json"])
@pytest.mark.parametrize("content", ["{", "[]"])
def test_damaged_file(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    assert f"error: {tmp_path / name} " in report(tmp_path, status=1)


def test_incomplete_file(tmp_path):
    (tmp_path / "train.json").write_text("{}")
    assert report(tmp_path, status=1) == (
        f"error: {tmp_path}/train.json lacks test_accuracy; write it anew with --json\n"
    )
