"""`metabit bench sequences`: what a recurrent layer learns by two rules."""

import statistics
from typing import Annotated

import typer

from metabit.errors import MetabitError

from .. import options
from ..options import check_folder, write_json

EPILOG = """
**Examples**

metabit bench sequences                          all tasks, about an hour on one core

metabit bench sequences --task xor --seeds 1     one task, two minutes

metabit bench sequences --task recall --gate 0.05 --gate 0.3   other gates
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
    json: options.JsonOption = None,
) -> None:
    """Train a recurrent layer on sequences: by a code for every step, or by errors sent back.

    Test accuracy after the last epoch, mean and sample standard deviation over the seeds.
    """
    from metabit.golden.sequences.config import SequenceConfig
    from metabit.golden.sequences.tasks import TASKS
    from metabit.golden.sequences.training import train

    check_folder("--json", json)
    for name in task or ():
        if name not in TASKS:
            raise MetabitError(f"--task must be one of {', '.join(TASKS)}, not {name!r}")
    ways = [("local", 0.0), *(("bep", nu) for nu in gate or (0.1,))]
    heads = [rule if rule == "local" else f"{rule}, gate {nu:g}" for rule, nu in ways]
    typer.echo(f"| task | steps | {' | '.join(heads)} |\n|---|---:|{'---:|' * len(heads)}")
    runs = []
    for name in task or TASKS:
        make, lengths = TASKS[name]
        for steps in lengths:
            cells = []
            for rule, nu in ways:
                accuracies = []
                for seed in range(seeds):
                    data = make(seed, steps)
                    config = SequenceConfig.model_validate(
                        {
                            "inputs": data.train.shape[2],
                            "classes": data.classes,
                            "rule": rule,
                            "gate": nu,
                            "seed": seed,
                        }
                    )
                    result = train(data, config, epochs)
                    accuracies.append(100 * result.test_accuracy)
                    runs.append(
                        {
                            "task": name,
                            "steps": steps,
                            "epochs": epochs,
                            "config": config.model_dump(mode="json"),
                            "train_accuracy": result.train_accuracy,
                            "test_accuracy": result.test_accuracy,
                            "state_sha256": result.state_sha256,
                        }
                    )
                spread = f" ± {statistics.stdev(accuracies):.1f}" if seeds > 1 else ""
                cells.append(f"{statistics.fmean(accuracies):.1f}{spread}")
            typer.echo(f"| {name} | {steps} | {' | '.join(cells)} |")
    if json is not None:
        write_json(json, {"runs": runs})
