"""The encoder of a network in C: comparisons and counts of whole numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..golden.data.seen import Seen
from ..golden.encoding.axes import colours_first
from ..golden.encoding.cells import STRIDE, Areas, cells_of
from ..golden.encoding.comparisons import Comparisons, planes_shape
from ..golden.encoding.distributive import Distributive
from ..golden.encoding.edges import Edges
from ..golden.encoding.encoders import Encoder, Thermometer, Unchanged
from ..golden.encoding.parts import Part
from .c_text import array, bytes_type
from .errors import ExportError
from .whole_numbers import digits_of, scaled_samples, scaled_thresholds, type_for

_FUNCTIONS = {
    "above": """
/* Bits of numbers above thresholds: all numbers for the first threshold, then the next. */
static inline void @_above(const @_value *x, @_word *bits, uint32_t at,
                           const @_value *thresholds, uint32_t count)
{
    uint32_t i, j;
    for (j = 0; j < count; ++j)
        for (i = 0; i < @_VALUES; ++i)
            @_put(bits, at++, x[i] > thresholds[j]);
}
""",
    "columns": """
/* Bits of columns above thresholds of their own; the columns after them are bits. */
static inline void @_columns(const @_value *x, @_word *bits, uint32_t at,
                             const @_value *thresholds, uint32_t columns, uint32_t levels)
{
    uint32_t i, j;
    for (i = 0; i < columns; ++i)
        for (j = 0; j < levels; ++j)
            @_put(bits, at++, x[i] > thresholds[i * levels + j]);
    for (; i < @_VALUES; ++i)
        @_put(bits, at++, x[i] > 0);
}
""",
    "bits": """
/* Numbers that are bits already. */
static inline void @_bits(const @_value *x, @_word *bits, uint32_t at)
{
    uint32_t i;
    for (i = 0; i < @_VALUES; ++i)
        @_put(bits, at++, x[i] != 0);
}
""",
    "edges": """
/* Cells in which more than so many pixels exceed the one at (y, x) from them by more than a
   threshold, or, the other way round, are exceeded by it. */
static inline void @_edges(const @_value *image, @_word *bits, uint32_t at, int y, int x,
                           int swap, int threshold, const uint8_t *counts, uint32_t count,
                           int cell)
{
    const int rows = (@_HEIGHT - cell) / @_STRIDE + 1, columns = (@_WIDTH - cell) / @_STRIDE + 1;
    int row, column, i, j;
    uint32_t c;
    for (row = 0; row < rows; ++row)
        for (column = 0; column < columns; ++column) {
            int found = 0;
            for (i = row * @_STRIDE; i < row * @_STRIDE + cell; ++i)
                for (j = column * @_STRIDE; j < column * @_STRIDE + cell; ++j) {
                    int here = (int)image[i * @_WIDTH + j], there = 0;
                    if (i + y < @_HEIGHT && j + x >= 0 && j + x < @_WIDTH)
                        there = (int)image[(i + y) * @_WIDTH + j + x];
                    found += (swap ? there - here : here - there) > threshold;
                }
            for (c = 0; c < count; ++c)
                @_put(bits, at + (c * (uint32_t)rows + (uint32_t)row) * (uint32_t)columns
                                + (uint32_t)column, found > counts[c]);
        }
}
""",
    "areas": """
/* Cells in which more than so many pixels are above a threshold. */
static inline void @_areas(const @_value *image, @_word *bits, uint32_t at, int threshold,
                           const uint8_t *counts, uint32_t count, int cell)
{
    const int rows = @_HEIGHT / cell, columns = @_WIDTH / cell;
    int row, column, i, j;
    uint32_t c;
    for (row = 0; row < rows; ++row)
        for (column = 0; column < columns; ++column) {
            int found = 0;
            for (i = row * cell; i < (row + 1) * cell; ++i)
                for (j = column * cell; j < (column + 1) * cell; ++j)
                    found += (int)image[i * @_WIDTH + j] > threshold;
            for (c = 0; c < count; ++c)
                @_put(bits, at + (c * (uint32_t)rows + (uint32_t)row) * (uint32_t)columns
                                + (uint32_t)column, found > counts[c]);
        }
}
""",
    "comparisons": """
/* Rectangles in which more than so many pixels exceed a neighbour by more than a threshold. A row
   of the table: where the colours of pixel and neighbour begin, rows and columns between them, the
   threshold; first row and column of the rectangle, those behind it, and a count that is not
   enough. */
static inline void @_comparisons(const @_value *image, @_word *bits, uint32_t at,
                                 const int32_t *table, uint32_t count, int height, int width,
                                 int step)
{
    uint32_t i;
    for (i = 0; i < count; ++i, table += 10) {
        const int alone = table[0] == table[1] && table[2] == 0 && table[3] == 0;
        const int dy = (int)table[2], dx = (int)table[3];
        int y, x, found = 0;
        for (y = (int)table[5]; y < (int)table[7]; ++y)
            for (x = (int)table[6]; x < (int)table[8]; ++x) {
                int64_t here = (int64_t)image[table[0] + (y * width + x) * step];
                if (!alone) {
                    if (y + dy < 0 || y + dy >= height || x + dx < 0 || x + dx >= width)
                        continue;
                    here -= (int64_t)image[table[1] + ((y + dy) * width + x + dx) * step];
                }
                found += here > table[4];
            }
        @_put(bits, at + i, found > (int)table[9]);
    }
}
""",
    "levels": """
/* Replaces numbers by how many thresholds they exceed. */
static inline void @_levels(const @_value *sample, @_value *levels, uint32_t numbers,
                            const @_value *thresholds, uint32_t count)
{
    uint32_t i, j;
    for (i = 0; i < numbers; ++i) {
        int exceeded = 0;
        for (j = 0; j < count; ++j)
            exceeded += sample[i] > thresholds[j];
        levels[i] = (@_value)exceeded;
    }
}
""",
}

_COMPARED = 1 << 30
"""Whole numbers below this have differences of 32 bits."""


@dataclass(frozen=True)
class CEncoder:
    """An encoder in C.

    Attributes
    ----------
    value : str
        Type of a number of a sample.
    digits : int
        Numbers are written times ten to this power.
    code : str
        Definitions; ``@`` stands for the prefix of all names. The function ``@_encode`` fills the
        words of an input.
    """

    value: str
    digits: int
    code: str


def encoder_in_c(encoder: Encoder, seen: Seen, inputs: int) -> CEncoder:
    """Return an encoder in C.

    Parameters
    ----------
    encoder : Encoder
        Fitted.
    seen : Seen
        Shape, type and range of the samples.
    inputs : int
        Bits that it delivers.

    Raises
    ------
    ExportError
        If numbers do not fit 64 bits, or a part cannot be written.
    """
    dtype = np.dtype(seen.dtype)
    parts, columns = encoder.needed(seen.shape)
    thresholds = [value for part in parts for value in _typed(part, dtype)]
    digits = digits_of(thresholds, dtype)
    limits = scaled_samples(np.array([*seen.low, *seen.high]).astype(dtype), digits).tolist()
    numbers = [*scaled_thresholds(thresholds, digits, dtype), *limits]
    small = all(0 <= number <= 255 for number in limits) and all(-1 < n < 256 for n in numbers)
    value = "uint8_t" if dtype.kind in "bu" and small else type_for(numbers)
    tables: list[str] = []
    calls: list[str] = []
    used: list[str] = []
    at = 0
    for number, part in enumerate(parts):
        if isinstance(part, Comparisons):
            name, table, lines = _comparisons(part, number, seen, at)
            if part.thresholds:
                typed = scaled_thresholds(_typed(part, dtype), digits, dtype)
                table, lines = _of_levels(number, typed, math.prod(seen.shape), table, lines)
                used += ["levels"] * ("levels" not in used)
        else:
            name, table, lines = _part(part, number, seen.shape, at, digits, dtype)
        used += [name] * (name not in used)
        tables += table
        calls += lines
        at += part.bits(seen.shape)
    code = [_FUNCTIONS[name].strip("\n") for name in used]
    code += tables
    different = encoder.different_bits(seen.shape)
    if encoder.selection is None:
        body = [*(f"    {call.format(bits='bits')}" for call in calls)]
    else:
        code.append(
            f"enum {{ @_ALL_BITS = {at} }};\n"
            + array(bytes_type(at), "@_selection", columns.tolist())
        )
        body = [
            "    @_word all[(@_ALL_BITS + 31) / 32] = {0};",
            "    uint32_t i;",
            *(f"    {call.format(bits='all')}" for call in calls),
            f"    for (i = 0; i < {different}; ++i)",
            "        @_put(bits, i,",
            "              (int)(all[@_selection[i] / 32] >> (@_selection[i] % 32) & 1u));",
        ]
    if inputs > different:
        if encoder.selection is None:
            body.insert(0, "    uint32_t i;")
        body += [
            f"    for (i = {different}; i < {encoder.copies * different}; ++i)",
            f"        @_put(bits, i, (int)(bits[(i - {different}) / 32] >> "
            f"((i - {different}) % 32) & 1u));",
            f"    for (; i < {inputs}; ++i)",
            "        @_put(bits, i, 1);",
        ]
    code.append(
        "\n".join(
            [
                f"/* {encoder.spec} */",
                "static inline void @_encode(const @_value *sample, @_word *bits)",
                "{",
                *body,
                "}",
            ]
        )
    )
    return CEncoder(value, digits, "\n\n".join(code))


def _typed(part: Part, dtype: np.dtype) -> list[float]:
    """Return the thresholds of numbers of a part, as they are compared with data of a type."""
    if isinstance(part, Thermometer | Comparisons):
        # NumPy compares an array with a single number in the type of the array.
        kept = dtype if dtype.kind == "f" else np.dtype(np.float64)
        return [float(kept.type(threshold)) for threshold in part.thresholds]
    if isinstance(part, Distributive) and part.thresholds is not None:
        return part.thresholds.ravel().tolist()
    return []


def _part(
    part: Part, number: int, shape: Sequence[int], at: int, digits: int, dtype: np.dtype
) -> tuple[str, list[str], list[str]]:
    """Return the function of a part, its tables, and the calls that put its bits from a place."""
    name = f"@_part{number}"
    if isinstance(part, Unchanged):
        return "bits", [], [f"@_bits(sample, {{bits}}, {at});"]
    thresholds = scaled_thresholds(_typed(part, dtype), digits, dtype)
    if isinstance(part, Thermometer):
        call = f"@_above(sample, {{bits}}, {at}, {name}, {len(thresholds)});"
        return "above", [array("@_value", name, thresholds)], [call]
    if isinstance(part, Distributive) and part.thresholds is not None:
        columns, levels = part.thresholds.shape
        call = f"@_columns(sample, {{bits}}, {at}, {name}, {columns}, {levels});"
        table = array("@_value", name, thresholds or [0])
        return "columns", [table], [call]
    if isinstance(part, Edges | Areas):
        table = array("uint8_t", name, list(part.counts))
        count, cell = len(part.counts), part.cell
        stride = STRIDE if isinstance(part, Edges) else cell
        rows, columns = cells_of(tuple(shape), cell, stride)
        calls = []
        if isinstance(part, Areas):
            for threshold in part.thresholds:
                calls.append(
                    f"@_areas(sample, {{bits}}, {at}, {threshold}, {name}, {count}, {cell});"
                )
                at += count * rows * columns
            return "areas", [table], calls
        for y, x in part.vectors:
            for swap in (0, 1):
                calls.append(
                    f"@_edges(sample, {{bits}}, {at}, {y}, {x}, {swap}, {part.threshold}, "
                    f"{name}, {count}, {cell});"
                )
                at += count * rows * columns
        return "edges", [table], calls
    raise ExportError(f"encoder part '{type(part).__name__.lower()}' cannot be written in C")


def _comparisons(
    part: Comparisons, number: int, seen: Seen, at: int
) -> tuple[str, list[str], list[str]]:
    """Return function, table and call of comparisons; see :func:`_part`."""
    limits = [*seen.low, *seen.high]
    large = np.dtype(seen.dtype).kind == "f" or max(map(abs, limits)) >= _COMPARED
    # Levels are small whole numbers, whatever the pixels are.
    if large and not part.thresholds:
        raise ExportError(
            f"comparisons of pixels of type {seen.dtype}, {min(limits):g} to {max(limits):g}, "
            "cannot be written in C exactly: train on whole numbers, e.g. of 0 to 255, or with "
            "--encoder quantiles:4"
        )
    assert part.table is not None
    colours, height, width = planes_shape(seen.shape)
    step, plane = (1, height * width) if colours_first(seen.shape) else (colours, 1)
    rows = [
        (bit.colour * plane, bit.other * plane, *bit[2:4], _whole(bit.threshold), *bit[5:])
        for bit in part.table
    ]
    numbers = [entry for row in rows for entry in row]
    name = f"@_part{number}"
    source = "levels" if part.thresholds else "sample"
    shape = f"{len(rows)}, {height}, {width}, {step}"
    call = f"@_comparisons({source}, {{bits}}, {at}, {name}, {shape});"
    return "comparisons", [array("int32_t", name, numbers)], [call]


def _of_levels(
    number: int, thresholds: list[int], pixels: int, table: list[str], calls: list[str]
) -> tuple[list[str], list[str]]:
    """Return tables and calls of comparisons of what a number of thresholds leave of the pixels."""
    name = f"@_part{number}_thresholds"
    inner = " ".join(calls)
    call = (
        f"{{{{ @_value levels[{pixels}]; "
        f"@_levels(sample, levels, {pixels}, {name}, {len(thresholds)}); {inner} }}}}"
    )
    return [array("@_value", name, thresholds), *table], [call]


def _whole(threshold: float) -> int:
    """Return what whole differences of 32 bits exceed if they exceed a threshold."""
    limits = np.iinfo(np.int32)
    return int(np.clip(np.floor(threshold), limits.min, limits.max))
