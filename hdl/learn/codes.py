"""The classifiers' code bits, neuron by neuron, and the winners that wait for their updates."""

from typing import TYPE_CHECKING

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..bundles import address_bits
from ..shape import Shape

if TYPE_CHECKING:
    import enum
else:
    from amaranth.lib import enum


class Mark(enum.Enum, shape=2):  # type: ignore[call-arg]
    """What the search writes down."""

    ROW = 0
    """A winner."""
    LAYER = 1
    """End of a layer of a sample."""
    SAMPLE = 2
    """End of a sample."""
    TILE = 3
    """End of a sample that is the last of its tile."""


class Found(data.StructLayout):
    """A winner, or the end of a layer or of a sample; as :class:`~metabit.hdl.bundles.Job`."""

    def __init__(self, shape: Shape) -> None:
        super().__init__({"kind": Mark, "address": address_bits(shape), "desired": 1})


class CodesSignature(wiring.Signature):
    """Interface of the code memory and of the winners, as seen by the memory.

    ``emit`` reads the word at ``emit_address``, which comes ``code_latency`` cycles later on
    ``emitted``. ``scan.valid`` asks for the word at ``scan_address``; when ``scan.ready``, it comes
    ``code_latency`` cycles later on ``scanned``. ``found[s].valid`` writes down a mark of column s,
    at most one a cycle over all columns if there is but one; there must be room. ``waiting[s]``
    gives them back in order. ``write`` loads a code word; nothing else may be under way then.
    """

    def __init__(self, shape: Shape) -> None:
        bits, samples = ceil_log2(shape.codes), range(shape.samples)
        super().__init__(
            {
                "emit": In(1),
                "emit_address": In(bits),
                "emitted": Out(shape.code_bits),
                "scan": In(wiring.Signature({"valid": Out(1), "ready": In(1)})),
                "scan_address": In(bits),
                "scanned": Out(shape.code_bits),
                "write": In(1),
                "write_address": In(bits),
                "write_data": In(shape.code_bits),
                **{
                    f"found_{s}": In(
                        wiring.Signature({"valid": Out(1), "payload": Out(Found(shape))})
                    )
                    for s in samples
                },
                **{f"waiting_{s}": Out(stream.Signature(Found(shape))) for s in samples},
            }
        )


class Codes(wiring.Component):
    """Code memory with a copy for each of its readers, and a queue of winners for each column.

    Parameters
    ----------
    shape : Shape

    Attributes
    ----------
    See :class:`CodesSignature`.
    """

    latency = 2

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        super().__init__(CodesSignature(shape))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shape = self._shape
        for name, address, word in (
            ("emitted", self.emit_address, self.emitted),
            ("scanned", self.scan_address, self.scanned),
        ):
            m.submodules[name] = memory = Memory(
                shape=shape.code_bits,
                depth=shape.codes,
                init=[],
                attrs=shape.small_memory_attributes,
            )
            read, write = memory.read_port(), memory.write_port()
            m.d.comb += [
                read.addr.eq(address),
                write.addr.eq(self.write_address),
                write.data.eq(self.write_data),
                write.en.eq(self.write),
            ]
            m.d.sync += word.eq(read.data)
        m.d.comb += self.scan.ready.eq(1)
        for s in range(shape.samples):
            m.submodules[f"winners_{s}"] = queue = Queue(Found(shape).size, shape.winners)
            found, waiting = getattr(self, f"found_{s}"), getattr(self, f"waiting_{s}")
            m.d.comb += [
                queue.put.eq(found.valid),
                queue.put_data.eq(found.payload),
                waiting.valid.eq(queue.taken.valid),
                waiting.payload.as_value().eq(queue.taken.payload),
                queue.taken.ready.eq(waiting.ready),
            ]
        return m


class Queue(wiring.Component):
    """First in, first out, in a memory that is read with a cycle's delay.

    Parameters
    ----------
    width, depth : int

    Attributes
    ----------
    put : In(1)
        Write ``put_data``; there must be room.
    put_data : In(width)
    taken : Out(stream)
    """

    def __init__(self, width: int, depth: int) -> None:
        self._width = width
        self._depth = 1 << ceil_log2(depth)
        super().__init__(
            {"put": In(1), "put_data": In(width), "taken": Out(stream.Signature(width))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = memory = Memory(
            shape=self._width,
            depth=self._depth,
            init=[],
            attrs={"ram_style": "distributed"},
        )
        read, write = memory.read_port(), memory.write_port()
        into, out = Signal(range(2 * self._depth)), Signal(range(2 * self._depth))
        m.d.comb += [
            write.addr.eq(into[:-1]),
            write.data.eq(self.put_data),
            write.en.eq(self.put),
            read.addr.eq(out[:-1]),
            self.taken.payload.eq(read.data),
        ]
        m.d.sync += into.eq(into + self.put)
        # A word is read in the cycle after its pointer points at it; it stands until it is taken.
        m.d.comb += read.en.eq(~self.taken.valid)
        with m.If(self.taken.valid):
            with m.If(self.taken.ready):
                m.d.sync += [self.taken.valid.eq(0), out.eq(out + 1)]
        with m.Elif(into != out):
            m.d.sync += self.taken.valid.eq(1)
        return m


class SharedCodes(wiring.Component):
    """Code memory and winners of one column in one block RAM, with one reader at a time.

    Emitted words go first, then a winner that is waited for, then the scan. Codes lie in the lower
    half, winners in the upper.

    Parameters
    ----------
    shape : Shape
        Of one column; its ``codes`` and ``winners`` are each at most half of the memory.

    Attributes
    ----------
    See :class:`CodesSignature`.
    """

    latency = 1

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        super().__init__(CodesSignature(shape))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shape = self._shape
        half = ceil_log2(max(shape.codes, shape.winners))
        width = max(shape.code_bits, Found(shape).size)
        m.submodules.memory = memory = Memory(shape=width, depth=2 << half, init=[])
        read, write = memory.read_port(), memory.write_port()
        found, waiting = self.found_0, self.waiting_0
        into, out = Signal(half + 1), Signal(half + 1)
        m.d.comb += [
            self.emitted.eq(read.data),
            self.scanned.eq(read.data),
            write.en.eq(self.write | found.valid),
            write.addr.eq(Cat(self.write_address, Const(0, half + 1 - len(self.write_address)))),
            write.data.eq(self.write_data),
        ]
        with m.If(found.valid):
            m.d.comb += [
                write.addr.eq(Cat(into[:-1], 1)),
                write.data.eq(found.payload),
            ]
            m.d.sync += into.eq(into + 1)

        fetch, fetched = Signal(), Signal()
        # A cycle late, which is early enough: between two fetches lie more.
        some = Signal()
        m.d.sync += some.eq(into != out)
        mark = Signal(Found(shape))
        m.d.comb += [
            fetch.eq(~self.emit & ~fetched & ~waiting.valid & some),
            self.scan.ready.eq(~self.emit & ~fetch),
            read.addr.eq(Mux(self.emit, self.emit_address, self.scan_address)),
            waiting.payload.eq(mark),
        ]
        with m.If(fetch):
            m.d.comb += read.addr.eq(Cat(out[:-1], 1))
        m.d.sync += fetched.eq(fetch)
        with m.If(waiting.ready):
            m.d.sync += waiting.valid.eq(0)
        with m.If(fetched):
            m.d.sync += [mark.as_value().eq(read.data), waiting.valid.eq(1), out.eq(out + 1)]
        return m
