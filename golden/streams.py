"""Every random choice of the host: shuffles from the project's own generator.

The network's generator belongs to the training state and runs on the device. What the host
shuffles has generators of its own, one for each purpose, so that no two uses share a stream and
results depend on no other library's generators:

=================  =========================================================
purpose            use
=================  =========================================================
``"split"``        the shuffle before the test set of split `paper` is cut off
``"order/<e>"``    the order of the training samples in epoch ``e``, from 1
``"strides"``      two draws for each epoch: :mod:`metabit.golden.strides`
``"stored"``       the order in which a device keeps samples, of seed 0 whatever the run's
``"views/<e>"``    the view in which each of them is learnt: :mod:`metabit.golden.views`
=================  =========================================================
"""

import hashlib

import numpy as np
import numpy.typing as npt

from .generator import PERIOD, Generator


def derive(seed: int, purpose: str) -> int:
    """Return the generator state for one purpose of a seed: ``1 + SHA-256 mod (2**32 - 1)``.

    Parameters
    ----------
    seed : int
        Seed of the run.
    purpose : str
        Name of the use; see the table above.
    """
    digest = hashlib.sha256(f"metabit/{purpose}/{seed}".encode()).digest()
    return 1 + int.from_bytes(digest[:8], "little") % PERIOD


def permutation(seed: int, purpose: str, count: int) -> npt.NDArray[np.int64]:
    """Return a shuffle of ``range(count)``: the order that sorts as many draws.

    Draws never repeat within a period, so that the order is unique.

    Parameters
    ----------
    seed, purpose
        See :func:`derive`.
    count : int
        Length.
    """
    draws = Generator(derive(seed, purpose)).draw(count)
    return np.argsort(draws, kind="stable").astype(np.int64)
