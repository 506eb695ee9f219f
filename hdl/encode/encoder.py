"""The encoder: a program, an image, and what makes bits of them."""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.encoding.program import WORD_BITS, Kind
from ..shape import LANES
from .bits import LABEL_BITS, Bits
from .image import BYTE, Image
from .marks import Marks
from .sizes import Sizes
from .steps import Steps
from .table import Table
from .words import view_of


class Sample(data.StructLayout):
    """What is to become a sample of bits.

    Attributes
    ----------
    label : 8
        The word in front of its bits.
    origin : unsigned
        What is added to all addresses: ``Frame.origin`` of a view.
    keep : 1
        The image is the one that is there; no pixels follow.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__({"label": LABEL_BITS, "origin": sizes.address_bits, "keep": 1})


class Encoder(wiring.Component):
    """Make samples of bits of samples of bytes, as a program says.

    For every sample the program is read once, from its first word. Bytes of the image are taken
    one a cycle, then the bits are made: a cycle for up to ``lanes`` pixels of each row of a
    rectangle. Words of bits can be taken at any time; while one waits, no bits are made.

    Parameters
    ----------
    sizes : Sizes

    Attributes
    ----------
    write, write_address, write_data : In
        Write a word of the program, while no sample is in progress.
    look : In(1)
        Look at the word at ``write_address``, while none is: it is ``looked`` a cycle later.
    looked : Out(32)
    samples : In(stream of Sample)
        Taken when nothing is in progress.
    pixels : In(stream of 8 bits)
        Bytes of the image, ``Frame.bytes`` of them, in the order of ``Frame.pack``.
    words : Out(stream of 64 bits)
        Label and bits, as the core takes them.
    """

    def __init__(self, sizes: Sizes) -> None:
        self._sizes = sizes
        super().__init__(
            {
                "write": In(1),
                "write_address": In(sizes.word_bits),
                "write_data": In(WORD_BITS),
                "look": In(1),
                "looked": Out(WORD_BITS),
                "samples": In(stream.Signature(Sample(sizes))),
                "pixels": In(stream.Signature(BYTE)),
                "words": Out(stream.Signature(LANES)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the logic."""
        m = Module()
        sizes = self._sizes
        m.submodules.table = table = Table(sizes)
        m.submodules.image = image = Image(sizes)
        m.submodules.steps = steps = Steps(sizes)
        m.submodules.marks = marks = Marks(sizes)
        m.submodules.bits = bits = Bits()
        m.d.comb += [
            table.write.eq(self.write),
            table.write_address.eq(self.write_address),
            table.write_data.eq(self.write_data),
            table.look.eq(self.look),
            self.looked.eq(table.looked),
            steps.words.payload.eq(table.words.payload),
            steps.taken.eq(self.words.valid & self.words.ready),
            image.pixel.eq(steps.pixel),
            image.neighbour.eq(steps.neighbour),
            image.write_data.eq(self.pixels.payload),
            marks.valid.eq(steps.valid),
            marks.step.eq(steps.step),
            marks.threshold.eq(steps.threshold),
            marks.pixels.eq(image.pixels),
            marks.neighbours.eq(image.neighbours),
            bits.valid.eq(marks.bit_valid),
            bits.bit.eq(marks.bit),
            bits.ends.eq(marks.word_ends),
            bits.label.eq(self.samples.payload.label),
        ]
        wiring.connect(m, bits.words, wiring.flipped(self.words))

        frame = view_of(Kind.FRAME, table.words.payload)
        address, last = Signal(sizes.address_bits), Signal(sizes.address_bits)
        keep = Signal()
        m.d.comb += image.write_address.eq(address)
        with m.FSM(name="encoder"):
            with m.State("Rest"):
                m.d.comb += self.samples.ready.eq(1)
                with m.If(self.samples.valid):
                    m.d.comb += [table.rewind.eq(1), steps.start.eq(1), bits.begin.eq(1)]
                    m.d.sync += [
                        steps.origin.eq(self.samples.payload.origin),
                        keep.eq(self.samples.payload.keep),
                    ]
                    m.next = "Frame"
            with m.State("Frame"):
                m.d.comb += table.words.ready.eq(1)
                m.d.sync += [steps.pitch.eq(frame.pitch), last.eq(frame.last), address.eq(0)]
                with m.If(table.words.valid):
                    m.next = "Fill"
                    with m.If(keep):
                        m.next = "Walk"
            with m.State("Fill"):
                m.d.comb += [self.pixels.ready.eq(1), image.write.eq(self.pixels.valid)]
                with m.If(self.pixels.valid):
                    m.d.sync += address.eq(address + 1)
                    with m.If(address == last):
                        m.next = "Walk"
            with m.State("Walk"):
                m.d.comb += [
                    steps.words.valid.eq(table.words.valid),
                    table.words.ready.eq(steps.words.ready),
                ]
                with m.If(steps.ended):
                    m.next = "Rest"
        return m
