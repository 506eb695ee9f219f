"""The player: runs whose samples come from memory beside the device, not through the link."""

from amaranth.hdl import Module, Mux, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..bundles import CoreSignature, Outcome
from ..memory.signature import Fetch, Part, Store
from ..shape import LANES, Shape
from .access import Access
from .checksum import Checksum
from .confusion import Confusion
from .registers import RECORD_BITS
from .spans import Spans
from .strides import Strides

_OWED_BITS = RECORD_BITS + 2
"""Of the number of words that a memory owes: of all requests that it takes ahead."""


class Player(wiring.Component):
    """Stand between link and core, and play stored samples to the core when a run says so.

    Everything else passes: runs whose samples come through the link, predictions, and the host's
    way to the core. In a played run predictions are counted, right and wrong, in larger
    devices by class, too, and not passed on.

    Parameters
    ----------
    shape : Shape
        Its ``stored`` says which memory there is.

    Attributes
    ----------
    link, core : Out(CoreSignature), In(CoreSignature)
        To be connected with the link, as the core would be, and with the core.
    outcome : In(Outcome)
        What the core makes of the samples.
    fetch : Out(Fetch)
        The way to the memory.
    store : Out(Store)
        Only where memory can be written.
    instruct : Out(stream of Part)
        Only of a flash: instructions of the host.
    abort : In(1)
        End whatever is played. Words that the memory still owes are dropped when they come, and
        no played run begins before.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        members = {
            "link": Out(CoreSignature(shape)),
            "core": In(CoreSignature(shape)),
            "outcome": In(Outcome(shape)),
            "fetch": Out(Fetch()),
            "abort": In(1),
        }
        if shape.writable:
            members["store"] = Out(Store())
        if shape.keeps:
            members["instruct"] = Out(stream.Signature(Part()))
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        m.submodules.strides = strides = ResetInserter(self.abort)(Strides(self._shape))
        m.submodules.spans = spans = ResetInserter(self.abort)(Spans(self._shape))
        m.submodules.access = access = ResetInserter(self.abort)(Access(self._shape))
        m.submodules.checksum = checksum = Checksum()
        link, core, run = self.link, self.core, self.link.run
        owed, owing = Signal(_OWED_BITS), Signal()  # words of the memory; not reset by an abort
        self._ask = Signal()  # the host wants a word of a flash
        checking = Signal()  # words go to the checksum, not to the core
        m.d.comb += owing.eq(owed != 0)
        self._take_words(m)

        wiring.connect(m, wiring.flipped(link.host), access.host)
        wiring.connect(m, access.core, wiring.flipped(core.host))
        wiring.connect(m, wiring.flipped(self.outcome), access.outcome)
        for name in ("base", "words", "samples", "mask", "stride", "place"):
            m.d.comb += getattr(strides, name).eq(getattr(access, name))
        m.d.comb += [
            access.next_place.eq(strides.next_place),
            access.advance.eq(strides.advance),
            access.busy.eq(spans.busy | checking),
            access.owing.eq(owing),
            access.crc.eq(checksum.crc),
            spans.span.eq(access.span),
            spans.whole.eq(run.payload),
            spans.idle.eq(core.idle),
            strides.count.eq(
                Mux(spans.busy, spans.run.payload.samples, Mux(self._ask, 1, run.payload.samples))
            ),
            link.idle.eq(core.idle & ~spans.busy & ~checking),
        ]
        begin = Signal()
        m.d.comb += [
            begin.eq(run.valid & run.payload.stored & ~owing & core.idle & ~access.busy),
            access.begin.eq(begin),
            # No more is asked for than the span's: the store takes words at any time.
            strides.start.eq(
                (begin & run.payload.check) | (spans.run.valid & spans.run.ready) | self._ask
            ),
            spans.start.eq(begin & ~run.payload.check),
            checksum.start.eq(begin),
        ]
        with m.If(begin & run.payload.check):
            m.d.sync += checking.eq(1)
        with m.Elif((~strides.busy & ~owing & ~self._words.valid) | self.abort):
            m.d.sync += checking.eq(0)
        self._pass_samples(m, spans, begin)
        if self._shape.confusion:
            self._count_classes(m, spans, access)
        self._pass_words(m, spans, strides, access, checksum, checking)
        asked = self.fetch.request.valid & self.fetch.request.ready
        came = self.fetch.words.valid & self.fetch.words.ready
        m.d.sync += owed.eq(owed + Mux(asked, self.fetch.request.payload.words, 0) - came)
        return m

    def _take_words(self, m: Module) -> None:
        """Take the words of the memory, in large devices by a register: the way is long."""
        fetched = self.fetch.words
        words = self._words = stream.Signature(LANES).create(path=("words",))
        if self._shape.memory != "block":
            m.d.comb += [
                words.payload.eq(fetched.payload),
                words.valid.eq(fetched.valid),
                fetched.ready.eq(words.ready),
            ]
            return
        kept, full = Signal(LANES, reset_less=True), Signal()
        m.d.comb += [words.payload.eq(kept), words.valid.eq(full), fetched.ready.eq(~full)]
        with m.If(~full):
            m.d.sync += kept.eq(fetched.payload)
        m.d.sync += full.eq(Mux(full, ~words.ready, fetched.valid) & ~self.abort)

    def _pass_samples(self, m: Module, spans: Spans, begin: Signal) -> None:
        """Give the core what is played, or what comes through the link."""
        link, core, words = self.link, self.core, self._words
        # The store must see no word before a run has started.
        begun = Signal()
        taking = self._taking = Signal()
        self._counted = Signal(init=1)  # what was predicted; stays 1 where nobody counts
        m.d.sync += begun.eq(spans.running & ~self.abort)
        m.d.comb += [
            taking.eq(begun & spans.running),
            link.predictions.payload.eq(core.predictions.payload),
        ]
        with m.If(spans.busy):
            m.d.comb += [
                core.run.payload.eq(spans.run.payload),
                core.run.valid.eq(spans.run.valid),
                spans.run.ready.eq(core.run.ready),
                core.samples.payload.eq(words.payload),
                core.samples.valid.eq(words.valid & taking),
                core.predictions.ready.eq(self._counted),
            ]
        with m.Else():
            m.d.comb += [
                core.run.payload.eq(link.run.payload),
                core.run.valid.eq(link.run.valid & ~link.run.payload.stored),
                link.run.ready.eq(Mux(link.run.payload.stored, begin, core.run.ready)),
                core.samples.payload.eq(link.samples.payload),
                core.samples.valid.eq(link.samples.valid),
                link.samples.ready.eq(core.samples.ready),
                link.predictions.valid.eq(core.predictions.valid),
                core.predictions.ready.eq(link.predictions.ready),
            ]

    def _count_classes(self, m: Module, spans: Spans, access: Access) -> None:
        """Count what is predicted of each class, from zero in every run."""
        reset = self.abort | spans.start
        m.submodules.confusion = confusion = ResetInserter(reset)(Confusion(self._shape))
        m.d.comb += [
            confusion.predictions.payload.eq(self.core.predictions.payload),
            confusion.predictions.valid.eq(self.core.predictions.valid & spans.busy),
            confusion.label.eq(self.outcome.label),
            confusion.address.eq(access.host.address),
            access.count.eq(confusion.count),
            self._counted.eq(confusion.predictions.ready),
        ]

    def _pass_words(
        self,
        m: Module,
        spans: Spans,
        strides: Strides,
        access: Access,
        checksum: Checksum,
        checking: Signal,
    ) -> None:
        """Ask the memory for records, or for what the host wants to see; and take the words."""
        fetch, words = self.fetch, self._words
        playing = access.busy
        m.d.comb += [
            checksum.words.payload.eq(words.payload),
            checksum.words.valid.eq(words.valid & checking),
        ]
        with m.If(spans.busy):
            m.d.comb += words.ready.eq(self.core.samples.ready & self._taking)
        with m.Elif(checking):
            m.d.comb += words.ready.eq(checksum.words.ready)
        with m.Else():
            # The window's, or what an abort has left.
            m.d.comb += words.ready.eq(1)
        if not self._shape.writable:
            wiring.connect(m, strides.request, wiring.flipped(fetch.request))
            if self._shape.keeps:
                wiring.connect(m, access.instruct, wiring.flipped(self.instruct))
                m.d.comb += [
                    self._ask.eq(access.ask),
                    access.came.eq(words.valid & words.ready),
                    access.word.eq(words.payload),
                ]
            return
        window = access.fetch
        wiring.connect(m, access.store, wiring.flipped(self.store))
        m.d.comb += [
            window.words.payload.eq(words.payload),
            window.words.valid.eq(words.valid & ~playing),
            fetch.request.payload.eq(Mux(playing, strides.request.payload, window.request.payload)),
            fetch.request.valid.eq(Mux(playing, strides.request.valid, window.request.valid)),
            strides.request.ready.eq(fetch.request.ready & playing),
            window.request.ready.eq(fetch.request.ready & ~playing),
        ]
