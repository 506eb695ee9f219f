"""The store that a shape asks for."""

from amaranth.lib import wiring

from ..shape import Shape


def make_store(shape: Shape) -> wiring.Component:
    """Return a store for a shape's kind of memory."""
    if shape.memory == "spram":
        from .spram import SpramStore

        return SpramStore(shape)
    from .block import BlockStore

    return BlockStore(shape)
