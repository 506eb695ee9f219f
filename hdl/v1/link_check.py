"""Which requests the device carries out, and the check that refuses all others."""

from dataclasses import dataclass

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .layout import Layout
from .protocol import (
    MAX_EXPONENT,
    Operation,
    Request,
    Status,
    count_limit,
    data_unit,
    limit,
    result_unit,
)

SAMPLE_OPERATIONS = (Operation.WRITE_INPUTS, Operation.READ_POPCOUNTS)
"""Requests that name a sample of the tile."""

STATE_OPERATIONS = (Operation.RESET, Operation.WRITE_GENERATOR)
"""Requests whose address is a generator state, which must not be zero."""

_PRODUCT_BITS = 8


@dataclass(frozen=True)
class Rule:
    """What the fields of a request may be.

    Attributes
    ----------
    data_unit, result_unit : int
        Bytes per unit of ``count``.
    most : int
        Largest ``count``, the smallest being 1; 0 if it is not looked at.
    end : int or None
        Largest ``address + count``; None if address is no address.
    """

    data_unit: int
    result_unit: int
    most: int
    end: int | None

    @classmethod
    def of(cls, operation: Operation, layout: Layout) -> "Rule":
        """Return the rule of an operation."""
        return cls(
            data_unit(operation, layout.config),
            result_unit(operation, layout.config),
            count_limit(operation, layout),
            limit(operation, layout),
        )


class RequestCheck(wiring.Component):
    """Check of a request whose frame is sound.

    Products ``count * unit`` take a cycle per bit of ``count``, first that of the data, then that
    of the result; ``done`` follows ``start`` after 17 cycles.

    Parameters
    ----------
    layout : Layout
        Limits follow from it by :class:`Rule`, one table entry per operation.

    Attributes
    ----------
    start : in
        Check the request; ``header``, ``data_bytes`` and ``bad_label`` are constant until done.
    header : :class:`Request`, in
        Header of the request.
    data_bytes : in
        Bytes that came between header and CRC.
    bad_label : in
        One of them is no class.
    done : out
        High for a cycle; the following members are valid then and until the next start.
    status : out
        ``OK`` if the core can carry the request out.
    result_bytes : out
        Bytes of result.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        super().__init__(
            {
                "start": In(1),
                "header": In(Request()),
                "data_bytes": In(8),
                "bad_label": In(1),
                "done": Out(1),
                "status": Out(Status),
                "result_bytes": Out(8),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        rules = {
            operation: Rule.of(operation, self._layout)
            for operation in Operation  # type: ignore[attr-defined]
        }
        header = self.header
        end_bits = max(rule.end or 0 for rule in rules.values()).bit_length()

        known = Signal()
        data_unit, result_unit, most = Signal(8), Signal(8), Signal(8)
        bounded = Signal()
        end = Signal(end_bits)
        with m.Switch(header.operation):
            for operation, rule in rules.items():
                with m.Case(operation):
                    m.d.comb += [
                        known.eq(1),
                        data_unit.eq(rule.data_unit),
                        result_unit.eq(rule.result_unit),
                        most.eq(rule.most),
                        bounded.eq(rule.end is not None),
                        end.eq(rule.end or 0),
                    ]

        # Registered in steps; all of it has settled long before the products are done.
        bad_count = Signal()
        space = Signal(end_bits)
        bad_address = Signal()
        m.d.sync += [
            bad_count.eq((most != 0) & ((header.count == 0) | (header.count > most))),
            space.eq(end - header.count),
            bad_address.eq(0),
        ]
        with m.If(bounded):
            m.d.sync += bad_address.eq(header.address > space)
        with m.Switch(header.operation):
            with m.Case(Operation.TRAIN):
                annealing, damping = header.address[:8], header.address[8:16]
                m.d.sync += bad_address.eq(
                    (annealing > MAX_EXPONENT)
                    | (damping > MAX_EXPONENT)
                    | header.address[16:].any()
                    | self.bad_label
                )
            with m.Case(*STATE_OPERATIONS):
                m.d.sync += bad_address.eq(header.address == 0)
        bad_sample = Signal()
        with m.Switch(header.operation):
            with m.Case(*SAMPLE_OPERATIONS):
                m.d.comb += bad_sample.eq(header.sample >= self._layout.config.tile)

        busy = Signal()
        bit = Signal(range(_PRODUCT_BITS))
        of_result = Signal()
        product = Signal(_PRODUCT_BITS)
        bad_length = Signal()
        unit = Mux(of_result, result_unit, data_unit)
        count_bit = header.count[::-1].bit_select(bit, 1)
        first = bit == 0
        with m.If(self.start):
            m.d.sync += [busy.eq(1), bit.eq(0), of_result.eq(0)]
        with m.Elif(busy):
            m.d.sync += [
                bit.eq(bit + 1),
                product.eq((Mux(first, 0, product) << 1) + Mux(count_bit, unit, 0)),
            ]
            with m.If(first & of_result):
                m.d.sync += bad_length.eq(product != self.data_bytes)
            with m.If(bit == _PRODUCT_BITS - 1):
                m.d.sync += [of_result.eq(1), busy.eq(~of_result)]
        was_busy = Signal()
        m.d.sync += was_busy.eq(busy)
        m.d.comb += [self.done.eq(was_busy & ~busy), self.result_bytes.eq(product)]

        # The products are right modulo 256 only, so a count that is too large comes first.
        with m.If(~known):
            m.d.comb += self.status.eq(Status.UNKNOWN_OPERATION)
        with m.Elif(bad_count):
            m.d.comb += self.status.eq(Status.BAD_RANGE)
        with m.Elif(bad_length):
            m.d.comb += self.status.eq(Status.BAD_LENGTH)
        with m.Elif(bad_address | bad_sample):
            m.d.comb += self.status.eq(Status.BAD_RANGE)
        with m.Else():
            m.d.comb += self.status.eq(Status.OK)
        return m
