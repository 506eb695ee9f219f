"""Which memory of a device holds what of a network, and how full it is."""

from dataclasses import dataclass

from ..boards.dies import ECP5_85, UP5K, Die
from ..golden.config import Config
from ..golden.encoding.program import WORD_BITS
from ..hdl.array.totals import SHARING
from ..hdl.bundles import total_bits
from ..hdl.encode.image import BYTE
from ..hdl.learn.codes import Found
from ..hdl.placement import Placement
from ..hdl.shape import LANES, SPRAM_WORDS, Shape
from ..hdl.store.counters import BANK, part_bits
from ..hdl.store.flips import DEPTH as FLIPS

_LINK_BUFFERS = 2
"""Block RAMs of the link: a request, and the replies that are kept."""

_EBR = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
"""Words and bits of a block RAM of an ECP5 with a read and a write port."""

_SB_RAM = ((256, 16), (512, 8), (1024, 4), (2048, 2))
"""The same of an iCE40."""

SINGLE_PORT_RAMS = 4
"""Of an iCE40 UP5K."""


@dataclass(frozen=True)
class Memory:
    """A memory of a device.

    Attributes
    ----------
    name : str
    holds : str
        What of the network.
    used, capacity : int
        Words of it.
    unit : str
        What a word is.
    block_rams, single_port_rams : int
        Of the FPGA, whether or not the network uses them.
    """

    name: str
    holds: str
    used: int
    capacity: int
    unit: str
    block_rams: int = 0
    single_port_rams: int = 0

    @property
    def share(self) -> float:
        """Used share."""
        return self.used / self.capacity


def block_rams(words: int, bits: int, kinds: tuple[tuple[int, int], ...]) -> int:
    """Return how many block RAMs a memory takes, side by side and one behind the other."""
    return min(-(-words // depth) * -(-bits // width) for depth, width in kinds)


def memories(placement: Placement, die: Die | None = None) -> tuple[Memory, ...]:
    """Return the memories of a device, and what they hold of a network.

    Parameters
    ----------
    placement : Placement
        May be one that does not fit.
    die : Die, optional
        The FPGA; see :func:`usual_die` for what it is if none is given.
    """
    config, shape = placement.config, placement.shape
    kinds = {"ice40": _SB_RAM, "ecp5": _EBR}[(die or usual_die(shape)).family]
    signs = block_rams(shape.depth, LANES, kinds) * shape.elements
    slots = max(placement.slots, placement.passes)
    records = f"{slots} records of {placement.record} words in each column; a tile takes "
    records += f"{placement.passes}"
    common = (
        Memory(
            "visible signs",
            f"{sum(config.hidden)} neurons, {_visits(placement)}",
            placement.sign_words,
            shape.depth,
            f"words of {shape.lanes} signs",
            signs,
        ),
    )
    codes = f"{config.classes} classes of {sum(config.hidden)} neurons"
    marks = 2 * placement.passes * (placement.groups + config.layers)
    if shape.memory == "spram":
        others = _spram_memories(placement, records, codes, marks, kinds)
    else:
        others = _block_memories(placement, records, codes, marks, kinds, signs)
    return (*common, *others, *_encoder_memories(placement, kinds))


def _visits(placement: Placement) -> str:
    return "-".join(map(str, placement.visits)) + " visits"


def _weights(config: Config) -> str:
    products = zip(config.fan_in, config.hidden, strict=True)
    return f"{sum(k * n for k, n in products):,} counters of {config.counter_bits} bits"


def _spram_memories(
    placement: Placement, records: str, codes: str, marks: int, kinds: tuple
) -> tuple[Memory, ...]:
    shape = placement.shape
    parts = shape.parts * shape.elements
    ring = SPRAM_WORDS - shape.records
    width = max(shape.code_bits, Found(shape).size)
    return (
        Memory(
            "counters",
            _weights(placement.config),
            placement.sign_words * parts,
            ring,
            "words of 8 counters",
            single_port_rams=SINGLE_PORT_RAMS,
        ),
        Memory(
            "samples",
            records,
            max(placement.slots, placement.passes) * placement.record,
            shape.records,
            "words of 64 bits, in the same RAMs",
        ),
        Memory(
            "codes",
            codes,
            placement.codes,
            shape.codes,
            f"words of {shape.code_bits} bits",
            block_rams(2 * max(shape.codes, shape.winners), width, kinds),
        ),
        Memory("winners", "two tiles", marks, shape.winners, "notes, in the same RAM"),
        Memory("flips", "two tiles, as they come", 0, FLIPS, "entries", 1),
        *_sums(placement, kinds),
    )


def _block_memories(
    placement: Placement, records: str, codes: str, marks: int, kinds: tuple, signs: int
) -> tuple[Memory, ...]:
    shape = placement.shape
    bits, part = LANES * (shape.counter_bits - 1), part_bits(shape)
    blocks, in_luts = (0, ", in LUTs") if shape.lut_memories else (1, "")
    banks = [min(BANK, shape.elements - e) for e in range(0, shape.elements, BANK)]
    parts = [min(part, bits - start) for start in range(0, bits, part)]
    kept = sum(block_rams(bank * shape.depth, width, kinds) for bank in banks for width in parts)
    return (
        Memory(
            "current signs",
            "the same, as the last update left them",
            placement.sign_words,
            shape.depth,
            f"words of {shape.lanes} signs",
            signs,
        ),
        Memory(
            "counters",
            _weights(placement.config),
            placement.sign_words * shape.elements,
            shape.depth * shape.elements,
            f"words of {LANES} counters without their sign",
            kept,
        ),
        Memory(
            "samples",
            records,
            max(placement.slots, placement.passes) * placement.record,
            shape.records,
            f"words of {LANES} bits in each of {shape.samples} columns{in_luts}",
            block_rams(shape.records, LANES, kinds) * shape.samples * blocks,
        ),
        Memory(
            "codes",
            codes,
            placement.codes,
            shape.codes,
            f"words of {shape.code_bits} bits, twice{in_luts}",
            2 * block_rams(shape.codes, shape.code_bits, kinds) * blocks,
        ),
        _winners(shape, marks, kinds),
        Memory(
            "updated rows",
            "of a tile",
            placement.config.tile * placement.groups,
            shape.samples * shape.winners,
            f"rows{in_luts}",
            blocks,
        ),
        *_sums(placement, kinds),
    )


def _winners(shape: Shape, marks: int, kinds: tuple) -> Memory:
    """Return the memory of winners, for which an iCE40, without RAM of look-up tables, has none."""
    unit = "notes in each column"
    if kinds is _EBR:
        return Memory("winners", "two tiles", marks, shape.winners, f"{unit}, in LUTs")
    rams = block_rams(shape.winners, Found(shape).size, kinds) * shape.samples
    return Memory("winners", "two tiles", marks, shape.winners, unit, rams)


def _encoder_memories(placement: Placement, kinds: tuple) -> tuple[Memory, ...]:
    """Return those of the encoder, if there is one; how long a table is, a fitted encoder says."""
    sizes = placement.shape.encodes
    if sizes is None:
        return ()
    bank = block_rams(sizes.pixels // sizes.lanes, BYTE, kinds)
    return (
        Memory(
            "encoder's table",
            f"{placement.config.inputs} bits, a word each or more",
            placement.config.inputs,
            sizes.words,
            f"words of {WORD_BITS} bits",
            block_rams(sizes.words, WORD_BITS, kinds),
        ),
        Memory(
            "encoder's image",
            "a sample, a byte a number",
            0,
            sizes.pixels,
            f"bytes in {sizes.lanes} banks, twice",
            2 * sizes.lanes * bank,
        ),
    )


def _sums(placement: Placement, kinds: tuple) -> tuple[Memory, ...]:
    shape, widest = placement.shape, max(placement.config.hidden)
    # Columns share words; the last may be alone.
    shared, alone = divmod(shape.samples, SHARING)
    word = total_bits(shape) + 1

    def rams(words: int) -> int:
        wide = shared * block_rams(words, SHARING * word, kinds)
        return wide + alone * block_rams(words, word, kinds)

    return (
        Memory(
            "partial sums",
            "of the widest layer",
            widest,
            shape.neurons,
            "sums",
            rams(shape.neurons),
        ),
        Memory(
            "kept sums",
            "for the search",
            widest,
            shape.neurons,
            "sums, twice",
            rams(2 * shape.neurons),
        ),
    )


def used_block_rams(found: tuple[Memory, ...]) -> int:
    """Return the block RAMs of a device, with those of its link."""
    return sum(memory.block_rams for memory in found) + _LINK_BUFFERS


def usual_die(shape: Shape) -> Die:
    """Return the FPGA that a device without a board is planned for."""
    return UP5K if shape.memory == "spram" else ECP5_85


__all__ = [
    "SINGLE_PORT_RAMS",
    "Memory",
    "block_rams",
    "memories",
    "used_block_rams",
    "usual_die",
]
