"""Compiled code, and the steps of it that work on 64 values at a time."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

_intrinsic: Any = intrinsic

LANES = 64
"""Bits of a word, and the values that are computed at a time."""

compiled = njit(nogil=True)
"""Compile a function as a part of those that call it."""


def cached(*files: str, constants: object = ()) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that compiles a function, and keeps the result for the next start.

    Numba's cache notices changes of the file that a function stands in, but not of others that
    go into it. They become part of the name that the result is kept under.

    Parameters
    ----------
    *files : str
        Paths of these others.
    constants : object
        Constants from elsewhere.
    """
    digest = hashlib.sha256(repr(constants).encode())
    for file in (__file__, *files):
        digest.update(Path(file).read_bytes())
    ending = digest.hexdigest()[:12]

    def decorate(function: Callable[..., Any]) -> Any:
        function.__qualname__ += f"_{ending}"
        try:
            return njit(cache=True, nogil=True)(function)
        except RuntimeError:
            # There is no place to keep it.
            return njit(nogil=True)(function)

    return decorate


@_intrinsic
def popcount(typing: Any, word: Any) -> Any:
    """Return the number of bits set in a word."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.int64(types.uint64), generate


@_intrinsic
def at_least(typing: Any, values: Any, row: Any, column: Any, threshold: Any) -> Any:
    """Return 64 bits, ``values[row, column + i] >= threshold``."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector, pointer = _lanes(context, builder, signature.args[0], args[:3])
        return _mask_to_word(
            builder,
            builder.icmp_signed(
                ">=", builder.load(pointer, align=1), _spread(builder, args[3], vector)
            ),
        )

    return types.uint64(values, types.intp, types.intp, values.dtype), generate


@_intrinsic
def learn_word(
    typing: Any,
    counters: Any,
    row: Any,
    column: Any,
    up: Any,
    touched: Any,
    reinforced: Any,
    low: Any,
    high: Any,
) -> Any:
    """Move 64 counters, reinforce them, and return their signs, 1 for ``>= 0``.

    Counters whose bit in ``touched`` is set go one up or down, as ``up`` says; then those in
    ``reinforced`` go one away from zero. Each step saturates at ``low`` and ``high``.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector, pointer = _lanes(context, builder, signature.args[0], args[:3])
        up, touched, reinforced = (_word_to_mask(builder, word) for word in args[3:6])
        low, high = (_spread(builder, bound, vector) for bound in args[6:8])
        zero, plus, minus = (ir.Constant(vector, [value] * LANES) for value in (0, 1, -1))

        def binary(name: str, left: Any, right: Any) -> Any:
            kind = ir.FunctionType(vector, [vector, vector])
            name = f"llvm.{name}.v{LANES}{vector.element}"
            function = cgutils.get_or_insert_function(builder.module, kind, name)
            return builder.call(function, [left, right])

        def saturated(values: Any, positive: Any) -> Any:
            moved = binary("sadd.sat", values, builder.select(positive, plus, minus))
            return binary("smax", binary("smin", moved, high), low)

        old = builder.load(pointer, align=1)
        moved = builder.select(touched, saturated(old, up), old)
        away = saturated(moved, builder.icmp_signed(">=", moved, zero))
        new = builder.select(reinforced, away, moved)
        builder.store(new, pointer, align=1)
        return _mask_to_word(builder, builder.icmp_signed(">=", new, zero))

    bound = counters.dtype
    word = types.uint64
    return word(counters, types.intp, types.intp, word, word, word, bound, bound), generate


def _lanes(context: Any, builder: Any, array_type: Any, args: Any) -> tuple[Any, Any]:
    """Return the vector type of 64 elements, and where an array has those from (row, column)."""
    array = context.make_array(array_type)(context, builder, args[0])
    pointer = cgutils.get_item_pointer(context, builder, array_type, array, args[1:3])
    vector = ir.VectorType(context.get_data_type(array_type.dtype), LANES)
    return vector, builder.bitcast(pointer, vector.as_pointer())


def _spread(builder: Any, value: Any, vector: Any) -> Any:
    """Return a vector of one value."""
    single = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.IntType(32)(0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(single, ir.Constant(vector, ir.Undefined), zeros)


def _word_to_mask(builder: Any, word: Any) -> Any:
    return builder.bitcast(word, ir.VectorType(ir.IntType(1), LANES))


def _mask_to_word(builder: Any, mask: Any) -> Any:
    return builder.bitcast(mask, ir.IntType(64))
