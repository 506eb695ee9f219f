"""Plans on the screen."""

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from metabit.hdl.shape import Shape
from metabit.planning.explore import Candidate
from metabit.planning.plan import Plan
from metabit.planning.rates import Known

PHASES = {
    "forward": "neurons pass the array",
    "wait": "wait for inputs",
    "commit": "commits, and wait for updates",
    "turn": "between tiles, beginning and end",
}
"""Phases that follow each other, and what they are called."""

BOUNDS = {
    "array": "the lanes of the array",
    "update": "updates",
    "inputs": "the samples' way in",
    "port": "the port of the single-port RAMs",
    "memory": "the memory chip",
}
"""Bounds, and what sets them."""


def print_plan(console: Console, plan: Plan) -> None:
    """Print memories, cycles, and whether the network fits."""
    shape, board = plan.shape, plan.board
    place = f" on {board.name} ({board.device})" if board else ""
    console.print(
        f"network {plan.config.name}, device {shape.name}{place}, {plan.clock_mhz:g} MHz",
        highlight=False,
    )
    table = Table(box=box.SQUARE)
    table.add_column("MEMORY")
    table.add_column("HOLDS")
    for heading in ("USED", "OF", "USED %"):
        table.add_column(heading, justify="right")
    table.add_column("WORDS")
    table.add_column("RAMs", justify="right")
    for memory in plan.memories:
        rams = memory.block_rams or memory.single_port_rams
        table.add_row(
            memory.name,
            memory.holds,
            f"{memory.used:,}" if memory.used else "",
            f"{memory.capacity:,}",
            f"{100 * memory.share:.0f}" if memory.used else "",
            memory.unit,
            str(rams) if rams else "",
        )
    console.print(table)
    used, total = plan.block_rams
    text = f"block RAMs of the device: {used} of {total}"
    if plan.single_port_rams is not None:
        text += ", single-port RAMs: {} of {}".format(*plan.single_port_rams)
    console.print(f"{text}, whatever the network", highlight=False)
    if plan.fits:
        _print_speeds(console, plan)
        console.print("[green]fits[/]")
        return
    console.print("[bold red]does not fit[/]")
    for need in plan.shortages:
        console.print(f"  {need.capacity}: needs {need.needed:,}, there are {need.available:,}")
    for way in plan.suggestions:
        console.print(f"  would fit with {way}", highlight=False)


def _print_speeds(console: Console, plan: Plan) -> None:
    table = Table(title="cycles a sample, predicted", title_justify="left", box=box.SQUARE)
    table.add_column("")
    for speed in plan.speeds:
        table.add_column(speed.what, justify="right")
    for phase, label in PHASES.items():
        table.add_row(label, *(f"{speed.phases[phase]:.1f}" for speed in plan.speeds))
    table.add_section()
    table.add_row("[bold]all[/]", *(f"[bold]{speed.cycles:.1f}[/]" for speed in plan.speeds))
    table.add_row("beside: rows updated", *(f"{s.phases['update']:.1f}" for s in plan.speeds))
    for bound, label in BOUNDS.items():
        values = [getattr(speed.bound, bound) for speed in plan.speeds]
        if any(values):
            table.add_row(f"bound of {label}", *(f"{value:.1f}" for value in values))
    table.add_row("times the bound", *(f"{speed.ratio:.2f}" for speed in plan.speeds))
    table.add_section()
    rates = [speed.samples_per_second(plan.clock_mhz) for speed in plan.speeds]
    table.add_row("samples a second", *(f"{rate:,.0f}" for rate in rates))
    energies = [plan.energy.microjoules(rate) for rate in rates]
    if any(energies):
        cells = (f"{energy:.2f}" if energy else "" for energy in energies)
        table.add_row("uJ a sample (estimate)", *cells)
    console.print(table)
    for speed in plan.speeds:
        if speed.known is not None:
            console.print(f"{speed.what}: {describe_rates(speed.known)}", highlight=False)
    link = plan.link_samples_per_second
    if link is not None and plan.board is not None:
        fast = "come as fast as they are taken"
        if plan.shape.stored != "none":
            fast = f"come from the {plan.shape.stored}"
        console.print(
            f"samples {fast}; the serial line of {plan.board.baud:,} baud carries {link:,.0f} a "
            "second",
            highlight=False,
        )
    console.print(f"energy: {plan.energy.method}", highlight=False)


def describe_rates(known: Known) -> str:
    """Say how often samples train, and how that is known."""
    sources = {
        "measured": "measured just now",
        "table": "measured on Fashion-MNIST, of a table",
        "assumed": "assumed: nobody has measured this network",
    }
    rates = known.rates
    triggers = "-".join(f"{100 * rate:.1f}" for rate in rates.triggers)
    rows = "-".join(f"{rate:.2f}" for rate in rates.rows)
    return f"{triggers} % of the samples trigger, {rows} rows each ({sources[known.source]})"


def print_candidates(console: Console, shape: Shape, clock: float, found: list[Candidate]) -> None:
    """Print networks that fill a device."""
    table = Table(
        title=f"networks that fill device {shape.name}, at {clock:g} MHz",
        title_justify="left",
        box=box.SQUARE,
    )
    table.add_column("NETWORK")
    for heading in ("GROUPS", "FULL %", "EPOCH 1", "EPOCH 10", "INFERENCE", "ACCURACY %"):
        table.add_column(heading, justify="right")
    for candidate in found:
        table.add_row(*_cells(candidate, clock))
    console.print(table)
    console.print(
        "samples a second; ~: trigger rates are assumed. Accuracy: Fashion-MNIST, split "
        "validation, 30 epochs, mean of 3 seeds; metabit/planning/accuracies.csv says how to "
        "measure it again",
        highlight=False,
    )


def _cells(candidate: Candidate, clock: float) -> list[str]:
    config = candidate.config
    mark = "~" if candidate.assumed else ""
    return [
        config.name,
        str(-(-config.hidden[0] // config.group)),
        f"{100 * candidate.share:.0f}",
        *(
            f"{mark if what != 'inference' else ''}{1e6 * clock / cycles:,.0f}"
            for what, cycles in candidate.cycles.items()
        ),
        f"{candidate.accuracy.percent:.2f}" if candidate.accuracy else "",
    ]


def candidate_row(candidate: Candidate, clock: float) -> dict[str, Any]:
    """Return a network as ``--json`` reports it."""
    accuracy = candidate.accuracy
    return {
        "config": candidate.config.model_dump(mode="json"),
        "share": candidate.share,
        "cycles_per_sample": candidate.cycles,
        "samples_per_second": {
            what: 1e6 * clock / cycles for what, cycles in candidate.cycles.items()
        },
        "rates_assumed": candidate.assumed,
        "accuracy": accuracy.percent / 100 if accuracy else None,
    }
