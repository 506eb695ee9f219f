"""Few bits, widened: copies of all of them, and ones."""

NARROW = 64
"""Bits up to which copies are made,"""

ENOUGH = 128
"""until there are so many;"""

ONES = 2
"""and so many ones for each copy."""


def widened(spec: str, bits: int) -> str:
    """Return an encoder that delivers few bits in copies, with ones, or the encoder itself.

    A neuron of 12 bits says whether more than six of them agree with its weights; it can neither
    ignore a bit nor lean to one side. On an even number of copies it can do both: half of the
    copies of a bit against the other half is a weight of zero, and the ones are a bias. One layer
    of 64 then learns the XOR of two among 32 bits, which it cannot learn from the bits alone.

    Parameters
    ----------
    spec : str
        Encoder without copies.
    bits : int
        That it delivers.
    """
    if not 1 <= bits <= NARROW:
        return spec
    copies = 2 * -(-ENOUGH // (2 * bits))
    return f"copies:{copies},ones={ONES * copies}:{spec}"
