"""The published results that the paper's rule is held to.

``published.csv`` beside this module holds the authors' own result files, reduced to what is used
here: accuracy in per cent on test and training samples, mean and standard deviation over 10 runs
of 50 epochs in batches of 100, reinforcement 0.5 (Colombo, Pittorino, Roveri, arXiv 2412.00119).
The group-size file states neither margin and batch, for which those of the other tables are
assumed, nor training accuracy.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ..errors import ConfigurationError
from ..paper.config import PaperConfig, make_paper_config

TABLES = ("layers", "baseline", "group", "margin", "clip", "uci")
"""Tables of the paper: width and depth, the baseline of Baldassi et al., three sweeps, and small
data sets of the UCI kind (those that scikit-learn ships, which are not the paper's versions)."""

RUNS = 10
"""Runs behind every published mean."""

_UCI = "distributive:32"

_DATA = {
    "fashion-mnist": ("median", 784, 10),
    "prototypes": ("none", 1000, 10),
    "breast-cancer": (_UCI, 960, 2),
    "digits": (_UCI, 2048, 10),
    "iris": (_UCI, 128, 3),
    "wine": (_UCI, 416, 3),
}
"""Encoder, inputs and classes of each data set."""


@dataclass(frozen=True)
class PublishedRow:
    """One line of a table.

    Attributes
    ----------
    table : str
        One of :data:`TABLES`.
    dataset, rule : str
        What was trained on, and how.
    hidden : tuple of int
        Neurons of each hidden layer.
    group : int
        Neurons per group.
    margin : float
        Robustness r.
    weight_clip : int
        Limit of hidden weights; 0: none.
    batch : int
        Samples of a batch.
    mean, std : float or None
        Test accuracy in per cent; None: nothing was published.
    train_mean, train_std : float or None
        Accuracy on the training samples of the last epoch, counted online.
    extra : bool
        Whether it takes long or is of less interest, and is run on demand only.
    """

    table: str
    dataset: str
    rule: str
    hidden: tuple[int, ...]
    group: int
    margin: float
    weight_clip: int
    batch: int
    mean: float | None
    std: float | None
    train_mean: float | None
    train_std: float | None
    extra: bool

    @property
    def name(self) -> str:
        """Unique name, e.g. ``layers/fashion-mnist/135-135``."""
        last = {
            "layers": "",
            "baseline": f"/g{self.group}",
            "group": f"/g{self.group}",
            "margin": f"/r{self.margin:g}",
            "clip": f"/c{self.weight_clip}",
            "uci": "",
        }[self.table]
        return f"{self.table}/{self.dataset}/{'-'.join(map(str, self.hidden))}{last}"

    def config(self, seed: int, epochs: int) -> PaperConfig:
        """Return the configuration of a run of this row.

        Parameters
        ----------
        seed, epochs : int
            Of the run.
        """
        encoder, inputs, classes = _DATA[self.dataset]
        return make_paper_config(
            name=self.name,
            rule=self.rule,
            dataset=self.dataset,
            encoder=encoder,
            inputs=inputs,
            classes=classes,
            hidden=self.hidden,
            group=self.group,
            margin=self.margin,
            weight_clip=self.weight_clip,
            batch=self.batch,
            seed=seed,
            epochs=epochs,
        )


@cache
def published() -> tuple[PublishedRow, ...]:
    """Return all rows, in the order of the tables."""
    text = files(__package__).joinpath("published.csv").read_text(encoding="utf-8")
    return tuple(
        PublishedRow(
            table=row["table"],
            dataset=row["dataset"],
            rule=row["rule"],
            hidden=tuple(int(width) for width in row["hidden"].split("-")),
            group=int(row["group"]),
            margin=float(row["margin"]),
            weight_clip=int(row["weight_clip"] or 0),
            batch=int(row["batch"]),
            mean=_number(row["mean"]),
            std=_number(row["std"]),
            train_mean=_number(row["train_mean"]),
            train_std=_number(row["train_std"]),
            extra=row["extra"] == "yes",
        )
        for row in csv.DictReader(text.splitlines())
    )


def _number(text: str) -> float | None:
    return float(text) if text else None


def select(
    tables: str | None = None,
    dataset: str | None = None,
    rows: str | None = None,
    extra: bool = False,
) -> list[PublishedRow]:
    """Return the rows that were asked for.

    Parameters
    ----------
    tables : str, optional
        Names of tables, separated by commas; None: all.
    dataset : str, optional
        Only this data set.
    rows : str, optional
        Beginnings or parts of row names, separated by commas, e.g. ``"35-35,75-75"``: a row
        counts whose name, or one of whose parts between slashes, is given. Finds extra rows, too.
    extra : bool
        Whether to include the rows that take long.

    Raises
    ------
    ConfigurationError
        If a name fits nothing.
    """
    known = published()
    chosen = list(known)
    if tables is not None:
        names = tables.split(",")
        unknown = [name for name in names if name not in TABLES]
        if unknown:
            raise ConfigurationError(f"unknown table {unknown[0]!r}; known: {', '.join(TABLES)}")
        chosen = [row for row in chosen if row.table in names]
    if dataset is not None:
        if dataset not in _DATA:
            raise ConfigurationError(
                f"the published tables have no data set {dataset!r}; known: {', '.join(_DATA)}"
            )
        chosen = [row for row in chosen if row.dataset == dataset]
    if rows is None:
        return [row for row in chosen if extra or not row.extra]
    names = rows.split(",")
    for name in names:
        if not any(_called(row, name) for row in chosen):
            raise ConfigurationError(
                f"no row {name!r} in these tables; known: {', '.join(row.name for row in chosen)}"
            )
    return [row for row in chosen if any(_called(row, name) for name in names)]


def _called(row: PublishedRow, name: str) -> bool:
    return name in (row.name, *row.name.split("/"))
