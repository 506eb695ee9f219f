"""Where everything lies in the device's memories, derived from the configuration."""

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from ...golden.config import WORD, Config

SPRAM_COUNT, SPRAM_BITS, SPRAM_DEPTH = 4, 16, 1 << 14
"""The single-port RAMs of an iCE40 UltraPlus: how many, bits per word, words."""

PHASES = ("forward", "select", "update", "transfer")
"""Phases whose cycles the device counts: array; head and winners; row updates; host transfers."""


def _bases(sizes: list[int], start: int = 0) -> tuple[int, ...]:
    """Return the start of each of several regions laid end to end."""
    return tuple(accumulate(sizes, initial=start))[:-1]


@dataclass(frozen=True)
class Layout:
    """Addresses of weights, activations, popcounts and statistics.

    *Weights.* The array reads ``rows x lanes`` sign bits at one address. Layer ``l`` occupies
    ``blocks[l] * array_words[l]`` addresses: block by block of ``rows`` neurons, word by word
    of ``lanes`` inputs; the classifiers follow as if they were layers of C neurons. The linear
    index of a word of 16 weights is ``(address * rows + row) * chunks + chunk``: signs and
    counters share it. Lanes beyond the fan-in hold sign 1 and see input 0, so that their XNOR
    never counts.

    *Activations.* A sample's inputs, then the activations of every layer (first the plane
    ``z >= 0``, then the planes of the two offset thresholds, if any), in words of ``lanes``.

    *Popcounts.* One per neuron, layer by layer, then one per class and layer: XNOR popcounts,
    so that ``z = 2 * popcount - fan_in``.

    Parameters
    ----------
    config : Config
        Read, never restated.

    Raises
    ------
    ValueError
        If the memory that the configuration asks for cannot hold the weights.
    """

    config: Config

    def __post_init__(self) -> None:
        needed = self.sign_depth + self.beats * self.counter_words
        if self.config.array.memory == "spram" and needed > SPRAM_DEPTH:
            raise ValueError(
                f"weights need {needed} words of each single-port RAM, which has {SPRAM_DEPTH}: "
                "use fewer inputs or neurons, or at most 4 or 8 counter bits"
            )

    @property
    def chunks(self) -> int:
        """Words of 16 in a word of the array."""
        return self.config.array.lanes // WORD

    @property
    def passes(self) -> int:
        """Array passes that a full tile takes."""
        return -(-self.config.tile // self.config.array.samples)

    @cached_property
    def array_words(self) -> tuple[int, ...]:
        """Array words of one neuron, per layer."""
        return tuple(-(-fan_in // self.config.array.lanes) for fan_in in self.config.fan_in)

    @cached_property
    def blocks(self) -> tuple[int, ...]:
        """Blocks of ``rows`` neurons, per layer."""
        return tuple(-(-width // self.config.array.rows) for width in self.config.hidden)

    @cached_property
    def code_words(self) -> tuple[int, ...]:
        """Array words of one plane of a layer's activations, and of a row of its classifier."""
        return tuple(-(-width // self.config.array.lanes) for width in self.config.hidden)

    @property
    def code_blocks(self) -> int:
        """Blocks of ``rows`` classes."""
        return -(-self.config.classes // self.config.array.rows)

    @cached_property
    def weight_base(self) -> tuple[int, ...]:
        """First address of each layer's weights."""
        return _bases([b * w for b, w in zip(self.blocks, self.array_words, strict=True)])

    @property
    def counter_depth(self) -> int:
        """Addresses that have counters: all weights, no classifiers."""
        return sum(b * w for b, w in zip(self.blocks, self.array_words, strict=True))

    @cached_property
    def code_base(self) -> tuple[int, ...]:
        """First address of each layer's classifier."""
        return _bases([self.code_blocks * words for words in self.code_words], self.counter_depth)

    @property
    def sign_depth(self) -> int:
        """Addresses of the sign plane."""
        return self.counter_depth + sum(self.code_blocks * words for words in self.code_words)

    @property
    def _words_per_address(self) -> int:
        return self.config.array.rows * self.chunks

    @property
    def counter_words(self) -> int:
        """Words of 16 counters."""
        return self.counter_depth * self._words_per_address

    @property
    def sign_words(self) -> int:
        """Words of 16 signs."""
        return self.sign_depth * self._words_per_address

    def _index(self, base: int, words: int, row: int, word: int) -> int:
        rows, chunks = self.config.array.rows, self.chunks
        address = base + row // rows * words + word // chunks
        return (address * rows + row % rows) * chunks + word % chunks

    def weight_index(self, layer: int, neuron: int, word: int) -> int:
        """Linear index of a word of a neuron's weights."""
        return self._index(self.weight_base[layer], self.array_words[layer], neuron, word)

    def code_index(self, layer: int, label: int, word: int) -> int:
        """Linear index of a word of a class's code in a layer's classifier."""
        return self._index(self.code_base[layer], self.code_words[layer], label, word)

    @property
    def slot_bits(self) -> int:
        """Bits that a counter takes in single-port RAM: the next of 4, 8 and 16."""
        return max(4, 1 << (self.config.counter_bits - 1).bit_length())

    @property
    def beats(self) -> int:
        """Accesses of all single-port RAMs that 16 counters take."""
        return WORD * self.slot_bits // (SPRAM_BITS * SPRAM_COUNT)

    @cached_property
    def activation_base(self) -> tuple[int, ...]:
        """First array word of the inputs of layer 0, and of each layer's activations."""
        planes = [self.config.planes * words for words in self.code_words]
        return _bases([self.array_words[0], *planes, 0])[: self.config.layers + 1]

    @property
    def activation_count(self) -> int:
        """Array words of activations per sample."""
        return self.array_words[0] + self.config.planes * sum(self.code_words)

    @cached_property
    def popcount_base(self) -> tuple[int, ...]:
        """Index of each layer's first neuron among a sample's popcounts."""
        return _bases(list(self.config.hidden))

    @cached_property
    def score_base(self) -> tuple[int, ...]:
        """Index of each layer's first class score among a sample's popcounts."""
        return _bases([self.config.classes] * self.config.layers, sum(self.config.hidden))

    @property
    def popcount_count(self) -> int:
        """Popcounts per sample."""
        return sum(self.config.hidden) + self.config.classes * self.config.layers

    @property
    def popcount_max(self) -> int:
        """Largest popcount."""
        return max(*self.config.fan_in, self.config.planes * max(self.config.hidden))

    @cached_property
    def statistics(self) -> tuple[str, ...]:
        """Names of the statistics in the order of their addresses."""
        layers = range(self.config.layers)
        return (
            "samples",
            "correct",
            *(f"triggers.{layer}" for layer in layers),
            *(f"updates.{layer}" for layer in layers),
            *(f"cycles.{phase}" for phase in PHASES),
        )
