"""The kinds of results, and what each comes to."""

import statistics
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Results = Mapping[str, Any]
"""What a command has written with ``--json``."""

Figures = dict[str, Any]


@dataclass(frozen=True)
class Section:
    """A kind of results.

    Attributes
    ----------
    name : str
        What it is called in ``verification.json``.
    title : str
        What it is called on the page.
    command : str
        What writes its file.
    summarise : callable
        Returns the figures of a file's contents; raises LookupError or TypeError if it is of
        something else, and ZeroDivisionError if there is nothing in it.
    say : callable
        Returns the figures as a sentence.
    """

    name: str
    title: str
    command: str
    summarise: Callable[[Results], Figures]
    say: Callable[[Figures], str]


def _proofs(found: Results) -> Figures:
    proofs = found["proofs"]
    twins = [refuted for proof in proofs for _, refuted in proof["twins"]]
    return {
        "engine": found["engine"],
        "proofs": len(proofs),
        "hold": sum(proof["holds"] for proof in proofs),
        "blocks": len({proof["block"] for proof in proofs}),
        "methods": dict(Counter(proof["method"] for proof in proofs)),
        "slips": len(twins),
        "refuted": sum(twins),
        "seconds": round(sum(proof["seconds"] for proof in proofs), 1),
    }


def _benches(found: Results) -> Figures:
    benches = found["benches"]
    return {
        "seed": found["seed"],
        "benches": len(benches),
        "tests": sum(bench["tests"] for bench in benches.values()),
        "bins": sum(bench["bins"] for bench in benches.values()),
        "covered": sum(bench["covered"] for bench in benches.values()),
    }


def _mutants(found: Results) -> Figures:
    mutants = found["mutants"]
    noticed = sum(mutant["killed_by"] is not None for mutant in mutants)
    equal = sum(mutant["changes_nothing"] for mutant in mutants)
    return {
        "device": found["device"],
        "seed": found["seed"],
        "mutants": len(mutants),
        "noticed": noticed,
        "changing_nothing": equal,
        "survivors": len(mutants) - noticed - equal,
        "share": round(noticed / (len(mutants) - equal), 4),
    }


def _campaign(found: Results) -> Figures:
    return {
        "seed": found["seed"],
        "networks": found["networks"],
        "samples": found["samples"],
        "link_bytes": found["link_bytes"],
        "simulated_cycles": found["simulated_cycles"],
        "failures": len(found["failures"]),
        "interrupted": found["interrupted"],
    }


def _soft_errors(found: Results) -> Figures:
    rows = [row for row in found["rows"] if not row["burst_after"]]
    return {
        "config": found["config"]["name"],
        "epochs": found["epochs"],
        "seeds": len(rows[0]["test_accuracy"]),
        "test_accuracy": {
            f"{row['rate']:g}": round(statistics.fmean(row["test_accuracy"]), 4) for row in rows
        },
    }


def _say_soft_errors(figures: Figures) -> str:
    accuracies = ", ".join(
        f"{100 * accuracy:.1f} % ({rate})" for rate, accuracy in figures["test_accuracy"].items()
    )
    return (
        f"`{figures['config']}`, {figures['epochs']} epochs, {figures['seeds']} seeds: test "
        f"accuracy {accuracies} with so many flips a bit and epoch"
    )


SECTIONS = (
    Section(
        "proofs",
        "Proofs",
        "metabit bench proofs --json proofs.json",
        _proofs,
        (
            "{hold} of {proofs} proofs of {blocks} blocks hold, and {refuted} of {slips} slips "
            "that are planted in them are refuted; by {engine}"
        ).format_map,
    ),
    Section(
        "benches",
        "Functional coverage",
        "python -m metabit.sim.benches --json benches.json",
        _benches,
        "{covered} of {bins} bins, in {tests} tests of {benches} benches; seed {seed}".format_map,
    ),
    Section(
        "mutants",
        "Mutants",
        "metabit bench mutants --json mutants.json",
        _mutants,
        (
            "{noticed:,} of {mutants:,} mutants of `{device}` noticed, {changing_nothing} proved "
            "to change nothing, {survivors} survive: {share:.1%} of those that may change "
            "something; seed {seed}"
        ).format_map,
    ),
    Section(
        "campaign",
        "Campaign",
        "metabit bench campaign --json campaign.json",
        _campaign,
        (
            "{networks:,} random networks, {samples:,} samples, {link_bytes:,} bytes of anything "
            "at the link, {simulated_cycles:,} cycles: {failures} failures; seed {seed}"
        ).format_map,
    ),
    Section(
        "soft_errors",
        "Soft errors",
        "metabit bench soft-errors --json soft-errors.json",
        _soft_errors,
        _say_soft_errors,
    ),
)
"""In the order of the page."""
