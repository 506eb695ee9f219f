"""`metabit bench sequences`: what a recurrent layer learns by two rules."""

import statistics
from typing import TYPE_CHECKING, Annotated

import typer

from metabit.errors import MetabitError

from .. import options
from ..options import check_folder, write_json

if TYPE_CHECKING:
    from metabit.golden.sequences.tasks import Task

EPILOG = """
**Examples**

metabit bench sequences                          all tasks, about an hour on one core

metabit bench sequences --task xor --seeds 1     one task, two minutes

metabit bench sequences --task recall --gate 0.05 --gate 0.3   other gates

metabit bench sequences --task "digit rows" --group 32   several neurons learn from a step
"""


def sequences(
    task: Annotated[
        list[str] | None,
        typer.Option("--task", metavar="NAME", help="Only this task; may be repeated."),
    ] = None,
    gate: Annotated[
        list[float] | None,
        typer.Option(
            "--gate",
            metavar="NU",
            min=0,
            max=1,
            help="Gate of Binary Error Propagation; may be repeated. [default: 0.1]",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", metavar="N", min=1, help="Runs of each.")] = 3,
    epochs: Annotated[int, typer.Option("--epochs", metavar="N", min=1, help="Epochs.")] = 20,
    group: Annotated[
        int | None,
        typer.Option(
            "--group",
            metavar="N",
            min=1,
            help="Neurons per group of both layers. [default: all of a layer]",
        ),
    ] = None,
    window: Annotated[
        bool,
        typer.Option("--window", help="Also one layer without recurrence, on all steps at once."),
    ] = False,
    json: options.JsonOption = None,
) -> None:
    """Train a recurrent layer on sequences: by a code for every step, or by errors sent back.

    Test accuracy after the last epoch, mean and sample standard deviation over the seeds.
    """
    from metabit.golden.sequences.tasks import TASKS

    check_folder("--json", json)
    for name in task or ():
        if name not in TASKS:
            raise MetabitError(f"--task must be one of {', '.join(TASKS)}, not {name!r}")
    ways = [("local", 0.0), *(("bep", nu) for nu in gate or (0.1,))]
    heads = [rule if rule == "local" else f"{rule}, gate {nu:g}" for rule, nu in ways]
    heads += ["window"] * window
    typer.echo(f"| task | steps | {' | '.join(heads)} |\n|---|---:|{'---:|' * len(heads)}")
    runs = []
    for name in task or TASKS:
        make, lengths = TASKS[name]
        for steps in lengths:
            tasks = [make(seed, steps) for seed in range(seeds)]
            cells = []
            for rule, nu in ways:
                changes = {"rule": rule, "gate": nu, "group": group and (group, group)}
                found = [_recurrent(data, changes, seed, epochs) for seed, data in enumerate(tasks)]
                runs += [{"task": name, "steps": steps, "epochs": epochs, **one} for one in found]
                cells.append(_cell(found))
            if window:
                found = [_window(data, seed, epochs) for seed, data in enumerate(tasks)]
                runs += [{"task": name, "steps": steps, "epochs": epochs, **one} for one in found]
                cells.append(_cell(found))
            typer.echo(f"| {name} | {steps} | {' | '.join(cells)} |")
    if json is not None:
        write_json(json, {"runs": runs})


def _cell(runs: list[dict]) -> str:
    """Return mean and, of several, sample standard deviation."""
    accuracies = [100 * run["test_accuracy"] for run in runs]
    spread = f" ± {statistics.stdev(accuracies):.1f}" if len(accuracies) > 1 else ""
    return f"{statistics.fmean(accuracies):.1f}{spread}"


def _recurrent(data: "Task", changes: dict, seed: int, epochs: int) -> dict:
    """Train a recurrent layer; return what it was and what it reached."""
    from metabit.golden.sequences.config import SequenceConfig
    from metabit.golden.sequences.training import train

    basics = {"inputs": data.train.shape[2], "classes": data.classes, "seed": seed}
    config = SequenceConfig.model_validate({**basics, **changes})
    result = train(data, config, epochs)
    return {
        "config": config.model_dump(mode="json"),
        "train_accuracy": result.train_accuracy,
        "test_accuracy": result.test_accuracy,
        "state_sha256": result.state_sha256,
    }


def _window(data: "Task", seed: int, epochs: int) -> dict:
    """Train one layer of the same width that sees all steps as one sample; return the same."""
    from metabit.estimator import MetabitClassifier
    from metabit.golden.sequences.config import SequenceConfig

    width = SequenceConfig.model_fields["state"].default
    one = MetabitClassifier((width,), epochs=epochs, encoder="none", random_state=seed)
    train, test = (bits.reshape(len(bits), -1) for bits in (data.train, data.test))
    one.fit(train, data.train_labels)
    return {
        "config": one.config_.model_dump(mode="json"),
        "train_accuracy": one.score(train, data.train_labels),
        "test_accuracy": one.score(test, data.test_labels),
        "state_sha256": one.network_.state_sha256,
    }
