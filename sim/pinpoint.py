"""The tile and the sample after which device and golden model first differ."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from .compare import Divergence, compare_forward, compare_state
from .side_by_side import DivergenceError, SideBySide, Tile, compare_predictions, train_both


@dataclass(frozen=True)
class Finding:
    """Where training went wrong.

    Attributes
    ----------
    tile : int
        First tile that differs, from 0; -1: state differs before any.
    sample : int or None
        Sample of that tile whose pass or updates differ; None: not known, because the replay
        agreed.
    divergences : sequence of Divergence
        What differs then.
    """

    tile: int
    sample: int | None
    divergences: Sequence[Divergence]


def pinpoint(side: SideBySide, error: DivergenceError) -> Finding:
    """Replay the tiles since the last agreement, and find the first that differs.

    The updates of a tile are a sequence, and its forward passes do not depend on each other: a
    tile cut short does what the whole one does up to there. That gives the sample.

    Parameters
    ----------
    side : SideBySide
        What has diverged; is left in the state after the divergence.
    error : DivergenceError
        What it raised.
    """
    if error.agreed < 0:
        return Finding(-1, None, error.divergences)
    log = side.log

    def differs(tiles: int) -> bool:
        return bool(_replay(side, log[:tiles]))

    count = bisect_left(range(1, len(log) + 1), True, key=differs) + 1
    if count > len(log):
        return Finding(error.tile, None, error.divergences)
    before, last = log[: count - 1], log[count - 1]

    def differs_with(samples: int) -> bool:
        return bool(_replay(side, [*before, _cut(last, samples)]))

    samples = bisect_left(range(1, len(last.labels) + 1), True, key=differs_with) + 1
    found = _replay(side, [*before, _cut(last, samples)])
    return Finding(error.agreed + count - 1, samples - 1, found)


def _cut(tile: Tile, samples: int) -> Tile:
    return Tile(tile.samples[:samples], tile.labels[:samples], tile.annealing, tile.damping)


def _replay(side: SideBySide, tiles: Sequence[Tile]) -> list[Divergence]:
    """Train on tiles from the last agreed state, and compare everything behind the last."""
    side.agreed.restore(side.network)
    side.driver.load_state(side.agreed.counters, side.agreed.generator_state)
    side.driver.clear_statistics()
    for tile in tiles:
        predictions, forward = train_both(side.driver, side.network, tile)
        found = compare_predictions(forward, predictions)
        if tile is tiles[-1]:
            found += compare_forward(side.driver, forward)
        elif found:
            return found
    return found + compare_state(side.driver, side.network, side.agreed.statistics)
