"""What every choice of the hardware rule costs or brings: the rows of a table, and their runs."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..config import Config
from ..configurations.named import named, override
from ..paper.config import paper_config
from ..runs.plan import Plan
from .deviations import DEVIATIONS
from .published import select
from .variations import Variation

TABLES = ("widths", "steps", "changes", "encoders", "views")
"""`widths`: the networks of the paper's table, by its rule and by the hardware's. `steps`: from the
paper's rule to the hardware's, one deviation after the other. `changes`: the hardware rule without
rival selection and annealing, one change at a time. `encoders`: from the paper's pixels to the best
that fits a UP5K and an ECP5, and to two layers on an ECP5. `views`: images learnt in five views,
with hand-made bits and learnt ones; meant for 60 epochs."""

OF_IMAGES = {"encoders", "views"}
"""Tables that only images have."""


@dataclass(frozen=True)
class Variant:
    """A row of a table.

    Attributes
    ----------
    table : str
        One of :data:`TABLES`.
    name : str
        What is different.
    config : Config
        What is trained; its seed is replaced by that of the run.
    deviations : int or None
        How many :data:`~metabit.golden.studies.deviations.DEVIATIONS` the paper's rule has; None:
        the hardware rule.
    alternative : str or None
        What is different in the hardware rule beside its configuration; see
        :mod:`~metabit.golden.studies.variations`.
    """

    table: str
    name: str
    config: Config
    deviations: int | None = None
    alternative: Variation | None = None

    @property
    def first(self) -> bool:
        """Whether the rows that follow are compared with this one."""
        return self.table == "widths" and self.deviations == 0

    @property
    def variation(self) -> Variation | None:
        """What is different in the rule itself."""
        return DEVIATIONS[self.deviations - 1] if self.deviations else self.alternative

    def plan(self, seed: int, epochs: int, split: str, data_dir: Path | None = None) -> Plan:
        """Return the plan of a run.

        Parameters
        ----------
        seed : int
            Of network, order and split.
        epochs : int
            Length of the training.
        split : str
            One of :data:`~metabit.golden.data.splits.SPLITS`.
        data_dir : Path, optional
            Folder with Fashion-MNIST.
        """
        config = override(self.config, seed=seed)
        if self.deviations == 0:
            return Plan(paper_config(config, epochs=epochs), epochs, split, data_dir=data_dir)
        return Plan(config, epochs, split, data_dir=data_dir)


@dataclass(frozen=True)
class Summary:
    """The runs of a row.

    Attributes
    ----------
    variant : Variant
        The row.
    accuracies : list of float
        In per cent, a seed each.
    differences : list of float
        To the row it is compared with, in points, a seed each: the same seed has the same split,
        whose share in the spread drops out.
    """

    variant: Variant
    accuracies: list[float]
    differences: list[float]

    @property
    def mean(self) -> float:
        """Mean accuracy."""
        return statistics.fmean(self.accuracies)

    @property
    def std(self) -> float:
        """Sample standard deviation; 0 for a single run."""
        return _deviation(self.accuracies)

    @property
    def difference(self) -> float:
        """Mean difference."""
        return statistics.fmean(self.differences)

    @property
    def error(self) -> float:
        """Standard error of the mean difference; 0 for a single run."""
        return _deviation(self.differences) / len(self.differences) ** 0.5


def _deviation(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0


def summarise(
    variants: Sequence[Variant], accuracies: dict[tuple[Variant, int], float]
) -> list[Summary]:
    """Return a table, with each row's difference to another.

    `steps` compares with the row before, `widths` with the paper's rule on the same network, the
    others with their first row.

    Parameters
    ----------
    variants : sequence of Variant
        Rows of one table.
    accuracies : dict
        A fraction for each variant and seed.
    """
    summaries: list[Summary] = []
    seeds = sorted({seed for _, seed in accuracies})
    reference: npt.NDArray[np.float64] | None = None
    for variant in variants:
        values = np.array([accuracies[variant, seed] for seed in seeds]) * 100
        if reference is None or variant.first:
            reference = values
        summaries.append(Summary(variant, values.tolist(), (values - reference).tolist()))
        if variant.table == "steps":
            reference = values
    return summaries


def variants(table: str, dataset: str) -> tuple[Variant, ...]:
    """Return the rows of a table.

    Parameters
    ----------
    table : str
        One of :data:`TABLES`.
    dataset : str
        `fashion-mnist` or `prototypes`; `encoders` is about images only.
    """
    base = named("paper-135")
    if dataset == "prototypes":
        base = override(base, dataset=dataset, encoder="none", inputs=1000)
    rows = {
        "widths": _widths,
        "steps": _steps,
        "changes": _changes,
        "encoders": _encoders,
        "views": _views,
    }
    return tuple(rows[table](base))


def _widths(base: Config) -> Iterator[Variant]:
    for row in select("layers", base.dataset):
        config = override(base, hidden=row.hidden, group=row.group, margin=row.margin)
        widths = "-".join(map(str, row.hidden))
        summed = override(config, summed_scores=True)
        ours = override(summed, rival_selection=True, annealing=named("up5k").annealing)
        yield Variant("widths", f"{widths}, the paper's rule", config, 0)
        yield Variant("widths", f"{widths}, the hardware's", config)
        yield Variant("widths", f"{widths}, and summed scores", summed)
        yield Variant("widths", f"{widths}, and rival selection, annealing", ours)


def _steps(base: Config) -> Iterator[Variant]:
    yield Variant("steps", "paper", base, 0)
    for count, name in enumerate(DEVIATIONS, 1):
        yield Variant("steps", name, base, count)
    yield Variant("steps", "tiles of 8", override(base, lag=0))
    yield Variant("steps", "weights one tile old: the hardware rule", base)
    rival = override(base, rival_selection=True)
    yield Variant("steps", "rival selection", rival)
    yield Variant("steps", "annealing", override(rival, annealing=named("up5k").annealing))


def _changes(base: Config) -> Iterator[Variant]:
    yield Variant("changes", "8 bits, tiles of 8, margin 1/4, groups of 45", base)
    for bits in (16, 7, 6, 5, 4):
        yield Variant("changes", f"{bits} bits", override(base, counter_bits=bits))
    for tile in (1, 32, 64):
        yield Variant("changes", f"tiles of {tile}", override(base, tile=tile))
    for eighths in (0, 1, 4):
        name = f"margin {eighths}/8"
        yield Variant("changes", name, override(base, margin=eighths / 8))
    for group in (15, 27, 135):
        yield Variant("changes", f"groups of {group}", override(base, group=group))
    yield Variant("changes", "no reinforcement", override(base, reinforcement=0))
    yield Variant("changes", "rival selection", override(base, rival_selection=True))
    yield Variant("changes", "annealing", override(base, annealing=named("up5k").annealing))
    yield Variant("changes", "numbers from PCG64", base, alternative="pcg64")
    yield Variant("changes", "weights up to date", override(base, lag=0))
    yield Variant("changes", "counters start at 0", base, alternative="zero-start")
    yield Variant("changes", "scores of all layers summed", override(base, summed_scores=True))


def _hand_made(name: str, margin: float) -> Config:
    """Return a named network on bits that are selected from hand-made ones, in one view."""
    config = named(name)
    encoder = f"select:{config.inputs}:edges-6992"
    return override(config, encoder=encoder, margin=margin, views=1)


def _encoders(base: Config) -> Iterator[Variant]:
    up5k, ecp5, two = (
        _hand_made(*network) for network in (("up5k", 0.25), ("ecp5", 0.15), ("multi", 0.25))
    )
    edges = override(up5k, encoder="edges-1568", inputs=1568, head_offset=0)
    plain = {"rival_selection": False, "annealing": ()}
    for name, bits in (("median", 784), ("thermometer:0,128", 1568)):
        yield Variant("encoders", f"{bits}-64, {name}", override(edges, encoder=name, inputs=bits))
    yield Variant("encoders", "1568-64, edges-1568, base rule", override(edges, **plain))
    yield Variant("encoders", "and rival selection", override(edges, annealing=()))
    yield Variant("encoders", "and annealing instead", override(edges, rival_selection=False))
    yield Variant("encoders", "and both", edges)
    for encoder, bits in (("edges-1960", 1960), ("edges-2548", 2548), ("edges-6992", 6992)):
        fields = {"encoder": encoder, "inputs": bits}
        yield Variant("encoders", f"{bits}-64, {encoder}", override(edges, **fields))
    yield Variant("encoders", "1536-64, selected from edges-6992", override(up5k, head_offset=0))
    yield Variant("encoders", "1536-64, and three thresholds", up5k)
    yield Variant("encoders", "3072-128, selected, 7 bits", override(ecp5, head_offset=0))
    yield Variant("encoders", "3072-128, and three thresholds", ecp5)
    # What the pixels themselves bring with no more weights, with the same head.
    for config, bits, neurons, encoder in (
        (up5k, 1568, 62, "thermometer:0,128"),
        (ecp5, 3136, 124, "thermometer:0,64,128,192"),
    ):
        group = neurons * config.group // config.hidden[0]
        fields = {"encoder": encoder, "inputs": bits, "hidden": (neurons,), "group": group}
        name = f"{bits}-{neurons}, {encoder}, {config.counter_bits} bits, three thresholds"
        yield Variant("encoders", name, override(config, **fields))
    last = override(two, summed_scores=False)
    yield Variant("encoders", "1536-224-64, selected, 7 bits, three thresholds", last)
    yield Variant("encoders", "and scores of both layers summed", two)


def _views(base: Config) -> Iterator[Variant]:
    up5k, ecp5 = named("up5k"), named("ecp5")
    for margin in (0.25, 0.15):
        yield Variant("views", f"1536-64, margin {margin}", _hand_made("up5k", margin))
    for margin in (0.25, 0.15):
        five = override(_hand_made("up5k", margin), views=5)
        yield Variant("views", f"five views, margin {margin}", five)
    learnt = override(up5k, encoder="select:1536,steps=3:comparisons:6144")
    yield Variant("views", "and learnt bits alone", learnt)
    yield Variant("views", "and hand-made and learnt bits: up5k", up5k)
    hand_made = _hand_made("ecp5", 0.15)
    yield Variant("views", "3072-128, margin 0.15", hand_made)
    yield Variant("views", "and five views", override(hand_made, views=5))
    yield Variant("views", "and hand-made and learnt bits: ecp5", ecp5)
