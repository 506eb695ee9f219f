"""What every check of a self-test works with."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields

import numpy as np

from ..hdl.link.protocol import Operation
from ..hdl.shape import Shape
from ..host.driver import Driver
from ..host.packets import Request
from ..host.requester import LinkCounts
from ..host.transport import Transport
from .line import Line

_SEED = 2026


@dataclass
class Bench:
    """A device, and the ways to it.

    Attributes
    ----------
    transport : Transport
    shape : Shape
        What the device was built as.
    baud : int or None
        Bits per second of its serial line; None: there is none, it is simulated.
    counts : LinkCounts
        Of all that has been asked so far.
    """

    transport: Transport
    shape: Shape
    baud: int | None
    counts: LinkCounts = field(default_factory=LinkCounts)

    def line(self) -> Line:
        """Return a line to the device, which is left at what it does."""
        return Line(self.transport, self.counts)

    def reset_line(self) -> Line:
        """Return a line to the device, which does nothing."""
        line = self.line()
        line.ask(Request(Operation.RESET))
        return line

    @contextmanager
    def driver(self) -> Iterator[Driver]:
        """Return a driver, which repairs what the line spoils, and counts that."""
        driver = Driver(self.transport, self.shape)
        try:
            yield driver
        finally:
            for each in fields(LinkCounts):
                total = getattr(self.counts, each.name) + getattr(driver.link, each.name)
                setattr(self.counts, each.name, total)

    @staticmethod
    def random() -> np.random.Generator:
        """Return random numbers, the same every time."""
        return np.random.default_rng(_SEED)
