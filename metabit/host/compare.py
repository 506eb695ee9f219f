"""Where device and golden model differ, the device being simulated or real."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..golden.network import Network, Statistics
from .driver import Driver
from .errors import DeviceError


@dataclass(frozen=True)
class Divergence:
    """First difference of one kind.

    Attributes
    ----------
    kind : str
        What differs, such as ``"counter"``.
    place : dict
        Where, such as ``{"layer": 0, "neuron": 3, "weight": 17}``.
    golden, device : int
        Both values.
    count, total : int
        How many values of the kind differ there, and how many there are.
    names : tuple of str
        What the values are called, if they are classes.
    """

    kind: str
    place: dict[str, Any]
    golden: int
    device: int
    count: int = 1
    total: int = 1
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = ", ".join(f"{name} {value}" for name, value in self.place.items())
        more = f" ({self.count} of {self.total} differ)" if self.total > 1 else ""
        at = f" of {where}" if where else ""
        golden, device = self._named(self.golden), self._named(self.device)
        return f"{self.kind}{at}: golden {golden}, device {device}{more}"

    def _named(self, value: int) -> str:
        named = 0 <= value < len(self.names) and self.names[value] != str(value)
        return f"{value} {self.names[value]}" if named else str(value)


class DivergenceError(DeviceError):
    """Device and golden model have come to different results.

    Attributes
    ----------
    divergences : sequence of Divergence
        What differs.
    tile : int
        Last tile trained when it was found, from 0; -1: before the first.
    agreed : int
        Tiles trained when all state was last compared and agreed; -1: never.
    """

    def __init__(self, divergences: Sequence[Divergence], tile: int, agreed: int) -> None:
        self.divergences = divergences
        self.tile = tile
        self.agreed = agreed
        when = f"after tile {tile}" if tile >= 0 else "before the first tile"
        super().__init__(f"device and golden differ {when}: {divergences[0]}")


def first_difference(
    kind: str,
    axes: tuple[str, ...],
    golden: npt.NDArray[Any],
    device: npt.NDArray[Any],
    **place: Any,
) -> Iterator[Divergence]:
    """Yield the first difference of two arrays, if there is one.

    Parameters
    ----------
    kind : str
        See :class:`Divergence`.
    axes : tuple of str
        What an index along each axis is called.
    golden, device : ndarray
        Of the same shape.
    **place
        Where the arrays belong.
    """
    different = np.asarray(golden) != np.asarray(device)
    if different.any():
        index = tuple(int(n) for n in np.argwhere(different)[0])
        yield Divergence(
            kind,
            place | dict(zip(axes, index, strict=True)),
            int(golden[index]),
            int(device[index]),
            int(different.sum()),
            different.size,
        )


def compare_state(
    driver: Driver, network: Network, earlier: Statistics | None = None
) -> list[Divergence]:
    """Compare all state that a device shows: counters with their signs, generator, statistics.

    Parameters
    ----------
    driver : Driver
        Device.
    network : Network
        Golden model.
    earlier : Statistics, optional
        Counts that golden had when the device's were zero.

    Returns
    -------
    list of Divergence
        The first of every kind and layer, counters first; empty if every bit agrees.
    """
    counts, state = driver.statistics().counts, driver.read_state()
    found: list[Divergence] = []
    for layer, counters in enumerate(network.counters):
        found += first_difference(
            "counter", ("neuron", "weight"), counters, state.counters[layer], layer=layer
        )
    if state.generator_state != network.generator.state:
        found.append(
            Divergence("generator state", {}, network.generator.state, state.generator_state)
        )
    found += _compare_statistics(
        network.statistics, counts, earlier or Statistics.zero(network.config.layers)
    )
    return found


def _compare_statistics(
    golden: Statistics, device: Statistics, earlier: Statistics
) -> Iterator[Divergence]:
    for name in ("samples", "correct"):
        expected, found = getattr(golden, name) - getattr(earlier, name), getattr(device, name)
        if expected != found:
            yield Divergence(f"count of {name}", {}, expected, found)
    for name in ("triggers", "updates"):
        expected = np.array(getattr(golden, name)) - np.array(getattr(earlier, name))
        yield from first_difference(
            f"count of {name}", ("layer",), expected, np.array(getattr(device, name))
        )


def compare_predictions(
    golden: npt.NDArray[Any],
    device: npt.NDArray[Any],
    tile: int,
    tiles: int = 0,
    names: Sequence[str] = (),
) -> list[Divergence]:
    """Return the first wrong prediction of a device, if there is one.

    Parameters
    ----------
    golden, device : ndarray of int, shape (n,)
        Predictions of consecutive samples.
    tile : int
        Samples of a tile.
    tiles : int
        Tiles before these.
    names : sequence of str
        Of the classes.
    """
    return [
        replace(
            wrong,
            place={
                "tile": tiles + wrong.place["sample"] // tile,
                "sample": wrong.place["sample"] % tile,
            },
            names=tuple(names),
        )
        for wrong in first_difference("prediction", ("sample",), golden, device)
    ]
