"""The order of samples that a device makes by itself, from its own memory.

A shuffle needs a table of all samples, which a small FPGA has no room for. Strides need an adder:
place ``x`` is followed by ``x + stride`` modulo a power of two, and places beyond the last sample
are passed over. As the stride is odd, all places are met once before the first comes again. Every
epoch has a stride and a first place of its own.

Samples lie in memory shuffled once, by :func:`stored_order`, so that steps from place to place are
steps between samples that have nothing to do with each other, however a file is sorted.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .generator import Generator
from .streams import derive, permutation

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Strides:
    """Stride and first place of an epoch.

    Parameters
    ----------
    samples : int
        Number of samples N.
    stride : int
        Odd, below :attr:`places`.
    first : int
        Place where the epoch begins, below :attr:`places`; it need not hold a sample.
    """

    samples: int
    stride: int
    first: int

    @classmethod
    def in_order(cls, samples: int) -> "Strides":
        """Return the strides of place after place, as tests and checks take them."""
        return cls(samples, 1, 0)

    @property
    def mask(self) -> int:
        """What is kept of a place's bits."""
        return self.places - 1

    @property
    def places(self) -> int:
        """The smallest power of two that is not below the number of samples."""
        return 1 << (self.samples - 1).bit_length()

    def order(self) -> Indices:
        """Return the places of samples in the order of the epoch, each once, shape (N,)."""
        steps = np.arange(self.places, dtype=np.int64)
        places = (self.first + steps * self.stride) % self.places
        return places[places < self.samples]

    def after(self, samples: int) -> "Strides":
        """Return the strides that go on behind so many samples, fewer than all."""
        return Strides(self.samples, self.stride, int(self.order()[samples]))


def strides_state(seed: int, epoch: int) -> int:
    """Return the state of the generator of strides before an epoch, from 1."""
    generator = Generator(derive(seed, "strides"))
    generator.draw(2 * epoch - 2)
    return generator.state


def strides_of(seed: int, epoch: int, samples: int) -> Strides:
    """Return the strides of an epoch.

    Two draws an epoch, one epoch's after the other's, from a generator of their own: the low bits
    of the first are the stride, its lowest bit set, and those of the second the first place.

    Parameters
    ----------
    seed, epoch, samples : int
        Seed of the run, epoch (from 1), and samples of an epoch.
    """
    stride, first = Generator(strides_state(seed, epoch)).draw(2)
    mask = Strides.in_order(samples).mask
    return Strides(samples, int(stride) & mask | 1, int(first) & mask)


def stored_order(samples: int) -> Indices:
    """Return the order in which samples are stored: place p of memory holds sample ``order[p]``.

    The same for every seed, as stored samples belong to any network.
    """
    return permutation(0, "stored", samples)


def strided_order(seed: int, epoch: int, samples: int) -> Indices:
    """Return the training samples in the order of an epoch, shape (samples,)."""
    return stored_order(samples)[strides_of(seed, epoch, samples).order()]
