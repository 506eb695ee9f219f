"""The tables of `metabit bench hardware`, as Markdown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from metabit.boards.registry import Board
from metabit.golden.config import Config
from metabit.planning.energy import CELLS, estimate

from .hardware_runs import Built, Epoch

_CELLS = "logic cells"

_RESOURCES = {
    "ice40": (_CELLS, "block RAMs", "single-port RAMs", "multipliers"),
    "ecp5": ("look-up tables", "flip-flops", "block RAMs", "multipliers"),
}


@dataclass(frozen=True)
class Measured:
    """What was found about a board.

    Attributes
    ----------
    board : Board
    config : Config
        Network that was trained.
    built : Built or None
        None: no builds were given.
    epochs : list of Epoch
    """

    board: Board
    config: Config
    built: Built | None
    epochs: list[Epoch]

    @property
    def clock_mhz(self) -> float:
        """Clock that samples a second are given for: that of the builds, or the board's."""
        return self.built.target_mhz if self.built else self.board.clock_mhz

    @property
    def cells(self) -> int:
        """Logic cells, for the estimate of the power."""
        return (self.built.used(_CELLS) if self.built else None) or CELLS


@dataclass(frozen=True)
class Literature:
    """A published figure, or one of ours on a processor.

    Attributes
    ----------
    name, device : str
    training, inference : float or None
        Samples a second.
    accuracy : float or None
        On Fashion-MNIST's official test set, in percent.
    microjoules : str
        A trained sample, and of what.
    note : str
        What cannot be compared.
    """

    name: str
    device: str
    training: float | None
    inference: float | None
    accuracy: float | None
    microjoules: str
    note: str


LITERATURE = (
    Literature(
        "[Tunheim et al., 2024](https://doi.org/10.1109/TCSI.2024.3519191), convolutional "
        "coalesced Tsetlin machine",
        "Zynq UltraScale+ XCZU7, 50 MHz",
        60_000 / 1.5,
        134_000,
        84.1,
        "45, from 13.3 uJ a classification at 134,000 a second",
        "another learning rule on 28 x 28 bits; epochs of 60,000 samples; their power is measured, "
        "ours is estimated, and theirs is of a much larger FPGA",
    ),
    Literature(
        "`metabit train`, compiled engine",
        "one core of a server processor (AMD EPYC, Zen 4)",
        970_000,
        None,
        None,
        "4-5, the core's share of the processor's thermal design power",
        "1568-64: 1.02 times the weights of 1536-64; no board, no memory of its own; the power is "
        "that of a data sheet, not measured",
    ),
)
"""With what our figures are compared."""


def markdown(found: Sequence[Measured], splits: str, command: str) -> str:
    """Return all tables.

    Parameters
    ----------
    found : sequence of Measured
    splits : str
        What was trained on, in words.
    command : str
        That gives the same again.
    """
    parts = [
        f"`{command}`; {splits}. Nothing of it has run on a physical board.",
        _table(_BUILDS, (_build_row(each) for each in found)),
        _table(_SPEEDS, (row for each in found for row in _speed_rows(each))),
        _table(_PHASES, (row for each in found for row in _phase_rows(each))),
        _table(_OTHERS, [*_own_rows(found), *map(_literature_row, LITERATURE)]),
        _notes(found),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


_BUILDS = ("board", "device", "seeds", "clock", "reaches, median (least to most)", "uses")
_SPEEDS = (
    *("board", "network", "", "cycles a sample", "bound", "of", "ratio", "samples/s"),
    "estimate, uJ a sample",
)
_PHASES = (
    *("network", "", "neurons pass", "waits for inputs", "commits", "between", "all"),
    "rows updated, beside",
)
_OTHERS = (
    *("", "device", "training samples/s", "inferences/s", "official test, %"),
    *("uJ a trained sample", "not comparable"),
)
_TEXT = {"board", "device", "network", "", "of", "uses", "not comparable", "uJ a trained sample"}


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    ruler = ("---" if column in _TEXT else "---:" for column in columns)
    lines = [columns, tuple(ruler), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _build_row(found: Measured) -> tuple[str, ...]:
    board, built = found.board, found.built
    if built is None:
        return (board.title, board.shape, "0", f"{board.clock_mhz:g} MHz", "not built", "")
    reaches = f"{built.median_mhz:.1f} MHz"
    if len(built.fmax_mhz) > 1:
        reaches += f" ({min(built.fmax_mhz):.1f} to {max(built.fmax_mhz):.1f})"
    uses = [
        f"{used:,.0f} of {total:,} {name}"
        for name in _RESOURCES[board.family]
        if name in built.resources
        for used, total in [built.resources[name]]
    ]
    return (
        board.title,
        built.shape,
        str(len(built.fmax_mhz)),
        f"{built.target_mhz:g} MHz",
        reaches,
        ", ".join(uses),
    )


def network(config: Config) -> str:
    """Return a network's name and widths."""
    widths = "-".join(map(str, (config.inputs, *config.hidden)))
    return f"`{config.name}`, {widths}"


def _energy(found: Measured, rate: float) -> float | None:
    return estimate(found.board, found.clock_mhz, found.cells).microjoules(rate)


def _rate(found: Measured, epoch: Epoch) -> float:
    return 1e6 * found.clock_mhz / epoch.per_sample()


def _speed_rows(found: Measured) -> Iterable[tuple[str, ...]]:
    for epoch in found.epochs:
        energy = _energy(found, _rate(found, epoch))
        yield (
            found.board.title,
            network(found.config),
            epoch.what,
            f"{epoch.per_sample():.1f}",
            f"{epoch.bound.cycles:.1f}",
            _PARTS[epoch.bound.part],
            f"{epoch.ratio:.2f}",
            f"{_rate(found, epoch):,.0f}",
            f"{energy:.2f}" if energy else "",
        )


_PARTS = {"array": "lanes", "update": "updates", "inputs": "samples' way in", "port": "RAM port"}


def _phase_rows(found: Measured) -> Iterable[tuple[str, ...]]:
    for epoch in found.epochs:
        passed, waited, committed = (
            epoch.per_sample(phase) for phase in ("forward", "wait", "commit")
        )
        total = epoch.per_sample()
        yield (
            network(found.config),
            epoch.what,
            *(f"{cycles:.1f}" for cycles in (passed, waited, committed)),
            f"{total - passed - waited - committed:.1f}",
            f"{total:.1f}",
            f"{epoch.per_sample('update'):.1f}",
        )


def _own_rows(found: Sequence[Measured]) -> Iterable[tuple[str, ...]]:
    for each in found:
        rates = {epoch.what: _rate(each, epoch) for epoch in each.epochs}
        training = [rate for what, rate in rates.items() if what != "inference"]
        energies = [energy for rate in training if (energy := _energy(each, rate))]
        yield (
            network(each.config),
            f"{each.board.device}, {each.clock_mhz:g} MHz, simulated",
            _range([f"{rate:,.0f}" for rate in training]),
            f"{rates['inference']:,.0f}" if "inference" in rates else "",
            "",
            _range([f"{energy:.2f}" for energy in energies]) + ", estimated" if energies else "",
            "samples come as fast as they are taken",
        )


def _range(texts: list[str]) -> str:
    return " to ".join(dict.fromkeys(texts))


def _literature_row(row: Literature) -> tuple[str, ...]:
    return (
        row.name,
        row.device,
        f"{row.training:,.0f}" if row.training else "",
        f"{row.inference:,.0f}" if row.inference else "",
        f"{row.accuracy:.1f}" if row.accuracy else "",
        row.microjoules,
        row.note,
    )


def _notes(found: Sequence[Measured]) -> str:
    """Say how the energies were made."""
    notes = []
    for each in found:
        energy = estimate(each.board, each.clock_mhz, each.cells)
        notes.append(f"- Energy, {each.board.title}: {energy.method}.")
    return "\n".join(notes)
