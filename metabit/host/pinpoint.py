"""The tile and the sample after which device and golden model first differ."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from .compare import Divergence, DivergenceError, compare_predictions, compare_state
from .lockstep import Lockstep, Span, train_both


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


def pinpoint(side: Lockstep, error: DivergenceError) -> Finding:
    """Replay what was trained since the last agreement, and find the first tile that differs.

    A replay trains on spans as they were trained on, in one go, but stops early: passes and
    updates overlap in it as they did, which they would not if tiles were trained one by one. Only
    samples after its end are not loaded meanwhile.

    Parameters
    ----------
    side : Lockstep
        What has diverged; its device is left in the state after the divergence.
    error : DivergenceError
        What it raised.
    """
    if error.agreed < 0:
        return Finding(-1, None, error.divergences)
    log, tile = side.log, side.golden.network.config.tile
    # Every tile of every span: where it begins and ends.
    tiles = [
        (number, start, min(start + tile, len(span.labels)))
        for number, span in enumerate(log)
        for start in range(0, len(span.labels), tile)
    ]

    def replay(number: int, samples: int) -> list[Divergence]:
        return _replay(side, [*log[:number], log[number].cut(samples)], error.agreed)

    count = bisect_left(tiles, True, key=lambda place: bool(replay(place[0], place[2])))
    if count == len(tiles):
        return Finding(error.tile, None, error.divergences)
    number, start, end = tiles[count]
    sample = bisect_left(
        range(start, end), True, key=lambda sample: bool(replay(number, sample + 1))
    )
    return Finding(error.agreed + count, sample, replay(number, start + sample + 1))


def _replay(side: Lockstep, spans: Sequence[Span], tiles: int) -> list[Divergence]:
    """Train on spans from the last agreed state, after ``tiles`` tiles, and compare everything."""
    network = side.agreed.network()
    side.driver.load(network)
    found: list[Divergence] = []
    for span in spans:
        expected, predictions = train_both(side.driver, network, span)
        found += compare_predictions(expected, predictions, network.config.tile, tiles)
        tiles += -(-len(predictions) // network.config.tile)
    return found + compare_state(side.driver, network, side.agreed.statistics)
