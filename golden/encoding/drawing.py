"""Drawing comparisons that fit training images: which maps, rectangles and counts."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from ..generator import Generator
from ..streams import derive, permutation
from .comparisons import (
    Comparison,
    Comparisons,
    Counter,
    Map,
    chunk_of,
    grouped,
    planes_of,
    planes_shape,
)

MAPS = 300
"""Maps that all bits share."""

REACH = 3
REACHES = 10
"""A neighbour is at most 3 rows and columns away, in large images a tenth of the shorter side."""

SIDE = 3
SIDES = 3
"""A rectangle is at most a third of the shorter side long and wide, but up to 3 in small images."""

LEVELS = 8
"""Thresholds of an offset: none, and those that divide the differences of the training images."""

ALONE = 8
"""One map in so many compares pixels with a threshold alone."""

BALANCE = (20, 80)
"""Per cent of the training images that a bit should be one for, at least and at most."""

_PIXELS = 1 << 21
_FEWEST = 256
_THRESHOLD_PIXELS = 1 << 18
"""Images are drawn on as many of the training images as have so many pixels, but no fewer than so
many; thresholds, on fewer."""

_ATTEMPTS = 16
"""Draws of maps for each that is wanted, and rounds of drawing bits, until it is given up."""


def fit(part: Comparisons, images: npt.NDArray) -> Comparisons:
    """Return a part with a table that fits training images.

    Parameters
    ----------
    part : Comparisons
        Says how many bits, and the seed.
    images : ndarray, shape (n, height, width) or (n, height, width, colours)
        Training images only.

    Raises
    ------
    DataError
        If samples are no images, or too few comparisons tell them apart.
    """
    shape = planes_shape(images.shape[1:])
    low, high = images.min(), images.max()
    if not any(low <= threshold < high for threshold in part.thresholds or (low,)):
        raise DataError(
            f"encoder 'comparisons:{part.count}' finds nothing to compare: "
            + (
                f"all {images.size} values of the training images are {low}"
                if low == high
                else f"the training images are {low} to {high}, which no threshold divides"
            )
        )
    count = max(_FEWEST, _PIXELS // (shape[0] * shape[1] * shape[2]))
    chosen = permutation(part.seed, "comparisons/samples", len(images))[:count]
    planes = planes_of(part.seen(images[chosen]))
    draws = _Draws(part.seed)
    maps = _maps(draws, planes)
    table = _table(draws, planes, maps, part.count)
    if len(table) < part.count:
        raise DataError(
            f"only {len(table)} of {part.count} comparisons tell the training images of "
            f"{' x '.join(map(str, images.shape[1:]))} apart; ask for fewer, "
            "e.g. with another --encoder, or use --encoder quantiles:2"
        )
    return part.restored(table)


def reach_of(height: int, width: int) -> int:
    """Return how many rows and columns away a neighbour may be."""
    return max(REACH, -(-min(height, width) // REACHES))


def side_of(height: int, width: int) -> int:
    """Return how many rows and columns a rectangle may have."""
    return max(SIDE, -(-min(height, width) // SIDES))


class _Draws:
    """Numbers of the project's generator, for this purpose and seed."""

    def __init__(self, seed: int) -> None:
        self._generator = Generator(derive(seed, "comparisons"))

    def below(self, *limits: int) -> list[int]:
        """Return a number below each limit: ``floor(draw * limit / 2**32)``."""
        draws = self._generator.draw(len(limits)).tolist()
        return [draw * limit >> 32 for draw, limit in zip(draws, limits, strict=True)]


def _maps(draws: _Draws, planes: npt.NDArray) -> list[Map]:
    """Return different maps, in the order that they were drawn."""
    colours, height, width, images = planes.shape
    reach = reach_of(height, width)
    few = max(1, min(images, _THRESHOLD_PIXELS // (height * width)))
    counter = Counter(np.ascontiguousarray(planes[..., :few]), 1)
    reach_y, reach_x = min(reach, height - 1), min(reach, width - 1)
    ladders: dict[tuple[int, ...], list[float]] = {}
    maps: dict[Map, None] = {}
    for _ in range(_ATTEMPTS * MAPS):
        kind, colour, other, dy, dx, level = draws.below(
            ALONE, colours, colours, 2 * reach_y + 1, 2 * reach_x + 1, LEVELS
        )
        offset = (colour, other, dy - reach_y, dx - reach_x)
        if kind == 0:
            offset = (colour, colour, 0, 0)
        elif Map(*offset, 0).alone:
            continue
        if offset not in ladders:
            ladders[offset] = _ladder(counter.differences(Map(*offset, 0)), kind == 0)
        ladder = ladders[offset]
        if level < len(ladder):
            maps[Map(*offset, ladder[level])] = None
        if len(maps) == MAPS:
            break
    return list(maps)


def _ladder(differences: npt.NDArray, alone: bool) -> list[float]:
    """Return the thresholds of an offset, those that something exceeds.

    Parameters
    ----------
    differences : ndarray
        Of the training images; pixels themselves with ``alone``.
    alone : bool
        Whether they are pixels.
    """
    values = np.sort(differences if alone else np.abs(differences), axis=None)
    lowest = values[0] if alone else 0
    values = values[np.searchsorted(values, lowest, "right") :]
    places = len(values) * np.arange(1, LEVELS) // LEVELS
    found = [lowest, *values[places]] if len(values) else []
    highest = differences.max()
    return [float(threshold) for threshold in found if threshold < highest]


def _table(draws: _Draws, planes: npt.NDArray, maps: list[Map], wanted: int) -> list[Comparison]:
    """Return the bits: balanced ones as they come; if they are too few, those that are nearest."""
    images = planes.shape[3]
    taken: set[tuple] = set()
    balanced: list[Comparison] = []
    others: list[tuple[int, int, Comparison]] = []
    for _ in range(_ATTEMPTS if maps else 0):
        drawn = list(_candidates(draws, planes.shape, maps, taken, wanted))
        for bit, ones in _counted(planes, drawn):
            if BALANCE[0] * images <= 100 * ones <= BALANCE[1] * images:
                balanced.append(bit)
            elif 0 < ones < images:
                others.append((-min(ones, images - ones), len(others), bit))
        if len(balanced) >= wanted:
            break
    others.sort()
    chosen = balanced[:wanted] + [bit for *_, bit in others[: max(0, wanted - len(balanced))]]
    return sorted(chosen)


def _candidates(
    draws: _Draws, shape: tuple[int, ...], maps: list[Map], taken: set[tuple], count: int
) -> Iterator[Comparison]:
    """Yield so many draws of a map, a rectangle and a place among the counts, in ``marks``.

    No rectangle of a map is drawn twice.
    """
    _, height, width, images = shape
    low, high = BALANCE
    side = side_of(height, width)
    for _ in range(count):
        number, rows, columns = draws.below(len(maps), min(side, height), min(side, width))
        top, left, share = draws.below(height - rows, width - columns, 1 << 32)
        bottom, right = top + rows + 1, left + columns + 1
        key = (number, top, left, bottom, right)
        if key not in taken:
            taken.add(key)
            place = images * ((low << 32) + (high - low) * share) // (100 << 32)
            yield Comparison(*maps[number], top, left, bottom, right, place)


def _counted(planes: npt.NDArray, drawn: list[Comparison]) -> list[tuple[Comparison, int]]:
    """Return bits whose ``marks`` are the count at their place, and how many images are ones."""
    order = sorted(range(len(drawn)), key=lambda index: drawn[index][:5])
    size = chunk_of(planes.shape[:3])
    area = side_of(*planes.shape[1:3]) ** 2
    counters = [
        Counter(np.ascontiguousarray(planes[..., start : start + size]), area)
        for start in range(0, planes.shape[3], size)
    ]
    found: list[tuple[Comparison, int]] = []
    for map_, rectangles, places in grouped([drawn[index] for index in order]):
        counts = np.concatenate([part.counts(map_, rectangles) for part in counters], axis=1)
        counts.sort(axis=1)
        for place, row in zip(places, counts, strict=True):
            marks, bit = row[place], drawn[order[len(found)]]
            ones = len(row) - int(np.searchsorted(row, marks, "right"))
            found.append((bit._replace(marks=int(marks)), ones))
    return [found[index] for index in np.argsort(order)]
