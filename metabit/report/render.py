"""From what was collected to one HTML file that needs nothing else."""

import platform
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from .. import __version__
from ..golden.config import OBSOLETE
from . import figures
from .collect import Contents, Hard, Moved, Sample
from .looks import Look

FILE_NAME = "report.html"

_ALL = "run"
"""Phase that all others lie in."""

_PHASES = {
    _ALL: "a run is in progress: all of the time",
    "forward": "neurons pass the array",
    "update": "rows of winners are updated",
    "commit": "the array stands still while new signs become visible",
    "wait": "the array waits for samples",
}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("metabit", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["thousands"] = lambda value: f"{value:,.0f}".replace(",", "\u202f")
    return environment


def write_report(contents: Contents, file: Path) -> None:
    """Write the report of what was collected."""
    file.write_text(report(contents), encoding="utf-8")


def report(contents: Contents) -> str:
    """Return the report as a page that needs nothing else."""
    return (
        _environment()
        .get_template("report.html")
        .render(
            **_shown(contents),
            version=__version__,
            made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
            folder=contents.title,
            versions=_versions(contents),
        )
    )


def sections(contents: Contents) -> str:
    """Return the sections of the report alone, for a page that has the report's style."""
    return _environment().get_template("sections.html").render(**_shown(contents))


def _shown(contents: Contents) -> dict[str, Any]:
    """Return what the templates show of the contents."""
    return {
        "train": _train(contents.train),
        "simulate": _simulate(contents),
        "build": _build(contents),
        "samples": _samples(contents),
        "config": _config(contents),
        "moved": _moved(contents.moved),
        "looks": [_look(look) for look in contents.looks],
        "hard": _hard(contents.hard),
    }


def _train(results: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return what the template shows of a training."""
    if results is None:
        return None
    accuracies = (
        list(results["train_accuracy"]),
        list(results.get("test_accuracy_per_epoch", [])),
    )
    curve = figures.both_widths(partial(figures.learning_curve, *accuracies))
    return {
        **results,
        "epochs": len(results["train_accuracy"]),
        "curve": Markup(curve),
        "network": network_name(results),
        "place": _place(results),
    }


def _place(results: dict[str, Any]) -> str:
    """Say where a training has run."""
    if "simulated_cycles" in results:
        return "in simulation"
    return f"on device {results['device']}" if "device" in results else "in the golden model"


def network_name(results: dict[str, Any]) -> str:
    """Return what tells a network from others: name, layers, seed and data.

    Parameters
    ----------
    results : dict
        What a command has written; what it lacks is left out.
    """
    config = results.get("config") or {}
    name = str(config.get("name", "a network"))
    if "inputs" in config and "hidden" in config and "classes" in config:
        name += " " + "-".join(map(str, (config["inputs"], *config["hidden"], config["classes"])))
    parts = [name]
    if "seed" in config:
        parts.append(f"seed {config['seed']}")
    if results.get("dataset"):
        parts.append(str(results["dataset"]))
    if results.get("split"):
        parts.append(f"split {results['split']}")
    return ", ".join(parts)


def _simulate(contents: Contents) -> dict[str, Any] | None:
    """Return what the template shows of a simulation, the verdict above all."""
    results = contents.simulate
    if results is None:
        return None
    trained = contents.train
    phases = phases_per_sample(results)
    return {
        **results,
        "predicted_only": "test_accuracy" in results,
        "phases": [
            {
                "name": name,
                "meaning": _PHASES.get(name, ""),
                "cycles": cycles,
                "share": cycles / phases[_ALL],
            }
            for name, cycles in phases.items()
        ],
        "divergences": results.get("divergences", []),
        "phase_bars": Markup(figures.both_widths(partial(figures.phase_bars, phases, _ALL)))
        if phases
        else None,
        "network": network_name(results),
        "same_training": trained is not None
        and trained.get("state_sha256") == results.get("state_sha256"),
    }


def phases_per_sample(results: dict[str, Any]) -> dict[str, float]:
    """Return the cycles per sample of each phase, if the device has counted them."""
    samples, cycles = results.get("samples") or 1, dict(results.get("cycles_by_phase", {}))
    if not cycles.get(_ALL) or len(cycles) == 1:
        return {}
    return {name: count / samples for name, count in cycles.items()}


def _build(contents: Contents) -> dict[str, Any] | None:
    """Return what the template shows of a bitstream."""
    result = contents.build
    if result is None:
        return None
    blocks = [
        {"name": name, "cells": sum(use.values()), "use": use}
        for name, use in list(result.blocks.items())[:10]
    ]
    return {
        "result": result,
        "blocks": blocks,
        "most_cells": max((sum(use.values()) for use in result.blocks.values()), default=0) or 1,
        "picture": figures.png(contents.picture) if contents.picture else None,
        "bitstream": Path(result.bitstream).name,
    }


def _samples(contents: Contents) -> dict[str, Any] | None:
    """Return what the template shows of predictions."""
    found = contents.predictions
    if found is None:
        return None

    return {
        "first": _cards(found.first, found.names),
        "mistakes": _cards(found.mistakes, found.names),
        "confusion": Markup(
            figures.both_widths(partial(figures.confusion, found.confusion, found.names))
        ),
        "network": network_name(found.network),
        "total": int(found.confusion.sum()),
        "wrong": int(found.confusion.sum() - found.confusion.trace()),
    }


def _cards(samples: list[Sample], names: list[str]) -> list[dict[str, Any]]:
    """Return what the template shows of samples."""
    return [
        {
            "image": figures.sample_image(sample),
            "label": names[sample.label],
            # The baseline may find neither of two classes.
            "prediction": "neither" if sample.prediction < 0 else names[sample.prediction],
            "right": sample.label == sample.prediction,
            "note": sample.note,
        }
        for sample in samples
    ]


def _hard(found: Hard | None) -> dict[str, Any] | None:
    """Return what the template shows of hard samples."""
    if found is None or not found.samples:
        return None
    return {"samples": _cards(found.samples, found.names), "passes": found.passes}


def _look(look: Look) -> dict[str, Any]:
    """Return what the template shows of fields."""
    return {**vars(look), "image": figures.png(look.sheet.png)}


def _moved(found: Moved | None) -> dict[str, Any] | None:
    """Return what the template shows of epochs, a row a layer."""
    if found is None:
        return None
    unlimited = found.observations[0].layers[0].saturated is None

    def share(count: int | None, whole: float) -> str:
        return "-" if count is None else f"{100 * count / whole:.2f}"

    rows = [
        {
            "epoch": seen.epoch,
            "layer": number,
            "triggers": share(layer.triggers, found.samples),
            "updates": share(layer.updates, 100 * found.samples),
            "flips": share(layer.flips, size),
            "limited": share(layer.zeros if unlimited else layer.saturated, size),
            "margin": layer.margins[2],
        }
        for seen in found.observations
        for number, (layer, size) in enumerate(zip(seen.layers, found.weights, strict=True))
    ]
    return {
        "rows": rows,
        "epochs": len(found.observations),
        "stored": found.stored,
        "limited": "zero" if unlimited else "saturated",
    }


def _config(contents: Contents) -> dict[str, Any]:
    """Return the configuration that was trained or simulated, field by field."""
    for results in (contents.train, contents.simulate):
        if results and isinstance(results.get("config"), dict):
            return {
                name: value for name, value in results["config"].items() if name not in OBSOLETE
            }
    return {}


def _versions(contents: Contents) -> dict[str, str]:
    """Return the versions of everything that took part."""
    versions = {"metabit": __version__, "python": platform.python_version()}
    for results in (contents.train, contents.simulate):
        if results and isinstance(results.get("versions"), dict):
            versions |= results["versions"]
    if contents.build is not None:
        versions |= contents.build.tools
    return versions
