"""Testbenches in cocotb: blocks and the whole device, driven through their ports.

A bench is a module of this package. It names what it is run on, and how that is described::

    SHAPES: tuple[Shape, ...]
    def design(shape: Shape) -> wiring.Component: ...

and holds cocotb tests, which compare with the golden model. :mod:`.runner` compiles the component
with Verilator and runs the tests in it; ``python -m metabit.sim.benches`` does so by hand.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from amaranth.lib import wiring

from ...hdl.shape import Shape

BENCHES = ("array", "device", "head", "receiver", "rows", "search")
"""All benches, by the names of their modules."""


@dataclass(frozen=True)
class Bench:
    """A bench on one of its designs.

    Attributes
    ----------
    name : str
        Module of this package.
    shape : Shape
        What is built.
    design : callable
        Returns the component for a shape.
    """

    name: str
    shape: Shape
    design: Callable[[Shape], wiring.Component]

    def __str__(self) -> str:
        return f"{self.name}-{self.shape.name}"


def benches(*names: str) -> list[Bench]:
    """Return the named benches, or all, on all designs that they are for.

    Raises
    ------
    LookupError
        If there is no bench of a name.
    """
    found = []
    for name in names or BENCHES:
        if name not in BENCHES:
            raise LookupError(f"bench must be one of {', '.join(BENCHES)}, not {name!r}")
        module = import_module(f".{name}", __package__)
        found += [Bench(name, shape, module.design) for shape in module.SHAPES]
    return found
