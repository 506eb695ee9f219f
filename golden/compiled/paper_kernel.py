"""The paper's rule, compiled: 64 signs at a time.

A three-valued sign takes two bits: whether it is positive, and whether it is anything but zero.
Functions here say the same as :class:`metabit.golden.paper.network.PaperNetwork`, which is the one
to read.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .vector import LANES, cached, compiled, popcount

_intrinsic: Any = intrinsic

Words = npt.NDArray[np.uint64]

_WORDS = 8
"""Rows are padded to a multiple of these, which vector registers hold at most."""

_POSITION = 20
_NEVER = 1 << 62


def padded_words(bits: int) -> int:
    """Return how many words a row of bits takes.

    Parameters
    ----------
    bits : int
        Length of the row.
    """
    return -(-bits // (LANES * _WORDS)) * _WORDS


@_intrinsic
def _two_planes(typing: Any, values: Any, row: Any, column: Any) -> Any:
    """Return 64 bits of ``values[row, column + i] > 0``, and of ``!= 0``."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array_type = signature.args[0]
        array = context.make_array(array_type)(context, builder, args[0])
        pointer = cgutils.get_item_pointer(context, builder, array_type, array, args[1:3])
        vector = ir.VectorType(context.get_data_type(array_type.dtype), LANES)
        loaded = builder.load(builder.bitcast(pointer, vector.as_pointer()), align=1)
        zero = ir.Constant(vector, [0.0] * LANES)
        word = ir.IntType(64)
        planes = [
            builder.bitcast(builder.fcmp_ordered(order, loaded, zero), word)
            for order in (">", "!=")
        ]
        return context.make_tuple(builder, signature.return_type, planes)

    return types.UniTuple(types.uint64, 2)(values, types.intp, types.intp), generate


@compiled
def _pack_row(values, row, positive, nonzero):
    """Set a row's bits from its values."""
    columns = values.shape[1]
    whole = columns // LANES
    for word in range(whole):
        positive[row, word], nonzero[row, word] = _two_planes(values, row, word * LANES)
    if columns % LANES:
        plus, any_sign = np.uint64(0), np.uint64(0)
        for lane in range(columns % LANES):
            value = values[row, whole * LANES + lane]
            plus |= np.uint64(value > 0) << np.uint64(lane)
            any_sign |= np.uint64(value != 0) << np.uint64(lane)
        positive[row, whole], nonzero[row, whole] = plus, any_sign


@cached()
def pack(values, positive, nonzero):
    """Set the bits of all rows from their values."""
    for row in range(len(values)):
        _pack_row(values, row, positive, nonzero)


@cached()
def multiply(positive, nonzero, weights_positive, weights_nonzero, products):
    """Compute the products of all rows with all rows of weights."""
    for k in range(len(weights_positive)):
        for sample in range(len(products)):
            total = 0
            for word in range(positive.shape[1]):
                both = nonzero[sample, word] & weights_nonzero[k, word]
                differ = both & (positive[sample, word] ^ weights_positive[k, word])
                total += popcount(both) - 2 * popcount(differ)
            products[sample, k] = np.float32(total)


@compiled
def _triggers(scores, label, threshold):
    """Return whether a sample updates a layer."""
    best, first, second = 0, scores[0], np.float32(-np.inf)
    for index in range(1, len(scores)):
        if scores[index] > first:
            best, first, second = index, scores[index], first
        elif scores[index] > second:
            second = scores[index]
    return best != label or first - second < threshold


@compiled
def _winner(z, code, start, end):
    """Return the wrong neuron of smallest ``|z|`` of a group, or -1."""
    # Integers, the position in the low bits: the smallest key is the first of the smallest errors,
    # and no branch has to be guessed.
    smallest = _NEVER
    for k in range(start, end):
        error = -int(z[k] * code[k])
        smallest = min(smallest, (error << _POSITION) + k if error > 0 else _NEVER)
    return -1 if smallest == _NEVER else smallest & ((1 << _POSITION) - 1)


@cached()
def update(
    hidden,
    positive,
    nonzero,
    inputs,
    z,
    scores,
    votes,
    labels,
    classifier,
    group,
    threshold,
    grouped,
):
    """Move the winners of all samples; return how many samples triggered, and winners.

    With ``grouped`` the rule is the baseline's: votes and classifier have a column per group.
    """
    units = hidden.shape[0] // group
    code = np.empty(hidden.shape[0], np.float32)
    changed = np.zeros(hidden.shape[0], np.bool_)
    triggers = winners = 0
    for sample in range(len(z)):
        if not _triggers(scores[sample], labels[sample], threshold):
            continue
        triggers += 1
        wanted = classifier[labels[sample]]
        for unit in range(units):
            start, end = unit * group, (unit + 1) * group
            if grouped:
                # The baseline: the group's own neurons are told only if its vote is wrong.
                if votes[sample, unit] * wanted[unit] >= 0:
                    continue
                code[start:end] = wanted[unit]
            else:
                code[start:end] = wanted[start:end]
            winner = _winner(z[sample], code, start, end)
            if winner < 0:
                continue
            winners += 1
            changed[winner] = True
            step = 2 * code[winner]
            for i in range(hidden.shape[1]):
                hidden[winner, i] += step * inputs[sample, i]
    for k in range(hidden.shape[0]):
        if changed[k]:
            _pack_row(hidden, k, positive, nonzero)
    return triggers, winners
