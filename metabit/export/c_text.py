"""Pieces of C."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

WORD = 32
"""Bits of a word; C99 has a type of exactly so many wherever it has 8-bit bytes."""

_WIDTH = 96


def array(kind: str, name: str, numbers: Sequence[int]) -> str:
    """Return the definition of a constant array."""
    suffix = {"@_word": "u", "int64_t": "LL"}.get(kind, "")
    texts = [f"0x{n:08x}{suffix}" if kind == "@_word" else f"{n}{suffix}" for n in numbers]
    lines, line = [], "   "
    for text in texts:
        if len(line) + len(text) + 2 > _WIDTH:
            lines.append(line)
            line = "   "
        line += f" {text},"
    lines.append(line)
    body = "\n".join(lines)
    return f"static const {kind} {name}[{len(numbers)}] = {{\n{body}\n}};"


def bytes_type(largest: int) -> str:
    """Return the smallest unsigned type that holds numbers up to this one."""
    return "uint8_t" if largest < 1 << 8 else "uint16_t" if largest < 1 << 16 else "uint32_t"


def words_of(bits: npt.NDArray[np.bool_]) -> list[int]:
    """Return rows of bits as words, first bit lowest, each row from a word of its own on."""
    count = -(-bits.shape[-1] // WORD)
    padded = np.zeros((*bits.shape[:-1], count * WORD), bool)
    padded[..., : bits.shape[-1]] = bits
    packed = np.packbits(padded, axis=-1, bitorder="little")
    return np.ascontiguousarray(packed).view("<u4").ravel().tolist()


def text_literal(text: str) -> str:
    """Return a text as C writes it, in UTF-8; no escape runs into what follows it."""
    # Not the at sign either, which stands for the prefix of all names.
    plain = (
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?@' else f"\\{byte:03o}"
        for byte in text.encode()
    )
    return f'"{"".join(plain)}"'
