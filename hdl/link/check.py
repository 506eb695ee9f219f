"""Which requests are carried out, and which are refused."""

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..bundles import Space
from ..shape import Shape
from .arithmetic import at_least
from .protocol import MAX_PREDICTIONS, MAX_READ, MAX_WORDS, POSITIONS, Operation, Request, Status


class Kind(data.StructLayout):
    """Which operation it is, a bit each; ``always``: IDENTIFY or RESET."""

    def __init__(self) -> None:
        names = ("identify", "reset", "read", "write", "run", "feed", "collect", "always")
        super().__init__(dict.fromkeys(names, 1))

    @staticmethod
    def of(operation: Value) -> dict[str, Value]:
        """Return the bits that belong to the number of an operation."""
        bits = {
            each.name.lower(): operation == each.value
            for each in Operation  # type: ignore[attr-defined]
        }
        return bits | {"always": bits["identify"] | bits["reset"]}


class Check(wiring.Component):
    """Check of a sound request against the shape and the state of the device.

    ``status`` follows its inputs by a cycle.

    Parameters
    ----------
    shape : Shape
        Says whether there are runs to be watched.

    Attributes
    ----------
    sound, damaged : in
        There is a request; if not, whether it was the CRC.
    header : :class:`Request`, in
    kind : :class:`Kind`, in
        Its operation.
    words, ragged : in
        Words of data that came with it, and whether that is not all.
    beyond : in
        A READ or WRITE ends beyond the device.
    fed : in
        Words of the run so far.
    initialised, idle : in
        State of the device.
    status : out
        ``OK`` if the request can be carried out.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        super().__init__(
            {
                "sound": In(1),
                "damaged": In(1),
                "header": In(Request()),
                "kind": In(Kind()),
                "words": In(range(MAX_WORDS + 1)),
                "ragged": In(1),
                "beyond": In(1),
                "fed": In(range(POSITIONS)),
                "initialised": In(1),
                "idle": In(1),
                "status": Out(Status),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        header, kind = self.header, self.kind
        last = max(each.value for each in Operation)  # type: ignore[attr-defined]
        operation = header.operation.as_value()

        unknown = Signal()
        not_initialised = Signal()
        busy = Signal()
        bad_length = Signal()
        bad_range = Signal()
        out_of_order = Signal()
        wanted = Signal.like(self.words)
        with m.If(kind.write):
            m.d.comb += wanted.eq(header.count)
        with m.If(kind.run):
            m.d.comb += wanted.eq(1)
        too_many = at_least(header.count, MAX_WORDS + 1) | (
            kind.read & at_least(header.count, MAX_READ + 1)
        )
        bad_place = self.beyond | (header.count == 0) | too_many
        # The host may watch what is played.
        watching: Value = Const(0)
        if self._shape.stored != "none":
            watching = header.space == Space.PLAYER.value
        m.d.sync += [
            unknown.eq((operation == 0) | at_least(operation, last + 1)),
            not_initialised.eq(~self.initialised & ~kind.always),
            busy.eq(~self.idle & ((kind.read & ~watching) | kind.write | kind.run)),
            bad_length.eq(self.ragged | Mux(kind.feed, self.words == 0, self.words != wanted)),
            bad_range.eq(
                ((kind.read | kind.write) & bad_place)
                | ((kind.feed | kind.collect) & at_least(header.count, MAX_PREDICTIONS + 1))
            ),
            out_of_order.eq(kind.feed & (header.address[: len(self.fed)] != self.fed)),
        ]

        with m.If(~self.sound):
            m.d.comb += self.status.eq(Mux(self.damaged, Status.BAD_CRC, Status.BAD_FRAME))
        with m.Elif(unknown):
            m.d.comb += self.status.eq(Status.UNKNOWN_OPERATION)
        with m.Elif(not_initialised):
            m.d.comb += self.status.eq(Status.NOT_INITIALISED)
        with m.Elif(busy):
            m.d.comb += self.status.eq(Status.BUSY)
        with m.Elif(bad_length):
            m.d.comb += self.status.eq(Status.BAD_LENGTH)
        with m.Elif(bad_range):
            m.d.comb += self.status.eq(Status.BAD_RANGE)
        with m.Elif(out_of_order):
            m.d.comb += self.status.eq(Status.OUT_OF_ORDER)
        with m.Else():
            m.d.comb += self.status.eq(Status.OK)
        return m
