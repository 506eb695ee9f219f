"""A training that is killed at any moment, time and again, ends as one that never was."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from metabit.golden.checkpoints.hardware import load_checkpoint

ROOT = Path(__file__).parents[2]

CHILD = """
import os, signal, sys
from pathlib import Path
from metabit.golden import schedule
from metabit.golden.checkpoints import hardware
from metabit.golden.configurations.named import named, override
from metabit.golden.data.datasets import load_dataset
from metabit.golden.data.training_data import adapt, prepare
from metabit.golden.runs.run import Run

schedule.SPAN = 4
data, path, phase, moment = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
left = {phase: moment}

def pass_by(name, file=None):
    left[name] = left.get(name, 0) - 1
    if left[name] == 0:
        if name == "half written":
            os.ftruncate(file, os.fstat(file).st_size // 2)
        os.kill(os.getpid(), signal.SIGKILL)

def fsync(file, original=os.fsync):
    pass_by("half written", file)
    original(file)
    pass_by("written")

def replace(old, new, original=os.replace):
    original(old, new)
    pass_by("replaced")

os.fsync, os.replace = fsync, replace
dataset = load_dataset(data)
config = override(adapt(named("tiny"), dataset, "none"), hidden=(12,), group=4, tile=4)
prepared = prepare(config, dataset=dataset)
if path.exists():
    checkpoint = hardware.load_checkpoint(path)
    pass_by("loaded")
    run = Run.resume(checkpoint, prepared)
else:
    run = Run.start(config, prepared, 4)
for _ in run.spans():
    pass_by("trained")
    run.checkpoint().save(path)
print(run.state_sha256)
"""

MOMENTS = (
    *(("half written", 1), ("trained", 2), ("written", 2)),
    *(("replaced", 1), ("loaded", 1), ("half written", 2)),
)
"""What is going on when power goes, and the how many-th time."""


def train(data: Path, path: Path, phase: str = "never", moment: int = 0) -> str | None:
    """Train in a process of its own from where a checkpoint is; None: it was killed."""
    process = subprocess.run(
        [sys.executable, "-c", CHILD, str(data), str(path), phase, str(moment)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode == -signal.SIGKILL:
        return None
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


@pytest.mark.slow
def test_a_training_that_is_killed_ends_as_one_that_never_was(tmp_path, short_spans):
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 4, 60)
    patterns = rng.random((4, 24)) < 0.5
    data = tmp_path / "own.npz"
    np.savez(data, x=patterns[labels] ^ (rng.random((60, 24)) < 0.25), y=labels)
    expected = train(data, tmp_path / "whole.npz")
    path, positions = tmp_path / "cut.npz", [(0, 0)]
    for phase, moment in MOMENTS:
        assert train(data, path, phase, moment) is None, (phase, moment)
        if path.exists():
            schedule = load_checkpoint(path).schedule()
            positions.append((schedule.epoch, schedule.sample))
    # Nothing that was saved is lost.
    assert positions == sorted(positions)
    assert len(set(positions)) > 2
    assert train(data, path) == expected
