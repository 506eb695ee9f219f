"""The front end: raw samples come through the link, and become samples of bits for the core."""

from amaranth.hdl import Module, Mux, ResetInserter, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from ...golden.encoding.program import ADDRESS_BITS, WORD_BITS
from ..bundles import CoreSignature, Space
from ..setup import TABLE
from ..shape import LANES, Shape
from .bits import LABEL_BITS
from .encoder import Encoder
from .image import BYTE

BYTES = LANES // BYTE
"""Of a raw sample in a word, the first one lowest."""


class RawSample(data.StructLayout):
    """The word before the bytes of a raw sample.

    Attributes
    ----------
    label : 8
        Number of its class, as before encoded samples.
    origin : unsigned
        ``Frame.origin`` of the view in which it is seen.
    keep : 1
        It is the sample before, in another view: no bytes follow.
    """

    def __init__(self) -> None:
        super().__init__({"label": LABEL_BITS, "origin": ADDRESS_BITS, "keep": 1})


class Frontend(wiring.Component):
    """Stand between link and core, and encode samples when a run says that they are raw.

    Of a raw sample come a :class:`RawSample` and then its bytes, :data:`BYTES` to a word: a program
    takes as many as :class:`~metabit.golden.encoding.program.Frame` says, which must be a multiple.
    Everything else passes. The host writes and reads the encoder's table as the words of the setup
    from :data:`~metabit.hdl.setup.TABLE` on.

    Between two raw runs the encoder is held in reset: what is left of a run that was given too many
    words is gone.

    Parameters
    ----------
    shape : Shape
        Of a device that encodes.

    Attributes
    ----------
    link, core : Out(CoreSignature), In(CoreSignature)
        To be connected with the link, as the core would be, and with the core.
    """

    def __init__(self, shape: Shape) -> None:
        assert shape.encodes is not None
        self._sizes = shape.encodes
        super().__init__({"link": Out(CoreSignature(shape)), "core": In(CoreSignature(shape))})

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        link, core = self.link, self.core
        raw = Signal()
        m.submodules.encoder = encoder = ResetInserter(~raw)(Encoder(self._sizes))
        wiring.connect(m, wiring.flipped(link.run), wiring.flipped(core.run))
        wiring.connect(m, wiring.flipped(core.predictions), wiring.flipped(link.predictions))
        m.d.comb += link.idle.eq(core.idle)
        # The core is not idle in the cycle after a run was taken.
        with m.If(link.run.valid & link.run.ready):
            m.d.sync += raw.eq(link.run.payload.raw)
        with m.Elif(core.idle):
            m.d.sync += raw.eq(0)
        self._pass_samples(m, encoder, raw)
        self._serve_host(m, encoder, raw)
        return m

    def _pass_samples(self, m: Module, encoder: Encoder, raw: Signal) -> None:
        """Give the core samples as they come, or what the encoder makes of them."""
        link, core = self.link.samples, self.core.samples
        sample = data.View(RawSample(), link.payload[: RawSample().size])
        # Where the encoder stands says what a word is: it takes a sample, or bytes, or neither.
        byte = Signal(exact_log2(BYTES))
        m.d.comb += [
            encoder.samples.payload.label.eq(sample.label),
            encoder.samples.payload.origin.eq(sample.origin),
            encoder.samples.payload.keep.eq(sample.keep),
            encoder.samples.valid.eq(link.valid & raw),
            encoder.pixels.payload.eq(link.payload.word_select(byte, BYTE)),
            encoder.pixels.valid.eq(link.valid & raw),
        ]
        with m.If(~raw):
            m.d.sync += byte.eq(0)
        with m.Elif(encoder.pixels.valid & encoder.pixels.ready):
            m.d.sync += byte.eq(byte + 1)
        with m.If(raw):
            m.d.comb += [
                core.payload.eq(encoder.words.payload),
                core.valid.eq(encoder.words.valid),
                encoder.words.ready.eq(core.ready),
                link.ready.eq(encoder.samples.ready | (encoder.pixels.ready & byte.all())),
            ]
        with m.Else():
            m.d.comb += [
                core.payload.eq(link.payload),
                core.valid.eq(link.valid),
                link.ready.eq(core.ready),
            ]

    def _serve_host(self, m: Module, encoder: Encoder, raw: Signal) -> None:
        """Let the host write and read the table, and through to the core."""
        link, core = self.link.host, self.core.host
        ours, serve, done = Signal(), Signal(), Signal()
        for name in ("write", "space", "element", "address", "part", "write_data"):
            m.d.comb += getattr(core, name).eq(getattr(link, name))
        m.d.comb += [
            ours.eq((link.space == Space.SETUP) & link.address[exact_log2(TABLE)]),
            serve.eq(link.valid & ours & ~done),
            encoder.write.eq(serve & link.write),
            encoder.write_address.eq(link.address),
            encoder.write_data.eq(link.write_data[:WORD_BITS]),
            encoder.look.eq(~raw),
            core.valid.eq(link.valid & ~ours),
            link.ready.eq(Mux(ours, done, core.ready)),
            link.read_data.eq(Mux(ours, encoder.looked, core.read_data)),
        ]
        m.d.sync += done.eq(serve)
