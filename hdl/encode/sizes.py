"""How large an encoder is, and which programs fit it."""

from dataclasses import dataclass

from ...errors import MetabitError
from ...golden.encoding.program import MOST_BYTES, Program

MOST_WORDS = 1 << 12
"""Of a program."""


@dataclass(frozen=True)
class Sizes:
    """What an encoder can hold, and how fast it is.

    Parameters
    ----------
    pixels : int
        Bytes of image memory, a power of two; at most those that words of programs can address.
    lanes : int
        Pixels of a row that are compared in a cycle, a power of two.
    words : int
        Of a program.

    Raises
    ------
    MetabitError
        If a value is out of range.
    """

    pixels: int
    lanes: int
    words: int

    def __post_init__(self) -> None:
        if self.lanes not in (1, 2, 4, 8):
            raise MetabitError(f"lanes of an encoder must be 1, 2, 4 or 8, not {self.lanes}")
        if not 2 * self.lanes <= self.pixels <= MOST_BYTES or self.pixels & (self.pixels - 1):
            raise MetabitError(
                f"pixels of an encoder must be a power of two, {2 * self.lanes} to {MOST_BYTES}, "
                f"not {self.pixels}"
            )
        if not 2 <= self.words <= MOST_WORDS:
            raise MetabitError(f"words of an encoder must be 2 to {MOST_WORDS}, not {self.words}")

    @property
    def address_bits(self) -> int:
        """Bits of the address of a pixel."""
        return self.pixels.bit_length() - 1

    @property
    def bank_bits(self) -> int:
        """Bits of an address that say which bank a pixel lies in."""
        return self.lanes.bit_length() - 1

    @property
    def word_bits(self) -> int:
        """Bits of the address of a word of the program."""
        return (self.words - 1).bit_length()

    def check(self, program: Program) -> None:
        """Check that a program fits.

        Raises
        ------
        MetabitError
            If it does not; says what is short.
        """
        for name, needed, available in (
            ("bytes of image memory", program.frame.bytes, self.pixels),
            ("words of the table", len(program.words), self.words),
        ):
            if needed > available:
                raise MetabitError(
                    f"the encoder program needs {needed:,} {name}, the device has {available:,}"
                )


SIZES = {
    "up5k": Sizes(pixels=1024, lanes=2, words=2048),
    "ecp5": Sizes(pixels=1024, lanes=4, words=4096),
}
"""For the encoders of the configurations of these names, and images with a border."""
